"""Tasks as the protocol's bodies."""

from typing import Any

from mediabuys.models import Booking
from mediabuys.states import BookingStep
from mediabuys.wire.buys import present
from tasks_hitl.models import Task
from tasks_hitl.states import TaskStatus

PROTOCOL = "media-buy"
STEPS = list(BookingStep.values)
# Why it failed, or what the buyer is asked to send instead.
STATUSES_WITH_ERROR = (TaskStatus.FAILED, TaskStatus.INPUT_REQUIRED)

# Seconds between polls, as the user's document recommends them.
POLL_PENDING_MANUAL = 300
POLL_BANDS = ((10, 2), (70, 10))
POLL_LATER = 60


def poll_seconds(*, waits_for_person: bool, age_seconds: float) -> int:
    """Return when to poll again: every 2 s at first, then 10 s, 60 s, and 300 s for a person."""
    if waits_for_person:
        return POLL_PENDING_MANUAL
    return next((pause for limit, pause in POLL_BANDS if age_seconds < limit), POLL_LATER)


def submitted_message(task: Task) -> str:
    """Return what a buyer reads when its order waits."""
    return f"{task.reason}. Expected answer: {task.estimate}."


def submitted_body(task: Task) -> dict[str, Any]:
    """Return the body of a `submitted` answer; it has no `media_buy_id`."""
    return {
        "task_id": task.task_id,
        "context_id": task.context_id,
        "message": submitted_message(task),
        "estimated_approval_time": task.estimate,
    }


def task_row(task: Task) -> dict[str, Any]:
    """Return one entry of `list_tasks`."""
    return {
        "task_id": task.task_id,
        "task_type": task.task_type,
        "domain": PROTOCOL,
        "status": task.status,
        "created_at": task.created_at.isoformat(),
        "updated_at": task.updated_at.isoformat(),
        "has_webhook": task.destination_id is not None,
        **present(completed_at=task.completed_at.isoformat() if task.completed_at else None),
    }


def task_body(task: Task, *, booking: Booking | None, include_result: bool) -> dict[str, Any]:
    """Return the body of `get_task_status`; `booking` gives the progress of a working task."""
    row = task_row(task)
    del row["domain"]
    return {
        **row,
        "protocol": PROTOCOL,
        "context_id": task.context_id,
        **present(
            message=task_message(task),
            progress=progress(booking) if task.status == TaskStatus.WORKING else None,
            error=task.error if task.status in STATUSES_WITH_ERROR else None,
            result=task.result if include_result and task.status == TaskStatus.COMPLETED else None,
        ),
    }


def task_message(task: Task) -> str:
    """Return in words where the task stands."""
    if task.status == TaskStatus.SUBMITTED:
        return submitted_message(task)
    if task.status == TaskStatus.WORKING:
        return "Approved by the publisher; the order is being booked."
    return task.message


def progress(booking: Booking | None) -> dict[str, Any]:
    """Return the booking's real step as the protocol's progress."""
    step = booking.step if booking is not None else BookingStep.ORDER_VALIDATION.value
    number = STEPS.index(step) + 1
    return {
        "current_step": step,
        "step_number": number,
        "total_steps": len(STEPS),
        "percentage": round(100 * (number - 1) / len(STEPS)),
    }
