"""Who sits at the desk."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import people
from tests.desk.browser import (
    another_desk,
    browser_context_args,
    browser_type_launch_args,
    desk,
)

__all__ = [
    "another_desk",
    "browser_context_args",
    "browser_type_launch_args",
    "desk",
]


@pytest.fixture
def rep(db: Any) -> User:
    return people.make_staff("rep", "rep")


@pytest.fixture
def director(db: Any) -> User:
    return people.make_staff("director", "director")


@pytest.fixture
def superuser(db: Any) -> User:
    return User.objects.create_superuser("root", password="root-password")


@pytest.fixture
def staff_client(client: Client, approver: User) -> Client:
    """The approver, signed in."""
    client.force_login(approver)
    return client
