"""How a task goes on: completed, failed, sent back to the buyer, canceled; the buyer is told."""

from datetime import datetime
from typing import Any

from mediabuys.wire.notifications import notification_body
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.services.events import SYSTEM, task_moved
from webhooks.services import delivery_enqueue, new_idempotency_key

MESSAGE_LIMIT = 2000


def task_complete(
    *,
    task: Task,
    result: dict[str, Any],
    message: str,
    action: TaskEvent.Action,
    now: datetime,
    actor: str = SYSTEM,
    data: dict[str, Any] | None = None,
) -> None:
    """End a task with the answer that its call would have given, and tell the buyer.

    The caller holds the row.
    """
    before = task.status
    task.complete()
    task.result = {**result, "status": "completed", "message": message[:MESSAGE_LIMIT]}
    task.message = message[:MESSAGE_LIMIT]
    task.completed_at = now
    task_moved(
        task=task,
        action=action,
        from_status=before,
        actor=actor,
        now=now,
        fields=("result", "message", "completed_at"),
        data=data,
    )
    _buyer_notice(task, task.result, now)


def task_fail(
    *,
    task: Task,
    error: dict[str, Any],
    action: TaskEvent.Action,
    actor: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """End a task without effect, and tell the buyer why; `error` has code, message, suggestion.

    The caller holds the row and ends the draft order, or the change, in the same transaction.
    """
    before = task.status
    task.fail()
    _close(task, error, from_status=before, action=action, actor=actor, now=now, data=data)
    _buyer_notice(task, {"status": "failed", "errors": [error], "adcp_error": error}, now)


def task_ask(
    *,
    task: Task,
    error: dict[str, Any],
    reason: str,
    expires_at: datetime,
    actor: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Send a task back to the buyer, who answers by sending the call again with the correction.

    `error` has code, message and suggestion; `reason` is one of the protocol's words for why
    input is required. Unanswered, the task fails at `expires_at`. The caller holds the row.
    """
    before = task.status
    task.request_input()
    task.error = error
    task.message = error["message"][:MESSAGE_LIMIT]
    task.expires_at = expires_at
    task_moved(
        task=task,
        action=TaskEvent.Action.CHANGE_ASKED,
        from_status=before,
        actor=actor,
        now=now,
        fields=("error", "message", "expires_at"),
        data=data,
    )
    _buyer_notice(task, {"reason": reason, "errors": [error]}, now)


def task_cancel(
    *, task: Task, error: dict[str, Any], action: TaskEvent.Action, actor: str, now: datetime
) -> None:
    """End a task that nobody wants answered any more, and tell the buyer.

    The caller holds the row and ends the draft order, or the change, in the same transaction.
    """
    before = task.status
    task.cancel()
    _close(task, error, from_status=before, action=action, actor=actor, now=now)
    _buyer_notice(task, {"status": "canceled", "errors": [error]}, now)


def _close(
    task: Task,
    error: dict[str, Any],
    *,
    from_status: str,
    action: TaskEvent.Action,
    actor: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record why a task that has just moved ended without effect."""
    task.error = error
    task.message = error["message"][:MESSAGE_LIMIT]
    task.completed_at = now
    task_moved(
        task=task,
        action=action,
        from_status=from_status,
        actor=actor,
        now=now,
        fields=("error", "message", "completed_at"),
        data=data,
    )


def _buyer_notice(task: Task, result: dict[str, Any], now: datetime) -> None:
    if task.destination_id is None:
        return
    key = new_idempotency_key()
    delivery_enqueue(
        owner_key=task.principal.principal_id,
        subject_key=f"task:{task.task_id}",
        destination_id=task.destination_id,
        kind="task_status",
        sequence=task.version,
        idempotency_key=key,
        body=notification_body(
            channel=task,
            idempotency_key=key,
            task_id=task.task_id,
            task_type=task.task_type,
            status=task.status,
            now=now,
            result=result,
            message=task.message,
            context_id=task.context_id,
            context=task.request_context,
        ),
    )
