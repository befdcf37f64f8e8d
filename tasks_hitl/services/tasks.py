"""Tasks: submitted, completed, failed, expired."""

import hashlib
from datetime import datetime
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import F, Q

from mediabuys.locks import draft_locked
from mediabuys.models import MediaBuy
from mediabuys.pricing import in_words
from mediabuys.requests import Channel, channel_fields
from mediabuys.services.claims import POISON_DELAY, claim_each
from mediabuys.services.orders import order_decline
from mediabuys.wire.notifications import notification_body
from tasks_hitl.calendar import business_days_add, business_time_add
from tasks_hitl.locks import tasks_locked
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.notifications import staff_notice_body
from tasks_hitl.services.events import SYSTEM, task_event_record, task_moved
from tasks_hitl.states import QueueState, TaskType
from webhooks.services import delivery_enqueue, new_idempotency_key

STAFF = "staff"
MESSAGE_LIMIT = 2000


def task_submit(
    *,
    buy: MediaBuy,
    request: dict[str, Any],
    reason: str,
    channel: Channel | None,
    now: datetime,
) -> Task:
    """Park a draft order as a submitted task, with its event and the staff's notice.

    `request` is the buyer's body without credentials. Runs in the transaction that wrote the
    draft, so that neither exists without the other.
    """
    publisher = buy.account.publisher
    due_at = business_time_add(now, publisher.approval_due_business_hours, publisher)
    if not buy.starts_asap:
        due_at = min(due_at, max(buy.start_time, now))
    expires_at = business_days_add(now, publisher.approval_expiry_business_days, publisher)
    task = Task(
        task_type=TaskType.CREATE_MEDIA_BUY,
        principal=buy.principal,
        account=buy.account,
        media_buy=buy,
        context_id=buy.context_id,
        request=request,
        request_digest=request_digest(request),
        request_context=buy.request_context,
        title=_title(buy),
        reason=reason[:500],
        estimate=publisher.approval_estimate,
        due_at=due_at,
        expires_at=min(expires_at, buy.end_time),
        **channel_fields(channel),
    )
    task.save(force_insert=True)
    task_event_record(
        task=task,
        action=TaskEvent.Action.SUBMITTED,
        from_status="",
        actor=f"agent:{buy.principal.principal_id}",
        now=now,
    )
    _staff_notice(task)
    return task


def request_digest(request: dict[str, Any]) -> str:
    """Return the SHA-256 of the request's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(request)).hexdigest()


def _title(buy: MediaBuy) -> str:
    return f"{buy.brand_domain} · {in_words(buy.total_budget, buy.currency)}"[:300]


def _staff_notice(task: Task) -> None:
    destination_id = task.account.publisher.staff_destination_id
    if destination_id is None:
        return
    delivery_enqueue(
        owner_key=STAFF,
        subject_key=f"task:{task.task_id}",
        destination_id=destination_id,
        kind="approval_waiting",
        sequence=1,
        idempotency_key=new_idempotency_key(),
        body=staff_notice_body(task),
    )


def task_complete(
    *, task: Task, result: dict[str, Any], message: str, action: TaskEvent.Action, now: datetime
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
        actor=SYSTEM,
        now=now,
        fields=("result", "message", "completed_at"),
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
    """End a task without a buy, and tell the buyer why; `error` has code, message, suggestion.

    The caller holds the row and ends the draft order in the same transaction.
    """
    before = task.status
    task.fail()
    task.error = error
    task.message = error["message"][:MESSAGE_LIMIT]
    task.completed_at = now
    task_moved(
        task=task,
        action=action,
        from_status=before,
        actor=actor,
        now=now,
        fields=("error", "message", "completed_at"),
        data=data,
    )
    _buyer_notice(task, {"status": "failed", "errors": [error], "adcp_error": error}, now)


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


def tasks_expire(*, now: datetime, limit: int = 1000) -> int:
    """Fail every approval that nobody answered in time, oldest first; return how many.

    Time never approves. One transaction a task; see `claim_each` for what a bad row does.
    """

    def next_due() -> Task | None:
        waited = Q(expiry_check_after__isnull=True) | Q(expiry_check_after__lte=now)
        return (
            tasks_locked()
            .filter(waited, queue_state=QueueState.PENDING_MANUAL, expires_at__lte=now)
            .order_by("expires_at", "pk")
            .select_for_update(of=("self",), skip_locked=True)
            .first()
        )

    def push_forward(task: Task) -> None:
        Task.objects.filter(pk=task.pk).update(
            expiry_check_after=now + POISON_DELAY, expiry_failures=F("expiry_failures") + 1
        )

    return claim_each(
        next_due=next_due,
        work=lambda task: task_expire(task=task, now=now),
        push_forward=push_forward,
        limit=limit,
    )


def task_expire(*, task: Task, now: datetime) -> None:
    """End one unanswered approval and its draft order. The caller holds the task's row."""
    reason = "The publisher did not answer in time."
    error = {
        "code": "SERVICE_UNAVAILABLE",
        "message": reason,
        "suggestion": "Send the order again, with a later start if its flight is near.",
        "recovery": "transient",
    }
    with transaction.atomic(savepoint=False):
        buy = draft_locked(task.media_buy_id)
        order_decline(buy=buy, actor=SYSTEM, reason=reason, now=now)
        task_fail(task=task, error=error, action=TaskEvent.Action.EXPIRED, actor=SYSTEM, now=now)
