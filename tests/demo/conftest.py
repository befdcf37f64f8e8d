"""The demo publisher, seeded on a fixed Thursday noon in New York."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from pytest_django import DjangoDbBlocker

from adcp_sales.demo.seeding import Seeded, demo_seed
from tests import people

NOW = datetime(2027, 3, 11, 17, 0, tzinfo=UTC)


def roles_present() -> None:
    """Put the roles back that a transactional test emptied with all other tables."""
    if not Group.objects.exists():
        people._make_roles_again()


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Seeded]:
    """Seed once for a module, in a transaction that is rolled back at its end.

    A module that uses it uses no `db` fixture, which would close the connection under it.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        roles_present()
        yield demo_seed(now=NOW)
        transaction.set_rollback(True)


@pytest.fixture
def demo(seeded: Seeded) -> Iterator[Seeded]:
    """What was seeded; whatever the test changes is rolled back."""
    with transaction.atomic():
        yield seeded
        transaction.set_rollback(True)
