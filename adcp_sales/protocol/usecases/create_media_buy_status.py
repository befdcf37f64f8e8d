"""create_media_buy_status: the user's own status call, by the operation's `context_id`."""

from datetime import datetime
from typing import Any

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.legacy_errors import failure_message, order_error, spoken
from adcp_sales.protocol.legacy_schemas import STATUS_REQUEST, STATUS_RESPONSE
from adcp_sales.protocol.operation_words import campaign_words, next_steps
from adcp_sales.protocol.registry import Call, Reply, TaskSpec
from mediabuys.pricing import in_words
from mediabuys.states import PENDING_BUY_STATUSES, BookingStep
from mediabuys.wire.buys import present
from tasks_hitl.operations import Operation, OrderTask, Stage, operation_of
from tasks_hitl.wire import POLL_PENDING_MANUAL, STEPS, poll_seconds


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
    return operation_reply(operation, call.now)


def operation_reply(operation: Operation, now: datetime) -> Reply:
    """Return the status answer of an operation, in the words of the older surface."""
    match operation.stage, operation.task:
        case Stage.WAITS_FOR_STAFF, OrderTask() as task:
            return _waiting_for_staff(operation, task)
        case Stage.WAITS_FOR_BUYER, OrderTask() as task:
            return _waiting_for_buyer(operation, task)
        case Stage.FAILED, _:
            return _failed(operation)
        case Stage.COMPLETED, _:
            return _completed(operation)
        case _:
            return _processing(operation, now)


def _waiting_for_staff(operation: Operation, task: OrderTask) -> Reply:
    return _pending_manual(
        operation,
        task,
        message="Media buy requires manual approval",
        responsible_party="publisher",
        action_detail="Sales team reviewing campaign parameters",
    )


def _waiting_for_buyer(operation: Operation, task: OrderTask) -> Reply:
    asked = task.error.get("message") or "The publisher waits for a corrected order"
    return _pending_manual(
        operation,
        task,
        message="Media buy needs a change before it can be approved",
        responsible_party="buyer",
        action_detail=asked,
        suggestion=task.error.get("suggestion")
        or "Send create_media_buy again with the change and this context_id",
    )


def _pending_manual(operation: Operation, task: OrderTask, **spoken: str) -> Reply:
    body = {
        "context_id": operation.context_id,
        "task_id": task.task_id,
        "estimated_approval_time": task.estimate,
        "reason": task.reason,
        **spoken,
    }
    return Reply(body, status="pending_manual", retry_after=POLL_PENDING_MANUAL)


def _processing(operation: Operation, now: datetime) -> Reply:
    booking = operation.booking
    step = booking.step if booking else BookingStep.ORDER_VALIDATION
    age = (now - booking.queued_at).total_seconds() if booking else 0.0
    doing = f"{step.label[0].lower()}{step.label[1:]}"
    body = {
        "message": f"Media buy creation in progress - {doing}",
        "context_id": operation.context_id,
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


def _failed(operation: Operation) -> Reply:
    error = order_error(operation.failure)
    body = {
        "message": failure_message(error),
        "context_id": operation.context_id,
        "error": error,
    }
    return Reply(body, status="failed")


def _completed(operation: Operation) -> Reply:
    pending = operation.status in PENDING_BUY_STATUSES
    budget = in_words(operation.total_budget, operation.currency)
    body: dict[str, Any] = {
        "message": f"Successfully created your {budget} {campaign_words(operation.lines)}",
        "context_id": operation.context_id,
        "media_buy_id": operation.media_buy_id,
        "media_buy_status": "pending_activation" if pending else operation.status,
        "adcp_status": operation.status,
        "detail": _detail(operation),
        **present(creative_deadline=operation.creative_deadline),
        "next_steps": next_steps(operation) if pending else [],
    }
    return Reply(body)


def _detail(operation: Operation) -> str:
    count = operation.booking.line_items if operation.booking else 0
    if not count:
        return f"Media buy created in {operation.ad_server}"
    return f"Created {count} line item{'s' if count != 1 else ''} in {operation.ad_server}"


TASKS = [
    TaskSpec(
        name="create_media_buy_status",
        run=create_media_buy_status,
        access="read",
        summary="Check the status of an asynchronous media buy creation (legacy).",
        schema=STATUS_REQUEST,
        response_schema=STATUS_RESPONSE,
        paths=("adcp/create_media_buy_status", "legacy/create_media_buy_status"),
        error_body=lambda error: {"error": spoken(error)},
        example={"context_id": "ctx-create-mb-456"},
    )
]
