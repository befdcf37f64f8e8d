"""Booking an order: claim, call the ad server, settle, and end the task that waited for it."""

import logging
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from mediabuys.adservers.port import (
    AdServer,
    AdServerError,
    AdServerRefused,
    AdServerUnavailable,
    BookedOrder,
    OrderDeclined,
    OrderRequest,
    OrderState,
)
from mediabuys.adservers.registry import ad_server_for
from mediabuys.adservers.requests import order_request
from mediabuys.errors import InvalidState
from mediabuys.locks import media_buy_locked
from mediabuys.models import Booking, CreativeAssignment, MediaBuy
from mediabuys.services.attempts import ATTEMPTS_LIMIT
from mediabuys.services.bookings import (
    BookingClaim,
    booking_claim,
    booking_fail,
    booking_finish,
    booking_record,
    booking_requeue,
    booking_step,
)
from mediabuys.services.flights import media_buy_refresh
from mediabuys.services.orders import (
    media_buy_reject,
    order_accept,
    order_confirm,
    order_decline,
)
from mediabuys.services.proposal_orders import proposal_reopen
from mediabuys.services.trafficking import trafficking_begin
from mediabuys.states import BookingStatus, BookingStep, BuyStatus
from mediabuys.wire.buys import create_success
from tasks_hitl.locks import open_order_task_locked
from tasks_hitl.models import TaskEvent
from tasks_hitl.services.events import SYSTEM
from tasks_hitl.services.tasks import task_complete, task_fail
from webhooks.wakeups import nudge

logger = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Another worker took the booking over; this one stops without a trace."""


def book(*, booking_id: str, now: datetime | None = None) -> None:
    """Book one order on its ad server, whatever died before.

    Claim (one transaction), call the ad server step by step (none), settle (one transaction).
    Does nothing when the booking is settled, not due, or held by a living worker.

    Failure policy: see `mediabuys/services/attempts.py`. What was declined or refused is settled
    at once; everything else is tried again, because each call finds the first one's order by its
    reference, until the last attempt. Then the order is given up, the buyer told, and the ad
    server too: it may hold what it could not say.
    """
    claim = booking_claim(booking_id=booking_id, now=now or timezone.now())
    if claim is None:
        return
    buy = MediaBuy.objects.select_related("account__publisher").get(pk=claim.media_buy_pk)
    try:
        booked = _call(claim, ad_server_for(buy.account), order_request(buy))
    except ClaimLost:
        logger.warning("Booking %s was taken over by another worker.", booking_id)
    except OrderDeclined as declined:
        settle_declined(claim=claim, error=declined)
    except AdServerRefused as refused:
        settle_failed(claim=claim, error=refused)
    except AdServerUnavailable as unavailable:
        _retry_or_fail(claim, unavailable)
    except Exception:
        logger.exception("Booking %s met an error that the adapter did not name.", booking_id)
        _retry_or_fail(claim, AdServerUnavailable("The ad server's answer was not understood."))
    else:
        settle_booked(claim=claim, order=booked)


def _call(claim: BookingClaim, server: AdServer, order: OrderRequest) -> BookedOrder:
    """Go on where the ad server says that an earlier attempt stopped; return what is booked."""
    if claim.attempt > ATTEMPTS_LIMIT:
        raise AdServerUnavailable("Every worker that tried to book the order died.")
    held = server.find(order.reference)
    if held is None:
        _step(claim, BookingStep.ORDER_VALIDATION)
        server.validate_order(order)
        _step(claim, BookingStep.INVENTORY_VALIDATION)
        server.validate_inventory(order)
        _step(claim, BookingStep.ORDER_CREATION)
        server.create_order(order)
    elif held.state == OrderState.CANCELED:
        raise AdServerRefused("The order was canceled on the ad server.")
    elif held.state == OrderState.CONFIRMED:
        return held
    _step(claim, BookingStep.LINE_ITEM_CREATION)
    server.create_line_items(order)
    _step(claim, BookingStep.CONFIRMATION)
    return server.confirm(order.reference)


def _step(claim: BookingClaim, step: BookingStep) -> None:
    if not booking_step(claim=claim, step=step, now=timezone.now()):
        raise ClaimLost


def _retry_or_fail(claim: BookingClaim, error: AdServerError) -> None:
    if claim.attempt >= ATTEMPTS_LIMIT:
        settle_failed(claim=claim, error=error)
    else:
        booking_requeue(claim=claim, code=error.code, message=error.message, now=timezone.now())


def settle_booked(*, claim: BookingClaim, order: BookedOrder, now: datetime | None = None) -> None:
    """Confirm the buy and complete its task, in one transaction; nothing if the claim was lost.

    What the order has become since its booking read it, the ad server is told next.
    """
    now = now or timezone.now()
    with transaction.atomic():
        task = open_order_task_locked(claim.media_buy_pk)
        buy = media_buy_locked(claim.media_buy_pk)
        booking = booking_finish(claim=claim, order=order, now=now)
        if booking is None:
            return
        if buy.status == BuyStatus.DRAFT:
            order_accept(buy=buy, actor=SYSTEM, now=now)
        order_confirm(buy=buy, now=now)
        media_buy_refresh(buy=buy, now=now, notify=task is None)
        trafficking_begin(buy=buy, now=now)
        if task is not None:
            task_complete(
                task=task,
                result=_success(buy),
                message=booked_message(buy, booking),
                action=TaskEvent.Action.BOOKED,
                now=now,
            )


def book_at_once(*, buy: MediaBuy, now: datetime) -> None:
    """Book an accepted sandbox order inside the caller's transaction.

    The inline adapter is a table of ours, so nothing here waits for a network.
    """
    order = order_request(buy)
    server = ad_server_for(buy.account)
    server.create_order(order)
    server.create_line_items(order)
    booking_record(buy=buy, order=server.confirm(order.reference), now=now)
    order_confirm(buy=buy, now=now)
    media_buy_refresh(buy=buy, now=now, notify=False)
    trafficking_begin(buy=buy, now=now)


def booked_message(buy: MediaBuy, booking: Booking) -> str:
    """Return what a buyer reads when its order is booked."""
    count = len(booking.line_items)
    plural = "s" if count != 1 else ""
    server = buy.account.publisher.ad_server_name
    return f"Media buy created: {count} line item{plural} booked in {server}."


def _success(buy: MediaBuy) -> dict[str, object]:
    packages = list(buy.packages.select_related("product", "pricing_option"))
    return create_success(buy, packages, CreativeAssignment.objects.filter(package__media_buy=buy))


def settle_declined(
    *, claim: BookingClaim, error: OrderDeclined, now: datetime | None = None
) -> None:
    """The ad server will not run an approved order: the buy ends `rejected`, its task completes."""
    now = now or timezone.now()
    with transaction.atomic():
        task = open_order_task_locked(claim.media_buy_pk)
        buy = media_buy_locked(claim.media_buy_pk)
        if booking_fail(claim=claim, code=error.code, message=error.message, now=now) is None:
            return
        if buy.status == BuyStatus.DRAFT:
            order_accept(buy=buy, actor=SYSTEM, now=now)
        media_buy_reject(buy=buy, actor=SYSTEM, reason=error.message, now=now, notify=task is None)
        if task is not None:
            task_complete(
                task=task,
                result=_success(buy),
                message=f"The order was declined: {error.message}",
                action=TaskEvent.Action.BOOKING_FAILED,
                now=now,
            )


def settle_failed(
    *, claim: BookingClaim, error: AdServerError, now: datetime | None = None
) -> None:
    """Booking failed for good: the waiting task fails, or the accepted buy ends `rejected`.

    Either way a proposal that it executed can be ordered again: it was not what failed.
    """
    now = now or timezone.now()
    with transaction.atomic():
        task = open_order_task_locked(claim.media_buy_pk)
        buy = media_buy_locked(claim.media_buy_pk)
        if booking_fail(claim=claim, code=error.code, message=error.message, now=now) is None:
            return
        reason = "The order could not be booked on the ad server."
        if task is None:
            media_buy_reject(buy=buy, actor=SYSTEM, reason=reason, now=now)
            proposal_reopen(buy=buy, actor=SYSTEM, reason=reason, now=now)
            return
        order_decline(buy=buy, actor=SYSTEM, reason=reason, now=now)
        task_fail(
            task=task,
            error={"code": error.code, "message": reason, **_way_on(error)},
            action=TaskEvent.Action.BOOKING_FAILED,
            actor=SYSTEM,
            now=now,
        )


def _way_on(error: AdServerError) -> dict[str, str]:
    """Return whether, and how, the buyer may try again: no repetition mends a refusal."""
    if isinstance(error, AdServerUnavailable):
        return {
            "suggestion": "Send the order again later, or ask the publisher.",
            "recovery": "transient",
        }
    return {
        "suggestion": "Ask the publisher, who must set its ad server right first.",
        "recovery": "terminal",
    }


def booking_retry(*, booking_id: str, actor: User, now: datetime | None = None) -> Booking:
    """Let a booking that waits between attempts be tried now, because a person says so.

    Raises `InvalidState` for a booking that is settled: its buyer has been told.
    """
    now = now or timezone.now()
    with transaction.atomic():
        booking = Booking.objects.select_for_update().get(booking_id=booking_id)
        if booking.status != BookingStatus.QUEUED:
            raise InvalidState("Only a booking that waits for its next attempt can be hurried.")
        booking.next_attempt_at = now
        booking.save(update_fields=["next_attempt_at"])
        logger.info("Booking %s is tried again by %s.", booking_id, actor.get_username())
        nudge("tasks_hitl.book", booking_id)
        return booking
