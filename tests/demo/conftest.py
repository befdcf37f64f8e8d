"""The demo publisher, seeded on a fixed Thursday noon in New York."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from adcp_sales.demo.seeding import Seeded, demo_seed

NOW = datetime(2027, 3, 11, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Seeded]:
    """Seed once for a module, in a transaction that is rolled back at its end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo_seed(now=NOW)
        transaction.set_rollback(True)


@pytest.fixture
def db(seeded: Seeded) -> Iterator[None]:
    """Stand in for pytest-django's, which would close the connection under the shared seeds.

    It must have this name: without a test that uses `db` no test database is made at all.
    """
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def demo(db: None, seeded: Seeded) -> Seeded:
    """What was seeded; whatever the test changes is rolled back."""
    return seeded
