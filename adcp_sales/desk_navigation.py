"""The desk's menu: what a person may open, with the numbers that wait behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from mediabuys.selectors.desk import (
    CappedCount,
    capped_count,
    creatives_to_review,
    troubled_bookings,
)
from tasks_hitl.desk.home import FRESH
from tasks_hitl.selectors import waiting_tasks


@dataclass(frozen=True)
class Item:
    """One line of the menu; shown to people with `permission`."""

    title: str
    icon: str
    view: str
    permission: str


MENU: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "Sales desk",
        (
            Item("Home", "home", "index", ""),
            Item("Approvals", "inbox", "approvals", "tasks_hitl.view_task"),
            Item("Decided", "task_alt", "approvals_decided", "tasks_hitl.view_task"),
            Item(
                "Proposals",
                "lightbulb",
                "mediabuys_proposal_changelist",
                "mediabuys.view_proposal",
            ),
            Item(
                "Media buys", "campaign", "mediabuys_mediabuy_changelist", "mediabuys.view_mediabuy"
            ),
            Item("Creative review", "rate_review", "creative_review", "mediabuys.view_creative"),
            Item("Creatives", "image", "mediabuys_creative_changelist", "mediabuys.view_creative"),
        ),
    ),
    (
        "Catalog",
        (
            Item(
                "Products", "inventory_2", "mediabuys_product_changelist", "mediabuys.view_product"
            ),
            Item(
                "Formats",
                "crop_landscape",
                "mediabuys_creativeformat_changelist",
                "mediabuys.view_creativeformat",
            ),
            Item("Properties", "web", "mediabuys_property_changelist", "mediabuys.view_property"),
        ),
    ),
    (
        "Buyers",
        (
            Item(
                "Accounts",
                "account_balance",
                "mediabuys_account_changelist",
                "mediabuys.view_account",
            ),
            Item(
                "Agents", "smart_toy", "mediabuys_principal_changelist", "mediabuys.view_principal"
            ),
            Item("API tokens", "key", "protocol_apitoken_changelist", "protocol.view_apitoken"),
        ),
    ),
    (
        "Operations",
        (
            Item("Ad server", "dns", "ad_server", "mediabuys.view_adserverfeed"),
            Item(
                "Bookings",
                "playlist_add_check",
                "mediabuys_booking_changelist",
                "mediabuys.view_booking",
            ),
            Item("Notifications", "send", "webhooks_delivery_changelist", "webhooks.view_delivery"),
            Item(
                "Scheduled jobs",
                "schedule",
                "django_celery_beat_periodictask_changelist",
                "django_celery_beat.view_periodictask",
            ),
        ),
    ),
    (
        "Settings",
        (
            Item(
                "Approval rules",
                "rule",
                "tasks_hitl_ruleversion_changelist",
                "tasks_hitl.view_ruleversion",
            ),
            Item(
                "Publisher",
                "storefront",
                "mediabuys_publisher_changelist",
                "mediabuys.view_publisher",
            ),
            Item("Staff", "group", "auth_user_changelist", "auth.view_user"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu for this person in unfold's shape."""
    badges = _badges(request)
    groups = [
        {"title": title, "items": list(_items(request, items, badges))} for title, items in MENU
    ]
    return [group for group in groups if group["items"]]


def _items(
    request: HttpRequest, items: Iterable[Item], badges: dict[str, tuple[CappedCount, str]]
) -> Iterable[dict[str, Any]]:
    for item in items:
        if item.permission and not request.user.has_perm(item.permission):
            continue
        try:
            link = reverse(f"admin:{item.view}")
        except NoReverseMatch:
            # Its page belongs to an app that this deployment does not register.
            continue
        entry: dict[str, Any] = {
            "title": item.title,
            "icon": item.icon,
            "link": link,
            "active": _is_active(request, item, link),
        }
        number, variant = badges.get(item.view, (CappedCount(0), ""))
        if number:
            entry |= {"badge": str(number), "badge_variant": variant}
        yield entry


def _is_active(request: HttpRequest, item: Item, link: str) -> bool:
    if item.view == "index":
        return request.path == link
    if item.view == "approvals":
        return request.path.startswith(link) and not request.path.startswith(f"{link}decided/")
    return request.path.startswith(link)


def _badges(request: HttpRequest) -> dict[str, tuple[CappedCount, str]]:
    wanted = {
        "approvals": ("tasks_hitl.view_task", waiting_tasks, "danger"),
        "creative_review": (
            "mediabuys.view_creative",
            creatives_to_review,
            "warning",
        ),
        "mediabuys_booking_changelist": (
            "mediabuys.view_booking",
            lambda: troubled_bookings(since=timezone.now() - FRESH),
            "danger",
        ),
    }
    return {
        view: (capped_count(rows()), variant)
        for view, (permission, rows, variant) in wanted.items()
        if request.user.has_perm(permission)
    }
