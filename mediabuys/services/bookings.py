"""Bookings: queued, claimed under a lease, stepped, settled; a stale worker changes nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from mediabuys.adservers.port import BookedOrder
from mediabuys.locks import bookings_locked
from mediabuys.models import Booking, MediaBuy
from mediabuys.services.attempts import LEASE, booking_delay
from mediabuys.services.trafficking import trafficking_begin
from mediabuys.states import BOOKING_MOVES, BookingStatus, BookingStep
from webhooks.wakeups import nudge


@dataclass(frozen=True)
class BookingClaim:
    """A booking that this worker may work on until its lease ends."""

    booking_id: str
    media_buy_pk: int
    lease_token: uuid.UUID
    attempt: int


def booking_enqueue(*, buy: MediaBuy, now: datetime) -> Booking:
    """Queue the order's booking in the caller's transaction and wake a worker when it commits."""
    booking = Booking.objects.create(media_buy=buy, next_attempt_at=now)
    nudge("tasks_hitl.book", booking.booking_id)
    return booking


def booking_record(*, buy: MediaBuy, order: BookedOrder, now: datetime) -> Booking:
    """Write the booking of an order that is already on the ad server, in the same transaction."""
    booking = Booking(media_buy=buy, next_attempt_at=now, attempt_count=1)
    booking.claim()
    _settle_as_booked(booking, order, now)
    booking.save(force_insert=True)
    return booking


def _settle_as_booked(booking: Booking, order: BookedOrder, now: datetime) -> None:
    booking.finish()
    booking.order_id = order.order_id
    booking.line_items = [
        {"package_id": package_id, "id": item_id}
        for package_id, item_id in order.line_items.items()
    ]
    booking.step = BookingStep.CONFIRMATION
    booking.settled_at, booking.lease_token, booking.leased_until = now, None, None
    booking.error_code = booking.error_message = ""


def booking_claim(*, booking_id: str, now: datetime) -> BookingClaim | None:
    """Take the booking under a lease; None when it is settled, not due, or held by another.

    One transaction of its own. A lease that ran out is taken over: the worker is dead or fenced.
    """
    due = Q(status__in=(BookingStatus.QUEUED, BookingStatus.BOOKING), next_attempt_at__lte=now)
    with transaction.atomic():
        booking = bookings_locked().filter(due, booking_id=booking_id).first()
        if booking is None:
            return None
        booking.claim()
        booking.attempt_count += 1
        booking.lease_token = uuid.uuid4()
        booking.leased_until = booking.next_attempt_at = now + LEASE
        booking.save(
            update_fields=[
                "status",
                "attempt_count",
                "lease_token",
                "leased_until",
                "next_attempt_at",
            ]
        )
        return BookingClaim(
            booking_id, booking.media_buy_id, booking.lease_token, booking.attempt_count
        )


def bookings_due(*, now: datetime, limit: int = 100) -> list[str]:
    """Return the ids of bookings that a worker should look at, oldest first."""
    return list(
        Booking.objects.filter(
            status__in=(BookingStatus.QUEUED, BookingStatus.BOOKING), next_attempt_at__lte=now
        )
        .order_by("next_attempt_at")
        .values_list("booking_id", flat=True)[:limit]
    )


def booking_step(*, claim: BookingClaim, step: BookingStep, now: datetime) -> bool:
    """Persist the step that begins now and renew the lease; False when the claim was lost."""
    return bool(
        Booking.objects.filter(
            booking_id=claim.booking_id,
            lease_token=claim.lease_token,
            status=BookingStatus.BOOKING,
        ).update(step=step, leased_until=now + LEASE, next_attempt_at=now + LEASE)
    )


def _claimed(claim: BookingClaim) -> Booking | None:
    return (
        Booking.objects.select_for_update()
        .filter(booking_id=claim.booking_id, lease_token=claim.lease_token)
        .filter(status=BookingStatus.BOOKING)
        .first()
    )


def booking_finish(*, claim: BookingClaim, order: BookedOrder, now: datetime) -> Booking | None:
    """Settle a claimed booking as booked; None, and no change, when the claim was lost.

    In the caller's transaction, after the buy is locked.
    """
    booking = _claimed(claim)
    if booking is None:
        return None
    _settle_as_booked(booking, order, now)
    booking.save()
    return booking


def booking_fail(*, claim: BookingClaim, code: str, message: str, now: datetime) -> Booking | None:
    """Settle a claimed booking as failed for good; None, and no change, when the claim was lost.

    In the caller's transaction, after the buy is locked. The ad server is told to end whatever it
    may hold of the order: an attempt may have got further than its answer.
    """
    booking = _claimed(claim)
    if booking is None:
        return None
    _settle_as_failed(booking, code, message, now)
    return booking


def _settle_as_failed(booking: Booking, code: str, message: str, now: datetime) -> None:
    booking.fail()
    booking.error_code, booking.error_message = code, message[:500]
    booking.settled_at, booking.lease_token, booking.leased_until = now, None, None
    booking.save()
    if booking.attempt_count:
        trafficking_begin(buy=booking.media_buy, now=now)


def booking_abandon(*, buy: MediaBuy, reason: str, now: datetime) -> None:
    """Stop the booking of a buy that ended; a worker that is on it loses its claim.

    Whatever the ad server holds of the order, or may hold, it is told to end. In the caller's
    transaction, after the buy is locked.
    """
    booking = Booking.objects.select_for_update().filter(media_buy=buy).first()
    if booking is None:
        return
    if booking.status in BOOKING_MOVES["fail"].sources:
        _settle_as_failed(booking, "INVALID_STATE", reason, now)
    elif booking.status == BookingStatus.BOOKED:
        trafficking_begin(buy=buy, now=now)


def booking_requeue(*, claim: BookingClaim, code: str, message: str, now: datetime) -> bool:
    """Give a claimed booking back for a later attempt; False when the claim was lost."""
    delay = booking_delay(claim.attempt)
    with transaction.atomic(savepoint=False):
        booking = _claimed(claim)
        if booking is None:
            return False
        booking.requeue()
        booking.error_code, booking.error_message = code, message[:500]
        booking.next_attempt_at, booking.lease_token, booking.leased_until = now + delay, None, None
        booking.save()
        return True
