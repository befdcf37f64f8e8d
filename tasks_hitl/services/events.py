"""Writing a task's history."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.states import QUEUE_STATE_OF

SYSTEM = "system"

MOVED_FIELDS = ("status", "queue_state", "version", "updated_at")


def actor_name(user: AbstractBaseUser | None, policy_name: str = "") -> str:
    """Return who acts, as histories name them."""
    return f"seller:{user.get_username()}" if user is not None else f"policy:{policy_name}"


def task_moved(
    *,
    task: Task,
    action: TaskEvent.Action,
    from_status: str,
    actor: str,
    now: datetime,
    fields: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
) -> None:
    """Save a task whose status was just moved, and append the one event of that move.

    `fields` are the further columns that the move changed. The caller holds the row.
    """
    task.version += 1
    task.queue_state = QUEUE_STATE_OF[task.status]
    task.save(update_fields=[*MOVED_FIELDS, *fields])
    task_event_record(
        task=task, action=action, from_status=from_status, actor=actor, now=now, data=data
    )


def task_event_record(
    *,
    task: Task,
    action: TaskEvent.Action,
    from_status: str,
    actor: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one event to a task's history, in the caller's transaction."""
    TaskEvent.objects.create(
        task=task,
        action=action,
        from_status=from_status,
        to_status=task.status,
        version=task.version,
        actor=actor,
        data=data or {},
        at=now,
    )
