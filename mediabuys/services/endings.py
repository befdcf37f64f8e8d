"""Staff end a buy: they reject one that has not started, or cancel one that has not ended."""

from datetime import datetime

from django.db import transaction

from mediabuys.errors import InvalidRequest, InvalidState
from mediabuys.locks import media_buy_locked
from mediabuys.models import MediaBuy
from mediabuys.services.bookings import booking_abandon
from mediabuys.services.orders import media_buy_cancel, media_buy_reject
from mediabuys.states import BUY_MOVES, CanceledBy


def media_buy_refuse(
    *, media_buy_pk: int, actor: str, reason: str, shown_revision: int, now: datetime
) -> MediaBuy:
    """Reject an accepted buy whose flight has not started, stop its booking and tell the buyer.

    `actor` is `seller:<username>`; the buyer reads `reason`. Raises `InvalidRequest` without a
    reason, and `InvalidState` for a buy that moved on since `shown_revision` or cannot be
    rejected. One transaction; the buy's row is locked, then its booking.
    """
    with transaction.atomic():
        buy = _locked_for("reject", media_buy_pk, shown_revision, reason)
        media_buy_reject(buy=buy, actor=actor, reason=reason, now=now)
        booking_abandon(buy=buy, reason="The buy was rejected before it was booked.", now=now)
        return buy


def media_buy_stop(
    *, media_buy_pk: int, actor: str, reason: str, shown_revision: int, now: datetime
) -> MediaBuy:
    """Cancel, as the seller, a buy that has not ended, and tell the buyer.

    Arguments, errors and transaction as for `media_buy_refuse`.
    """
    with transaction.atomic():
        buy = _locked_for("cancel", media_buy_pk, shown_revision, reason)
        media_buy_cancel(
            buy=buy, actor=actor, canceled_by=CanceledBy.SELLER, reason=reason, now=now
        )
        return buy


def _locked_for(move: str, media_buy_pk: int, shown_revision: int, reason: str) -> MediaBuy:
    if not reason.strip():
        raise InvalidRequest("Write a reason that the buyer can act on.", field="reason")
    buy = media_buy_locked(media_buy_pk)
    if buy.status not in BUY_MOVES[move].sources:
        verb = {"reject": "rejected", "cancel": "canceled"}[move]
        raise InvalidState(
            f"It is {buy.get_status_display().lower()} and cannot be {verb}.", field="status"
        )
    if buy.revision != shown_revision:
        raise InvalidState(
            "The buy has changed since you opened it.",
            field="revision",
            suggestion="Look at it again and decide on what it is now.",
        )
    return buy
