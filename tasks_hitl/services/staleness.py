"""A change whose buy has moved on: ended and told, whether anybody looks at it or not."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from mediabuys.errors import ChangeStale
from mediabuys.locks import media_buy_locked
from mediabuys.services.parked_changes import change_outdate, staleness_of
from tasks_hitl.change_handler import change_of
from tasks_hitl.locks import tasks_locked
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.services.events import SYSTEM
from tasks_hitl.services.sweeps import tasks_sweep
from tasks_hitl.services.tasks import task_fail
from tasks_hitl.states import EXPIRING_QUEUE_STATES, TaskType


def stale_changes_end(*, now: datetime, limit: int = 1000) -> int:
    """End every waiting change of a buy that has moved on, oldest first; return how many.

    Its buyer need not wait for a person to find out. One transaction a task.
    """

    stale = (
        tasks_locked()
        .filter(task_type=TaskType.UPDATE_MEDIA_BUY, queue_state__in=EXPIRING_QUEUE_STATES)
        .exclude(media_buy__revision=F("change__base_revision"))
    )
    return tasks_sweep(due=stale, work=lambda task: _end(task, now), now=now, limit=limit)


def _end(task: Task, now: datetime) -> None:
    change = change_of(task)
    with transaction.atomic(savepoint=False):
        stale = staleness_of(change=change, buy=media_buy_locked(task.media_buy_id))
        if stale is not None:
            task_end_stale(task=task, stale=stale, actor=SYSTEM, now=now)


def task_end_stale(*, task: Task, stale: ChangeStale, actor: str, now: datetime) -> None:
    """End a change that can no longer be applied with its task, and tell the buyer what moved.

    The buy stays as it is. The caller holds the task's row.
    """
    change_outdate(change=change_of(task), now=now)
    error = {
        "code": stale.code,
        "message": stale.message,
        "field": stale.field,
        "suggestion": stale.suggestion,
        "recovery": "transient",
        "details": {**(stale.details or {}), "moved": list(stale.moved)},
    }
    task_fail(task=task, error=error, action=TaskEvent.Action.STALE, actor=actor, now=now)
