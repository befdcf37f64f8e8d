"""Addresses of the desk's own pages, mounted inside the admin by its site."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, path

from tasks_hitl.admin import approvals

View = Callable[..., HttpResponse]


def desk_urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """Return the pages' patterns; `wrap` is the admin site's guard."""
    pages = (
        ("approvals/", approvals.queue, "approvals"),
        ("approvals/decided/", approvals.decided, "approvals_decided"),
        ("approvals/<str:task_id>/", approvals.approval, "approval"),
        ("approvals/<str:task_id>/approve/", approvals.approve, "approval_approve"),
        ("approvals/<str:task_id>/ask/", approvals.ask, "approval_ask"),
        ("approvals/<str:task_id>/reject/", approvals.reject, "approval_reject"),
    )
    return [path(route, wrap(view), name=name) for route, view, name in pages]
