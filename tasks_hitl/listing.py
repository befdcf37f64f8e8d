"""A buyer's tasks, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast

from mediabuys.models import Account, Principal
from tasks_hitl.models import Task
from tasks_hitl.selectors import tasks_of
from tasks_hitl.wire import PROTOCOL

DATETIME_FIELDS = frozenset({"created_at", "updated_at"})
# All tasks are of one protocol: sorting by it is sorting by age.
SORT_COLUMNS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "status": "status",
    "task_type": "task_type",
    "protocol": "created_at",
}
TIME_BOUNDS = {
    "created_after": "created_at__gt",
    "created_before": "created_at__lt",
    "updated_after": "updated_at__gt",
    "updated_before": "updated_at__lt",
}


@dataclass(frozen=True)
class TaskPage:
    """One page of tasks with the numbers of the whole list; `position` is the last row's."""

    tasks: list[Task]
    has_more: bool
    statuses: dict[str, int]
    position: list[Any]

    @property
    def total(self) -> int:
        """How many tasks fit the filters, on all pages."""
        return sum(self.statuses.values())


def tasks_page(
    *,
    principal: Principal,
    account: Account | None,
    filters: Mapping[str, Any],
    sort_field: str,
    descending: bool,
    after: Sequence[Any] | None,
    limit: int,
) -> TaskPage:
    """Return one page of what the agent may read; two queries."""
    tasks = tasks_of(principal).filter(_condition(filters))
    if account is not None:
        tasks = tasks.filter(account=account)
    if text := filters.get("context_contains"):
        tasks = tasks.annotate(context_text=Cast("request_context", TextField())).filter(
            context_text__icontains=text
        )
    statuses = _statuses(tasks)
    column = SORT_COLUMNS[sort_field]
    if after is not None:
        tasks = tasks.filter(_beyond(column, after, descending=descending))
    sign = "-" if descending else ""
    found = list(tasks.order_by(f"{sign}{column}", f"{sign}pk")[: limit + 1])
    page = found[:limit]
    return TaskPage(page, len(found) > limit, statuses, _position(page, column))


def _condition(filters: Mapping[str, Any]) -> Q:
    condition = Q()
    protocols = _either(filters, "protocol", "protocols")
    if protocols and PROTOCOL not in protocols:
        condition &= Q(pk__in=[])
    if statuses := _either(filters, "status", "statuses"):
        condition &= Q(status__in=statuses)
    if task_types := _either(filters, "task_type", "task_types"):
        condition &= Q(task_type__in=task_types)
    if "task_ids" in filters:
        condition &= Q(task_id__in=filters["task_ids"])
    if "has_webhook" in filters:
        condition &= Q(destination__isnull=not filters["has_webhook"])
    for name, lookup in TIME_BOUNDS.items():
        if name in filters:
            condition &= Q(**{lookup: datetime.fromisoformat(filters[name])})
    return condition


def _either(filters: Mapping[str, Any], one: str, many: str) -> list[str]:
    chosen = list(filters.get(many, []))
    if one in filters:
        # Both spellings together mean both conditions.
        return [filters[one]] if not chosen or filters[one] in chosen else [""]
    return chosen


def _statuses(tasks: QuerySet[Task]) -> dict[str, int]:
    counted = tasks.order_by().values_list("status").annotate(number=Count("pk"))
    return dict(counted.order_by("status"))


def _beyond(column: str, after: Sequence[Any], *, descending: bool) -> Q:
    value, pk = after
    if column in DATETIME_FIELDS:
        value = datetime.fromisoformat(value)
    comparison = "lt" if descending else "gt"
    return Q(**{f"{column}__{comparison}": value}) | Q(**{column: value, f"pk__{comparison}": pk})


def _position(page: Sequence[Task], column: str) -> list[Any]:
    if not page:
        return []
    value = getattr(page[-1], column)
    return [value.isoformat() if column in DATETIME_FIELDS else value, page[-1].pk]
