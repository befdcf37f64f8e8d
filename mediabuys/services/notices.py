"""Telling the buyer what the seller's side did to a buy after it was created."""

from datetime import datetime
from typing import Any

from mediabuys.models import MediaBuy
from mediabuys.states import BuyStatus
from mediabuys.wire.notifications import notification_body
from webhooks.services import delivery_enqueue, new_idempotency_key


def buy_notice_enqueue(*, buy: MediaBuy, now: datetime) -> None:
    """Put the buy's new status in the outbox, in the transaction of the change.

    Does nothing for a buy without a registered webhook. One notice for each revision.
    """
    if buy.destination_id is None:
        return
    key = new_idempotency_key()
    stream = buy.media_buy_id or buy.reference
    delivery_enqueue(
        owner_key=buy.principal.principal_id,
        subject_key=f"media_buy:{buy.reference}",
        destination_id=buy.destination_id,
        kind="media_buy_status",
        sequence=buy.revision,
        idempotency_key=key,
        body=notification_body(
            channel=buy,
            idempotency_key=key,
            task_id=stream,
            task_type="update_media_buy",
            status="completed",
            now=now,
            result=_result(buy),
            context_id=buy.context_id,
            context=buy.request_context,
        ),
    )


def _result(buy: MediaBuy) -> dict[str, Any]:
    result: dict[str, Any] = {
        "media_buy_id": buy.media_buy_id,
        "status": buy.status,
        "media_buy_status": buy.status,
        "revision": buy.revision,
    }
    if buy.status == BuyStatus.REJECTED:
        result["rejection_reason"] = buy.rejection_reason
    if buy.status == BuyStatus.CANCELED and buy.canceled_at is not None:
        result["cancellation"] = {
            "canceled_at": buy.canceled_at.isoformat(),
            "canceled_by": buy.canceled_by,
            "reason": buy.cancellation_reason,
        }
    return result
