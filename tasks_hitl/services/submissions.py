"""Parking what must wait for a person: a new order, or a change of a buy."""

import hashlib
from datetime import datetime
from typing import Any

import rfc8785

from mediabuys.models import MediaBuy, MediaBuyChange, Principal, Publisher
from mediabuys.requests import Channel, channel_fields
from mediabuys.services.events import agent_actor
from tasks_hitl.amounts import amount_in_words
from tasks_hitl.calendar import business_days_add, business_time_add
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.notifications import staff_notice_body
from tasks_hitl.services.events import task_event_record
from tasks_hitl.states import TaskType
from webhooks.services import delivery_enqueue, new_idempotency_key

STAFF = "staff"


def task_submit(
    *,
    buy: MediaBuy,
    request: dict[str, Any],
    reason: str,
    channel: Channel | None,
    now: datetime,
    supersedes: Task | None = None,
) -> Task:
    """Park a draft order as a submitted task, with its event and the staff's notice.

    `request` is the buyer's body without credentials. `supersedes` is the canceled task that this
    order answers. Runs in the transaction that wrote the draft, so that neither exists without
    the other.
    """
    task = Task(
        task_type=TaskType.CREATE_MEDIA_BUY,
        principal=buy.principal,
        request_context=buy.request_context,
        title=f"{buy.brand_domain} · {amount_in_words(buy, None)}"[:300],
        due_at=_due(buy, now, until=None if buy.starts_asap else max(buy.start_time, now)),
        **channel_fields(channel),
    )
    return _park(task, buy, request, reason, supersedes, now)


def change_submit(
    *,
    change: MediaBuyChange,
    request: dict[str, Any],
    reason: str,
    channel: Channel | None,
    now: datetime,
    context: dict[str, Any] | None = None,
    supersedes: Task | None = None,
) -> Task:
    """Park a change of a buy as a submitted task, with its event and the staff's notice.

    `request` is the buyer's body without credentials, `context` what its answer echoes. Without a
    `channel` the buyer hears of it where it hears of the buy. `supersedes` is the canceled task
    that this change answers. Runs in the transaction that parked the change.
    """
    buy = change.media_buy
    until = buy.start_time if buy.start_time > now else buy.end_time
    task = Task(
        task_type=TaskType.UPDATE_MEDIA_BUY,
        principal=change.principal,
        change=change,
        request_context=context,
        title=f"Change of {buy.brand_domain} · {amount_in_words(buy, change)}"[:300],
        due_at=_due(buy, now, until=until),
        **_channel_of_change(buy, change.principal, channel),
    )
    return _park(task, buy, request, reason, supersedes, now)


def request_digest(request: dict[str, Any]) -> str:
    """Return the SHA-256 of the request's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(request)).hexdigest()


def expiry_of(buy: MediaBuy, now: datetime) -> datetime:
    """Return until when somebody must have answered: never later than the end of the flight."""
    return answer_until(publisher=buy.account.publisher, end_time=buy.end_time, now=now)


def answer_until(*, publisher: Publisher, end_time: datetime, now: datetime) -> datetime:
    """Return until when somebody must have answered an order of that flight, written or not."""
    answer_by = business_days_add(now, publisher.approval_expiry_business_days, publisher)
    return min(answer_by, end_time)


def _due(buy: MediaBuy, now: datetime, *, until: datetime | None) -> datetime:
    publisher = buy.account.publisher
    due_at = business_time_add(now, publisher.approval_due_business_hours, publisher)
    return due_at if until is None else min(due_at, until)


def _channel_of_change(
    buy: MediaBuy, principal: Principal, channel: Channel | None
) -> dict[str, Any]:
    if channel is not None or buy.destination_id is None or buy.principal_id != principal.pk:
        return channel_fields(channel)
    return {
        "destination_id": buy.destination_id,
        "operation_id": buy.operation_id,
        "push_token": buy.push_token,
    }


def _park(
    task: Task,
    buy: MediaBuy,
    request: dict[str, Any],
    reason: str,
    supersedes: Task | None,
    now: datetime,
) -> Task:
    task.account, task.media_buy, task.context_id = buy.account, buy, buy.context_id
    task.request, task.request_digest = request, request_digest(request)
    task.reason, task.estimate = reason[:500], buy.account.publisher.approval_estimate
    task.expires_at = expiry_of(buy, now)
    task.save(force_insert=True)
    task_event_record(
        task=task,
        action=TaskEvent.Action.SUBMITTED,
        from_status="",
        actor=agent_actor(task.principal),
        now=now,
    )
    if supersedes is not None:
        supersedes.superseded_by = task
        supersedes.save(update_fields=["superseded_by"])
    _staff_notice(task)
    return task


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
