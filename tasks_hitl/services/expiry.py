"""The clock's answer to what nobody answered: it fails. Time never approves."""

from datetime import datetime

from django.db import transaction

from tasks_hitl.handlers import handler_for
from tasks_hitl.locks import tasks_locked
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.services.events import SYSTEM
from tasks_hitl.services.sweeps import tasks_sweep
from tasks_hitl.services.tasks import task_fail
from tasks_hitl.states import EXPIRING_QUEUE_STATES, TaskStatus


def tasks_expire(*, now: datetime, limit: int = 1000) -> int:
    """Fail every task that its publisher or its buyer did not answer in time; return how many.

    Oldest first, one transaction a task.
    """
    due = (
        tasks_locked()
        .filter(queue_state__in=EXPIRING_QUEUE_STATES, expires_at__lte=now)
        .order_by("expires_at", "pk")
    )
    return tasks_sweep(
        due=due, work=lambda task: task_expire(task=task, now=now), now=now, limit=limit
    )


def task_expire(*, task: Task, now: datetime) -> None:
    """End one unanswered task, and its draft order or its change. The caller holds its row."""
    error = _error(task)
    with transaction.atomic(savepoint=False):
        handler_for(task).on_close(task, SYSTEM, error["message"], now)
        task_fail(task=task, error=error, action=TaskEvent.Action.EXPIRED, actor=SYSTEM, now=now)


def _error(task: Task) -> dict[str, str]:
    handler = handler_for(task)
    if task.status == TaskStatus.INPUT_REQUIRED:
        return {
            "code": "INVALID_STATE",
            "message": f"The {handler.noun} was not corrected in time.",
            "suggestion": f"Send the {handler.noun} again, with the correction that was asked for.",
            "recovery": "correctable",
        }
    return {
        "code": "SERVICE_UNAVAILABLE",
        "message": "The publisher did not answer in time.",
        "suggestion": handler.again,
        "recovery": "transient",
    }
