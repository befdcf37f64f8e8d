"""What a change would do to its buy, and whether the buy has moved on since it was asked."""

from dataclasses import dataclass
from datetime import datetime

from mediabuys.models import Event, MediaBuy
from mediabuys.states import ChangeStatus
from tasks_hitl.models import Task


@dataclass(frozen=True)
class Difference:
    """One thing that a change moves, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class ChangeFacts:
    """A change as its page shows it; `moved` is what happened to the buy since it was asked."""

    status: str
    differences: tuple[Difference, ...]
    base_revision: int
    revision: int
    moved: tuple[Event, ...]

    @property
    def is_stale(self) -> bool:
        """Whether it waits for a buy that is no longer what it was asked of."""
        return self.status == ChangeStatus.WAITING and self.revision != self.base_revision


def change_facts(task: Task, events: list[Event]) -> ChangeFacts | None:
    """Return the facts of a task's change from the buy's history; None for a new order."""
    change = task.change
    if change is None:
        return None
    buy: MediaBuy = task.media_buy
    rows = tuple(
        Difference(row["label"], row["before"], row["after"]) for row in change.differences
    )
    return ChangeFacts(
        status=change.status,
        differences=rows,
        base_revision=change.base_revision,
        revision=buy.revision,
        moved=_since(events, change.base_revision, change.settled_at),
    )


def _since(events: list[Event], revision: int, until: datetime | None) -> tuple[Event, ...]:
    return tuple(
        event
        for event in events
        if event.revision > revision and (until is None or event.at <= until)
    )
