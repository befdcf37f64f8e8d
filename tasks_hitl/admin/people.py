"""Who acts on the desk."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def person_of(request: HttpRequest) -> User:
    """Return the person who is signed in; the admin's guard has seen to it that there is one."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
