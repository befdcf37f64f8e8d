"""The demo publisher's sales staff, one for each role."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import Group, User


@dataclass(frozen=True)
class DemoPerson:
    """A member of staff; the user name is the role, which is also the group's name."""

    role: str
    first_name: str
    last_name: str


STAFF = (
    DemoPerson("rep", "Riley", "Novak"),
    DemoPerson("approver", "Ana", "Okafor"),
    DemoPerson("director", "Dana", "Lindqvist"),
    DemoPerson("viewer", "Vikram", "Marsh"),
)


def staff_create(*, random_passwords: bool) -> dict[str, str]:
    """Create one user for each role; return user name → password.

    Known passwords (`rep-demo`) are for a database that only this machine reaches.
    """
    passwords = {
        person.role: secrets.token_urlsafe(12) if random_passwords else f"{person.role}-demo"
        for person in STAFF
    }
    for person in STAFF:
        user = User.objects.create_user(
            person.role,
            email=f"{person.role}@northernledger.example",
            password=passwords[person.role],
            first_name=person.first_name,
            last_name=person.last_name,
            is_staff=True,
        )
        user.groups.add(Group.objects.get(name=person.role))
    return passwords
