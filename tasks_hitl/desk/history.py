"""One timeline of an order: requests, decisions, bookings, flights and messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mediabuys.models import Booking, Event
from mediabuys.states import BookingStatus
from tasks_hitl.desk.notification import NotificationFacts
from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Decision, Task, TaskEvent
from webhooks.states import DeliveryStatus

WORDS = {
    TaskEvent.Action.SUBMITTED: "Submitted",
    TaskEvent.Action.APPROVED: "Approved",
    TaskEvent.Action.REJECTED: "Rejected",
    TaskEvent.Action.EXPIRED: "Expired without an answer",
    TaskEvent.Action.BOOKED: "Buyer's task completed",
    TaskEvent.Action.BOOKING_FAILED: "Booking failed",
    TaskEvent.Action.BOOKING_RETRIED: "Booking tried again",
    TaskEvent.Action.CHANGE_ASKED: "Sent back for a change",
    TaskEvent.Action.APPLIED: "Approved and applied",
    TaskEvent.Action.STALE: "Refused as out of date",
    TaskEvent.Action.SUPERSEDED: "Replaced by a corrected one",
    TaskEvent.Action.CANCELED: "Canceled",
}
DECISIONS = {
    TaskEvent.Action.APPROVED,
    TaskEvent.Action.APPLIED,
    TaskEvent.Action.REJECTED,
    TaskEvent.Action.CHANGE_ASKED,
}
GOOD = {TaskEvent.Action.APPROVED, TaskEvent.Action.APPLIED, TaskEvent.Action.BOOKED}
BAD = {
    TaskEvent.Action.REJECTED,
    TaskEvent.Action.EXPIRED,
    TaskEvent.Action.BOOKING_FAILED,
    TaskEvent.Action.STALE,
    TaskEvent.Action.CANCELED,
}
TOLD_BY_MESSAGE = {
    TaskEvent.Action.BOOKING_FAILED,
    TaskEvent.Action.EXPIRED,
    TaskEvent.Action.STALE,
}
ENDS = {TaskEvent.Action.BOOKED, TaskEvent.Action.BOOKING_FAILED}
BOOKING_MOVED, BUY_MOVED, TASK_ENDED, MESSAGE_SENT = 1, 2, 3, 4
# The task's own event says the same at the same moment.
TOLD_BY_THE_TASK = {Event.Action.DECLINED}


@dataclass(frozen=True)
class Entry:
    """One line of the timeline; `tone` is good, bad or plain.

    What one transaction did has one moment; `rank` is its order within it.
    """

    at: datetime
    what: str
    who: str
    detail: str
    tone: str
    is_internal: bool = False
    rank: int = 0


def history_of(
    *,
    task: Task,
    decision: Decision | None,
    booking: Booking | None,
    notification: NotificationFacts,
    events: Iterable[Event],
) -> tuple[Entry, ...]:
    """Return the timeline, oldest first; one query besides what is given."""
    entries = [
        *_task_entries(task, decision),
        *_buy_entries(task, events),
        *_booking_entries(booking),
        *_message_entries(notification),
    ]
    return tuple(sorted(entries, key=lambda entry: (entry.at, entry.rank)))


def event_in_words(event: TaskEvent, noun: str) -> str:
    """Return what happened to a task, whose kind is called `noun`."""
    if event.action == TaskEvent.Action.SUBMITTED:
        return f"{noun.capitalize()} submitted"
    return WORDS[TaskEvent.Action(event.action)]


def actor_in_words(actor: str, task: Task, decision: Decision | None = None) -> str:
    """Return who acted, as a person would say it."""
    kind, _, name = actor.partition(":")
    if kind == "agent":
        return task.principal.name if name == task.principal.principal_id else "another agent"
    if kind == "seller":
        person = decision.decided_by if decision else None
        return decision.author if decision and person and person.get_username() == name else name
    return f"policy {name}" if kind == "policy" else "the system"


def _task_entries(task: Task, decision: Decision | None) -> Iterable[Entry]:
    noun = handler_for(task).noun
    for event in task.events.all():
        action = TaskEvent.Action(event.action)
        detail = _decision_detail(decision, action) or _failure_detail(task, action)
        yield Entry(
            at=event.at,
            what=event_in_words(event, noun),
            who=actor_in_words(event.actor, task, decision),
            detail=detail,
            tone="good" if action in GOOD else "bad" if action in BAD else "plain",
            rank=TASK_ENDED if action in ENDS else 0,
        )
        if decision and decision.internal_note and action in DECISIONS:
            yield Entry(
                at=event.at,
                what="Note",
                who=decision.author,
                detail=decision.internal_note,
                tone="plain",
                is_internal=True,
            )


def _decision_detail(decision: Decision | None, action: TaskEvent.Action) -> str:
    if decision is None or action not in DECISIONS:
        return ""
    reason = decision.get_reason_code_display() if decision.reason_code else ""
    said = ": ".join(part for part in (reason, decision.note) if part)
    return "\n".join(part for part in (said, decision.suggestion) if part)


def _failure_detail(task: Task, action: TaskEvent.Action) -> str:
    return task.message if action in TOLD_BY_MESSAGE else ""


def _buy_entries(task: Task, events: Iterable[Event]) -> Iterable[Entry]:
    for event in events:
        if event.action in TOLD_BY_THE_TASK:
            continue
        label = event.summary or event.get_action_display()
        yield Entry(
            at=event.at,
            what=label,
            who=actor_in_words(event.actor, task),
            detail="",
            tone="bad" if event.action in ("rejected", "canceled") else "plain",
            rank=BUY_MOVED,
        )


def _booking_entries(booking: Booking | None) -> Iterable[Entry]:
    if booking is None:
        return
    yield Entry(booking.queued_at, "Booking queued", "the system", "", "plain", rank=BOOKING_MOVED)
    if booking.status == BookingStatus.BOOKED and booking.settled_at:
        detail = f"Ad server order {booking.order_id}"
        yield Entry(
            booking.settled_at, "Booking finished", "the system", detail, "good", rank=BOOKING_MOVED
        )


def _message_entries(notification: NotificationFacts) -> Iterable[Entry]:
    for row in notification.deliveries:
        if row.status == DeliveryStatus.PENDING:
            tries = f"{len(row.attempts)} tries so far" if row.attempts else ""
            yield Entry(
                row.created_at,
                f"{row.what}: being sent",
                "the system",
                tries,
                "plain",
                rank=MESSAGE_SENT,
            )
        elif row.settled_at:
            delivered = row.status == DeliveryStatus.DELIVERED
            yield Entry(
                row.settled_at,
                f"{row.what}: {row.status_label.lower()}",
                "the system",
                row.stopped_because or (row.attempts[-1].detail if row.attempts else ""),
                "good" if delivered else "bad",
                rank=MESSAGE_SENT,
            )
