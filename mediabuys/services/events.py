"""Writing a buy's history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.models import Event, MediaBuy, Principal


def agent_actor(principal: Principal) -> str:
    """Return the agent as histories name it."""
    return f"agent:{principal.principal_id}"


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


@dataclass(frozen=True)
class Entry:
    """One entry of a change: `from_status` where it moved the buy, `package_id` of its package."""

    action: Event.Action
    summary: str
    package_id: str = ""
    from_status: str = ""


def events_record(*, buy: MediaBuy, entries: Iterable[Entry], actor: str, now: datetime) -> None:
    """Append the entries of one change in their order, in one statement; none for none."""
    Event.objects.bulk_create(
        Event(
            media_buy=buy,
            action=entry.action,
            from_status=entry.from_status or buy.status,
            to_status=buy.status,
            revision=buy.revision,
            actor=actor,
            summary=entry.summary[:500],
            package_id=entry.package_id,
            at=now,
        )
        for entry in entries
    )
