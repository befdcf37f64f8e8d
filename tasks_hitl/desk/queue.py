"""The approval queue: named views, search, and pages found by key instead of by counting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest

from mediabuys.keyset import Position, cursor_at, position_of
from mediabuys.models import Package
from mediabuys.selectors.desk import CappedCount, capped_count
from tasks_hitl.desk.reasons import Reason, stopping_reasons
from tasks_hitl.models import Task
from tasks_hitl.selectors import policy_of, waiting_tasks
from tasks_hitl.states import TaskType

DUE_SOON = timedelta(hours=2)
STARTS_SOON = timedelta(days=3)
PAGE_SIZE = 50
SEARCH_LIMIT = 100


class QueueView(models.TextChoices):
    """The named views of the queue, as they stand in its address."""

    ALL = "all", "All"
    SOON = "soon", "Due soon"
    OVERDUE = "overdue", "Overdue"
    STARTS = "starts", "Starts within 3 days"


class QueueKind(models.TextChoices):
    """What kind of task the queue is narrowed to, as it stands in its address."""

    ANY = "any", "All kinds"
    ORDERS = "orders", "New orders"
    CHANGES = "changes", "Changes"


KINDS: Mapping[QueueKind, Q] = {
    QueueKind.ANY: Q(),
    QueueKind.ORDERS: Q(task_type=TaskType.CREATE_MEDIA_BUY),
    QueueKind.CHANGES: Q(task_type=TaskType.UPDATE_MEDIA_BUY),
}


class Urgency(Enum):
    """How close a due time is."""

    OVERDUE = "overdue"
    SOON = "soon"
    LATER = "later"


@dataclass(frozen=True)
class QueueRow:
    """One waiting task as the queue shows it.

    `budget` is what the buy will have; `budget_before` what it has now, where a change moves it.
    """

    task: Task
    budget: Decimal
    budget_before: Decimal | None
    urgency: Urgency
    starts_soon: bool
    package_count: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class QueuePage:
    """One page; the cursors are empty where nothing lies beyond."""

    rows: tuple[QueueRow, ...]
    next_cursor: str
    previous_cursor: str


def urgency_of(due_at: datetime, now: datetime) -> Urgency:
    """Return whether a due time has passed, is near, or is neither."""
    if due_at <= now:
        return Urgency.OVERDUE
    return Urgency.SOON if due_at - now <= DUE_SOON else Urgency.LATER


def queue_of(*, view: QueueView, kind: QueueKind, now: datetime) -> QuerySet[Task]:
    """Return the waiting tasks of one view and kind, the most urgent first."""
    return waiting_tasks().filter(_view_filter(view, now), KINDS[kind])


def _view_filter(view: QueueView, now: datetime) -> Q:
    return {
        QueueView.ALL: Q(),
        QueueView.SOON: Q(due_at__gt=now, due_at__lte=now + DUE_SOON),
        QueueView.OVERDUE: Q(due_at__lte=now),
        # A buy that runs already may be changed; its start cannot be missed any more.
        QueueView.STARTS: Q(media_buy__start_time__lte=now + STARTS_SOON)
        & (KINDS[QueueKind.ORDERS] | Q(media_buy__start_time__gt=now)),
    }[view]


def queue_counts(
    *, now: datetime, kind: QueueKind = QueueKind.ANY
) -> Mapping[QueueView, CappedCount]:
    """Return how many tasks each view holds, counted up to the limit; one query a view."""
    return {view: capped_count(queue_of(view=view, kind=kind, now=now)) for view in QueueView}


def waiting_money(*, kind: QueueKind = QueueKind.ANY) -> tuple[tuple[str, Decimal], ...]:
    """Return the money that waits, for each currency, most first; one query.

    Of an order that is its budget, of a change what it would add.
    """
    budget = F("media_buy__total_budget")
    added = Greatest(F("change__budget_after") - budget, 0, output_field=models.DecimalField())
    return tuple(
        waiting_tasks()
        .filter(KINDS[kind])
        .order_by()
        .values_list("media_buy__currency")
        .annotate(
            money=Sum(models.Case(models.When(KINDS[QueueKind.CHANGES], added), default=budget))
        )
        .order_by("-money")
    )


def search_filter(words: str) -> Q | Combinable:
    """Return the condition that an order is the buyer's, brand's, product's or id's that is named.

    Ids match whole; names match anywhere.
    """
    text = words.replace("\x00", "").strip()[:SEARCH_LIMIT]
    if not text:
        return Q()
    product = Package.objects.filter(media_buy=OuterRef("media_buy"), product__name__icontains=text)
    return (
        Q(principal__name__icontains=text)
        | Q(account__name__icontains=text)
        | Q(media_buy__brand_domain__icontains=text)
        | Q(media_buy__po_number__icontains=text)
        | Q(task_id=text)
        | Q(context_id=text)
        | Q(media_buy__reference=text)
        | Q(media_buy__media_buy_id=text)
        | Exists(product)
    )


def queue_page(
    *,
    view: QueueView,
    words: str,
    after: str,
    before: str,
    now: datetime,
    kind: QueueKind = QueueKind.ANY,
    size: int = PAGE_SIZE,
) -> QueuePage:
    """Return one page of a view in one query, whatever lies before it.

    `after` and `before` are cursors of an earlier page; one that is not a cursor is ignored.
    """
    rows = queue_of(view=view, kind=kind, now=now).filter(search_filter(words))
    rows = rows.annotate(_lines=_line_count())
    backwards = position_of(before)
    if backwards is not None:
        found = list(rows.filter(_earlier(backwards)).order_by("-due_at", "-pk")[: size + 1])
        page = found[:size][::-1]
        return _page(page, now, has_next=True, has_previous=len(found) > size)
    forwards = position_of(after)
    if forwards is not None:
        rows = rows.filter(_later(forwards))
    found = list(rows[: size + 1])
    return _page(found[:size], now, has_next=len(found) > size, has_previous=forwards is not None)


def _line_count() -> Subquery:
    lines = Package.objects.filter(media_buy=OuterRef("media_buy")).order_by()
    return Subquery(lines.values("media_buy").annotate(number=Count("pk")).values("number"))


def _later(position: Position) -> Q:
    due_at, pk = position
    # The first condition repeats what the second says, so that the index finds the place.
    return Q(due_at__gte=due_at) & (Q(due_at__gt=due_at) | Q(pk__gt=pk))


def _earlier(position: Position) -> Q:
    due_at, pk = position
    return Q(due_at__lte=due_at) & (Q(due_at__lt=due_at) | Q(pk__lt=pk))


def _page(tasks: Sequence[Task], now: datetime, *, has_next: bool, has_previous: bool) -> QueuePage:
    return QueuePage(
        rows=tuple(_row(task, now) for task in tasks),
        next_cursor=cursor_at((tasks[-1].due_at, tasks[-1].pk)) if tasks and has_next else "",
        previous_cursor=cursor_at((tasks[0].due_at, tasks[0].pk)) if tasks and has_previous else "",
    )


def _row(task: Task, now: datetime) -> QueueRow:
    buy, change = task.media_buy, task.change
    budget = change.budget_after if change else buy.total_budget
    starts_in = buy.start_time - now
    return QueueRow(
        task=task,
        budget=budget,
        budget_before=buy.total_budget if budget != buy.total_budget else None,
        urgency=urgency_of(task.due_at, now),
        starts_soon=starts_in <= STARTS_SOON and (change is None or starts_in > timedelta()),
        package_count=getattr(task, "_lines", None) or 0,
        reasons=stopping_reasons(policy_of(task)),
    )


def most_urgent(*, now: datetime, limit: int = 5) -> tuple[QueueRow, ...]:
    """Return the orders that should be looked at first; one query."""
    return queue_page(view=QueueView.ALL, words="", after="", before="", now=now, size=limit).rows
