"""What was decided lately: by whom, what and how fast."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import QuerySet
from django.utils import timezone

from mediabuys.keyset import whole_number
from mediabuys.selectors.desk import COUNT_LIMIT, CappedCount
from tasks_hitl.models import Decision

PAGE_SIZE = 50


@dataclass(frozen=True)
class DecidedToday:
    """How much was decided since midnight, and how long the middle order waited for a person."""

    count: CappedCount
    median_wait: timedelta | None


@dataclass(frozen=True)
class DecidedPage:
    """One page of standing decisions, newest first; `next_cursor` is empty on the last one."""

    decisions: tuple[Decision, ...]
    next_cursor: str


def start_of_day(now: datetime) -> datetime:
    """Return midnight in the current time zone, which on the desk is the publisher's."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def decided_today(*, now: datetime) -> DecidedToday:
    """Return today's number and median wait; one query."""
    rows = list(
        _standing()
        .filter(decided_at__gte=start_of_day(now))
        .order_by()
        .values_list("decided_by_id", "task__created_at", "decided_at")[: COUNT_LIMIT + 1]
    )
    waits = [
        (decided - submitted).total_seconds()
        for person, submitted, decided in rows
        if person is not None
    ]
    middle = timedelta(seconds=median(waits)) if waits else None
    return DecidedToday(CappedCount(len(rows)), middle)


def decided_page(
    *, before: str, since: datetime | None = None, size: int = PAGE_SIZE
) -> DecidedPage:
    """Return decisions, newest first, in one query; `before` is a cursor of an earlier page."""
    rows = (
        _standing()
        .select_related(
            "decided_by",
            "task__principal",
            "task__account",
            "task__change",
            "task__media_buy__booking",
        )
        .order_by("-pk")
    )
    if since is not None:
        rows = rows.filter(decided_at__gte=since)
    first_shown = whole_number(before)
    if first_shown is not None:
        rows = rows.filter(pk__lt=first_shown)
    found = list(rows[: size + 1])
    more = len(found) > size
    return DecidedPage(tuple(found[:size]), str(found[size - 1].pk) if more else "")


def _standing() -> QuerySet[Decision]:
    return Decision.objects.filter(withdrawn_at__isnull=True)
