"""The operation behind a `context_id`: an order from its request to its end, in one query."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.db.models.functions import JSONObject

from mediabuys.models import Booking, CreativeAssignment, MediaBuy, Package, Principal
from mediabuys.states import CreativeStatus
from tasks_hitl.states import TaskType

# A context stays valid this long after its operation ended.
CONTEXT_LIFETIME = timedelta(days=30)


@dataclass(frozen=True)
class WaitingTask:
    """What the operation's task says; `error` has code, message and suggestion once it failed."""

    task_id: str
    status: str
    estimate: str
    reason: str
    error: dict[str, Any] | None


@dataclass(frozen=True)
class Operation:
    """An order with its task, if a person had to look, and its booking, if it came to one.

    `missing_creatives` has the product's name and channels of each package that still needs one.
    """

    buy: MediaBuy
    task: WaitingTask | None
    booking: Booking | None
    missing_creatives: list[dict[str, Any]]


def operation_of(*, principal: Principal, context_id: str, now: datetime) -> Operation | None:
    """Return the agent's own operation; None for unknown, foreign and long-ended ones alike."""
    buy = (
        MediaBuy.objects.filter(
            context_id=context_id, principal=principal, account__accesses__principal=principal
        )
        .select_related("booking", "account__publisher")
        .annotate(
            task=FilteredRelation("tasks", condition=Q(tasks__task_type=TaskType.CREATE_MEDIA_BUY)),
            task_id=F("task__task_id"),
            task_status=F("task__status"),
            task_estimate=F("task__estimate"),
            task_reason=F("task__reason"),
            task_error=F("task__error"),
            task_completed_at=F("task__completed_at"),
            missing_creatives=_packages_without_creative(),
        )
        .first()
    )
    if buy is None:
        return None
    booking: Booking | None = getattr(buy, "booking", None)
    ended = buy.task_completed_at or (booking.settled_at if booking else None)
    if ended is not None and ended < now - CONTEXT_LIFETIME:
        return None
    task = None
    if buy.task_id is not None:
        task = WaitingTask(
            buy.task_id, buy.task_status, buy.task_estimate, buy.task_reason, buy.task_error
        )
    return Operation(buy, task, booking, buy.missing_creatives)


def _packages_without_creative() -> ArraySubquery:
    served = CreativeAssignment.objects.filter(
        package=OuterRef("pk"), creative__status=CreativeStatus.APPROVED
    )
    missing = (
        Package.objects.filter(~Exists(served), media_buy=OuterRef("pk"), is_canceled=False)
        .order_by("position")
        .values(line=JSONObject(product="product__name", channels="product__channels"))
    )
    return ArraySubquery(missing)
