"""create_media_buy_status: the user's own status call, by the operation's `context_id`."""

from datetime import datetime
from typing import Any

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import Call, Reply, TaskSpec
from mediabuys.pricing import in_words
from mediabuys.states import PENDING_BUY_STATUSES, BookingStatus, BookingStep, BuyStatus
from mediabuys.wire.buys import present
from tasks_hitl.operations import Operation, operation_of
from tasks_hitl.states import TaskStatus
from tasks_hitl.wire import POLL_PENDING_MANUAL, STEPS, poll_seconds

WAITS_FOR_BUYER = (TaskStatus.INPUT_REQUIRED, TaskStatus.AUTH_REQUIRED)
FAILED = (TaskStatus.FAILED, TaskStatus.REJECTED, TaskStatus.CANCELED)
CREATIVE_WORDS = {
    "ctv": "video",
    "olv": "video",
    "linear_tv": "video",
    "streaming_audio": "audio",
    "podcast": "audio",
    "radio": "audio",
}


def create_media_buy_status(call: Call) -> Reply:
    """Answer where the creation of a media buy stands; one query."""
    operation = operation_of(
        principal=call.require_principal(), context_id=call.params["context_id"], now=call.now
    )
    if operation is None:
        raise AdcpError(
            "INVALID_CONTEXT",
            "Context not found or expired",
            suggestion="Start a new create_media_buy operation",
            http_status=404,
            recovery="correctable",
        )
    return _reply(operation, call.now)


def _reply(operation: Operation, now: datetime) -> Reply:
    task = operation.task
    if task is not None and task.status == TaskStatus.SUBMITTED:
        return _pending_manual(operation, "publisher", "Sales team reviewing campaign parameters")
    if task is not None and task.status in WAITS_FOR_BUYER:
        return _pending_manual(operation, "buyer", "The publisher waits for a corrected order")
    if task is not None and task.status in FAILED:
        return _failed(operation, task.error or {})
    if task is None and operation.buy.status == BuyStatus.REJECTED:
        return _failed(operation, _booking_error(operation))
    if _is_settled(operation):
        return _completed(operation)
    return _processing(operation, now)


def _is_settled(operation: Operation) -> bool:
    booking = operation.booking
    return booking is not None and booking.status in (BookingStatus.BOOKED, BookingStatus.FAILED)


def _booking_error(operation: Operation) -> dict[str, Any]:
    booking = operation.booking
    return {
        "code": booking.error_code if booking else "SERVICE_UNAVAILABLE",
        "message": operation.buy.rejection_reason,
        "suggestion": "Send the order again later, or ask the publisher.",
    }


def _pending_manual(operation: Operation, responsible: str, detail: str) -> Reply:
    task = operation.task
    assert task is not None, "only a task waits for a person"  # noqa: S101
    body = {
        "message": "Media buy requires manual approval",
        "context_id": operation.buy.context_id,
        "task_id": task.task_id,
        "estimated_approval_time": task.estimate,
        "reason": task.reason,
        "responsible_party": responsible,
        "action_detail": detail,
    }
    return Reply(body, status="pending_manual", retry_after=POLL_PENDING_MANUAL)


def _processing(operation: Operation, now: datetime) -> Reply:
    booking = operation.booking
    step = BookingStep(booking.step if booking else BookingStep.ORDER_VALIDATION)
    age = (now - booking.queued_at).total_seconds() if booking else 0.0
    doing = f"{step.label[0].lower()}{step.label[1:]}"
    body = {
        "message": f"Media buy creation in progress - {doing}",
        "context_id": operation.buy.context_id,
        "progress": {
            "current_step": step.value,
            "completed": STEPS.index(step.value) + 1,
            "total": len(STEPS),
            "unit_type": "steps",
            "responsible_party": "system",
            "action_detail": f"{step.label} in ad server",
        },
    }
    pause = poll_seconds(waits_for_person=False, age_seconds=age)
    return Reply(body, status="processing", retry_after=pause)


def _failed(operation: Operation, error: dict[str, Any]) -> Reply:
    told = {key: error[key] for key in ("code", "message", "suggestion") if error.get(key)}
    body = {
        "message": f"Media buy creation failed: {told.get('message', 'it was stopped')}",
        "context_id": operation.buy.context_id,
        "error": told,
    }
    return Reply(body, status="failed")


def _completed(operation: Operation) -> Reply:
    buy, booking = operation.buy, operation.booking
    pending = buy.status in PENDING_BUY_STATUSES
    count = len(booking.line_items) if booking else 0
    server = buy.account.publisher.ad_server_name
    words = in_words(buy.total_budget, buy.currency)
    body = {
        "message": f"Successfully created your {words} media buy",
        "context_id": buy.context_id,
        "media_buy_id": buy.media_buy_id,
        "media_buy_status": "pending_activation" if pending else buy.status,
        "adcp_status": buy.status,
        "detail": f"Created {count} line item{'s' if count != 1 else ''} in {server}",
        **present(
            creative_deadline=buy.creative_deadline.isoformat() if buy.creative_deadline else None
        ),
        "next_steps": _next_steps(operation) if pending else [],
    }
    return Reply(body)


def _next_steps(operation: Operation) -> list[str]:
    """Name each missing creative and then the activation."""
    deadline = operation.buy.creative_deadline
    by = f" by {deadline:%b %-d}" if deadline else ""
    steps = [
        f"Upload {_creative_word(line['channels'])} creative for {line['product']}{by}"
        for line in operation.missing_creatives
    ]
    if steps:
        return [*steps, "Campaign will activate automatically once creatives are approved"]
    return [f"Campaign will activate automatically on {operation.buy.start_time:%b %-d}"]


def _creative_word(channels: list[str]) -> str:
    return next((CREATIVE_WORDS[name] for name in channels if name in CREATIVE_WORDS), "display")


TASKS = [
    TaskSpec(
        name="create_media_buy_status",
        run=create_media_buy_status,
        access="read",
        summary="Check the status of an asynchronous media buy creation (legacy).",
        schema={
            "type": "object",
            "properties": {"context_id": {"type": "string", "minLength": 1, "maxLength": 255}},
            "required": ["context_id"],
        },
        response_schema={
            "type": "object",
            "properties": {
                "status": {
                    "enum": ["processing", "completed", "failed", "pending_manual"],
                },
                "message": {"type": "string"},
                "context_id": {"type": "string"},
                "error": {
                    "type": "object",
                    "required": ["code", "message", "suggestion"],
                },
            },
            "required": ["status"],
        },
        paths=("adcp/create_media_buy_status", "legacy/create_media_buy_status"),
        error_body=lambda spoken: {"error": dict(spoken)},
        example={"context_id": "ctx-create-mb-456"},
    )
]
