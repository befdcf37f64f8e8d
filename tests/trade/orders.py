"""Short ways to an order in a given state, through the real services."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from adcp_sales.protocol.usecases.create_media_buy import PlacedOrder, place_order
from mediabuys.models import Booking, Creative, CreativeAssignment, MediaBuy
from mediabuys.services.endings import media_buy_stop
from mediabuys.states import CreativeStatus
from tasks_hitl.models import Decision, Task
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import book, decide
from tasks_hitl.states import Outcome
from tests.people import Buyer, guaranteed_order, order_params


def place(buyer: Buyer, params: dict[str, Any], now: datetime | None = None) -> PlacedOrder:
    """Place an order in a transaction of its own."""
    with transaction.atomic():
        return place_order(
            principal=buyer.principal,
            account=buyer.account,
            params=params,
            now=now or timezone.now(),
        )


def waiting_task(buyer: Buyer, **changes: Any) -> Task:
    """Return the task of a guaranteed order that waits."""
    placed = place(buyer, guaranteed_order(buyer, **changes))
    assert placed.task is not None
    return placed.task


def approve(task: Task, approver: User, **changes: Any) -> Decision:
    """Approve what the task is now."""
    task.refresh_from_db()
    arguments: dict[str, Any] = {
        "task_id": task.task_id,
        "outcome": Outcome.APPROVED,
        "shown_digest": shown_digest(task),
        "shown_version": task.version,
        "form_token": uuid4(),
        "actor": approver,
    }
    return decide(**{**arguments, **changes})


def reject(task: Task, approver: User, **changes: Any) -> Decision:
    """Reject what the task is now, for want of inventory."""
    reasons = {
        "outcome": Outcome.REJECTED,
        "reason_code": "no_inventory",
        "note": "March is sold out.",
    }
    return approve(task, approver, **{**reasons, **changes})


def send_back(task: Task, approver: User, **changes: Any) -> Decision:
    """Ask the buyer for other dates."""
    asked = {
        "outcome": Outcome.CHANGE_ASKED,
        "reason_code": "dates",
        "note": "The first week of March is sold out.",
        "suggestion": "Start on 8 March or later.",
    }
    return approve(task, approver, **{**asked, **changes})


def book_order(task: Task) -> MediaBuy:
    """Let the worker book an approved order, and return its buy."""
    book(booking_id=Booking.objects.get(media_buy_id=task.media_buy_id).booking_id)
    return MediaBuy.objects.get(pk=task.media_buy_id)


def booked_buy(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return a confirmed buy that was accepted without a person; it waits for creatives."""
    placed = place(buyer, order_params(buyer, **changes))
    assert placed.task is None
    book(booking_id=placed.drafted.buy.booking.booking_id)
    placed.drafted.buy.refresh_from_db()
    return placed.drafted.buy


def end_by_staff(
    buy: MediaBuy, *, service: Any = media_buy_stop, reason: str = "The site is closed."
) -> MediaBuy:
    """Stop the buy, or refuse it with that `service`, as a person who sees it as it is here."""
    ended: MediaBuy = service(
        media_buy_pk=buy.pk,
        actor="seller:approver",
        reason=reason,
        shown_revision=buy.revision,
        now=timezone.now(),
    )
    return ended


def give_creatives(buy: MediaBuy) -> None:
    """Put an approved creative on every package, without moving the buy."""
    for package in buy.packages.all():
        creative = Creative(
            account=buy.account,
            principal=buy.principal,
            creative_id=f"creative-{package.package_id}",
            name="Banner",
            format_id={"agent_url": "http://127.0.0.1:8000", "id": "display_main"},
            format_key="display_main",
            content_digest="0" * 64,
        )
        creative.submit()
        creative.approve()
        creative.save()
        assert creative.status == CreativeStatus.APPROVED
        CreativeAssignment.objects.create(
            package=package, creative_ref=creative.creative_id, creative=creative
        )
