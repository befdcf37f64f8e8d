"""The poll: the one read that buyers repeat, so its query is written once and not compiled."""

from dataclasses import dataclass

from mediabuys.models import Booking, Principal
from tasks_hitl.models import Task

# Through the ORM, with its joins and eighty columns, this query costs four times the rest of a
# poll. Columns that are not named here load when they are asked for.
POLL = """
    SELECT task.id, task.task_id, task.task_type, task.status, task.account_id, task.destination_id,
           task.context_id, task.reason, task.estimate, task.message, task.result, task.error,
           task.created_at, task.updated_at, task.completed_at, booking.step AS booking_step
    FROM tasks_hitl_task task
    JOIN mediabuys_accountaccess access
      ON access.account_id = task.account_id AND access.principal_id = task.principal_id
    LEFT JOIN mediabuys_booking booking ON booking.media_buy_id = task.media_buy_id
    WHERE task.task_id = %s AND task.principal_id = %s
"""


@dataclass(frozen=True)
class Polled:
    """A task as a poll finds it; `booking` has the step, where the order came to a booking."""

    task: Task
    booking: Booking | None


def task_polled(*, principal: Principal, task_id: str) -> Polled | None:
    """Return one of the agent's tasks, in one query; None when it may not read it."""
    for task in Task.objects.raw(POLL, [task_id, principal.pk]):
        step = getattr(task, "booking_step", None)
        return Polled(task, Booking(step=step) if step else None)
    return None
