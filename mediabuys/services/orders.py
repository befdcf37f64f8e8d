"""Orders: accepted, declined, confirmed, rejected, canceled."""

from datetime import datetime

from django.db import transaction

from mediabuys import ids
from mediabuys.models import Event, MediaBuy
from mediabuys.pricing import in_words
from mediabuys.services.bookings import booking_abandon
from mediabuys.services.creative_releases import assignments_release
from mediabuys.services.events import event_record
from mediabuys.services.holds import holds_release
from mediabuys.services.notices import buy_notice_enqueue
from mediabuys.services.proposal_orders import proposal_reopen
from mediabuys.states import CanceledBy


def order_accept(*, buy: MediaBuy, actor: str, now: datetime) -> None:
    """Turn a draft into a buy: it gets its `media_buy_id` and waits for creatives.

    Not confirmed yet: `order_confirm` does that when the ad server has answered. The caller holds
    the row.
    """
    before = buy.status
    buy_become(buy=buy)
    buy.save(update_fields=["status", "media_buy_id", "updated_at"])
    buy_created(buy=buy, from_status=before, actor=actor, now=now)


def buy_become(*, buy: MediaBuy) -> None:
    """Move a draft to its first public status, with its `media_buy_id`; the caller saves it."""
    buy.accept()
    buy.media_buy_id = ids.media_buy_id()


def buy_created(*, buy: MediaBuy, from_status: str, actor: str, now: datetime) -> None:
    """Record that the buy came to be."""
    event_record(
        buy=buy,
        action=Event.Action.CREATED,
        from_status=from_status,
        actor=actor,
        now=now,
        summary=f"Media buy of {in_words(buy.total_budget, buy.currency)} created",
    )


def order_confirm(*, buy: MediaBuy, now: datetime) -> None:
    """Record the seller's commitment, once; the caller holds the row and has accepted it."""
    if buy.confirmed_at is not None:
        return
    buy.confirmed_at = now
    buy.save(update_fields=["confirmed_at", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.CONFIRMED,
        from_status=buy.status,
        actor="system",
        now=now,
        summary="Booked on the ad server",
    )


def order_decline(*, buy: MediaBuy, actor: str, reason: str, now: datetime) -> None:
    """End a draft that was declined or expired; it never was a buy.

    The proposal that it executes can be ordered again. The caller holds the row.
    """
    before = buy.status
    buy.decline()
    buy.rejection_reason = reason[:500]
    buy.save(update_fields=["status", "rejection_reason", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.DECLINED,
        from_status=before,
        actor=actor,
        now=now,
        summary=reason,
    )
    holds_release(buy=buy)
    proposal_reopen(buy=buy, actor=actor, reason=reason, now=now)


def media_buy_reject(
    *, buy: MediaBuy, actor: str, reason: str, now: datetime, notify: bool = True
) -> None:
    """End an accepted buy that cannot run, and tell the buyer. The caller holds the row.

    Its creatives go back to the library. `notify` is false where the buyer hears it from the
    task's own answer.
    """
    before = buy.status
    buy.reject()
    buy.revision += 1
    buy.rejection_reason = reason[:500]
    buy.save(update_fields=["status", "revision", "rejection_reason", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.REJECTED,
        from_status=before,
        actor=actor,
        now=now,
        summary=reason,
        data=_released(buy),
    )
    holds_release(buy=buy)
    if notify:
        buy_notice_enqueue(buy=buy, now=now)


def media_buy_cancel(
    *, buy: MediaBuy, actor: str, canceled_by: CanceledBy, reason: str, now: datetime
) -> None:
    """Cancel a buy that has not ended; a seller's cancellation is told to the buyer.

    Its creatives go back to the library. The caller holds the row.
    """
    with transaction.atomic(savepoint=False):
        before = buy.status
        buy.cancel()
        buy.revision += 1
        buy.canceled_at, buy.canceled_by = now, canceled_by
        buy.cancellation_reason = reason[:500]
        buy.save(
            update_fields=[
                "status",
                "revision",
                "canceled_at",
                "canceled_by",
                "cancellation_reason",
                "updated_at",
            ]
        )
        booking_abandon(buy=buy, reason="The buy was canceled before it was booked.", now=now)
        event_record(
            buy=buy,
            action=Event.Action.CANCELED,
            from_status=before,
            actor=actor,
            now=now,
            summary=reason,
            data=_released(buy),
        )
        holds_release(buy=buy)
        if canceled_by == CanceledBy.SELLER:
            buy_notice_enqueue(buy=buy, now=now)


def _released(buy: MediaBuy) -> dict[str, list[str]]:
    """Give the creatives back to the library; return what the history keeps of them."""
    references = assignments_release(buy=buy)
    return {"released_creatives": references} if references else {}
