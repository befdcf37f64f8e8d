"""Tasks locked for a change; a task is always locked before its buy and its booking."""

from django.db.models import QuerySet

from tasks_hitl.errors import TaskNotFound
from tasks_hitl.models import Task
from tasks_hitl.states import OPEN_TASK_STATUSES, TaskType


def tasks_locked() -> QuerySet[Task]:
    """Return tasks locked in primary-key order, with the buyer, who may have to be told."""
    return Task.objects.order_by("pk").select_related("principal").select_for_update(of=("self",))


def task_locked(task_id: str) -> Task:
    """Return one task, locked until the transaction ends, or raise `TaskNotFound`."""
    task = tasks_locked().filter(task_id=task_id).first()
    if task is None:
        raise TaskNotFound("There is no such task.")
    return task


def open_order_task_locked(media_buy_pk: int) -> Task | None:
    """Return the open task of the buy's own order, locked, or None when nobody waits for it."""
    return (
        tasks_locked()
        .filter(
            media_buy_id=media_buy_pk,
            task_type=TaskType.CREATE_MEDIA_BUY,
            status__in=OPEN_TASK_STATUSES,
        )
        .first()
    )
