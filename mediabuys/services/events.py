"""Writing a buy's history."""

from datetime import datetime
from typing import Any

from mediabuys.models import Event, MediaBuy


def event_record(
    *,
    buy: MediaBuy,
    action: Event.Action,
    from_status: str,
    actor: str,
    now: datetime,
    summary: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Append one entry to the buy's history, in the caller's transaction.

    Every status change has exactly one; `from_status` is the status before it.
    """
    return Event.objects.create(
        media_buy=buy,
        action=action,
        from_status=from_status,
        to_status=buy.status,
        revision=buy.revision,
        actor=actor,
        summary=summary[:500],
        data=data or {},
        at=now,
    )
