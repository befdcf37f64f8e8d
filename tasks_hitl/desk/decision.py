"""Everything on the page where one order, or one change of a buy, is decided."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils.dateparse import parse_datetime

from mediabuys.models import Booking, Principal
from mediabuys.selectors.desk import (
    BuyerFacts,
    PackageFacts,
    booking_of,
    buy_events,
    buyer_facts,
    packages_of,
)
from mediabuys.states import TERMINAL_BUY_STATUSES, BookingStatus, BookingStep, BuyStatus
from tasks_hitl.amounts import amount_in_words
from tasks_hitl.desk.availability import OrderAvailability, order_availability
from tasks_hitl.desk.changes import ChangeFacts, change_facts
from tasks_hitl.desk.history import Entry, history_of
from tasks_hitl.desk.notification import NotificationFacts, notification_of
from tasks_hitl.desk.queue import STARTS_SOON, Urgency, urgency_of
from tasks_hitl.desk.reasons import Reason, reasons_of
from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.selectors import policy_of, shown_digest
from tasks_hitl.states import Outcome, TaskStatus


@dataclass(frozen=True)
class StepFacts:
    """One of the five steps of a booking: done, now, failed or ahead."""

    label: str
    state: str


@dataclass(frozen=True)
class BookingFacts:
    """Where the booking stands; `waits` while it stands in line for its next attempt."""

    booking: Booking
    steps: tuple[StepFacts, ...]
    waits: bool

    @property
    def is_live(self) -> bool:
        """Whether it still moves by itself."""
        return self.booking.status in (BookingStatus.QUEUED, BookingStatus.BOOKING)


@dataclass(frozen=True)
class BuyerRecord:
    """The buyer's earlier orders at this desk, as they were decided."""

    approved: int
    rejected: int
    sent_back: int


@dataclass(frozen=True)
class ApprovalPage:
    """All facts of one approval; `digest` and the task's version bind a decision to them."""

    task: Task
    noun: str
    change: ChangeFacts | None
    effect: str
    is_waiting: bool
    urgency: Urgency
    starts_soon: bool
    is_live: bool
    digest: str
    buyer: BuyerFacts
    record: BuyerRecord
    packages: tuple[PackageFacts, ...]
    availability: OrderAvailability | None
    reasons: tuple[Reason, ...]
    decision: Decision | None
    booking: BookingFacts | None
    notification: NotificationFacts
    history: tuple[Entry, ...]
    age: timedelta
    evaluated_at: datetime | None

    @property
    def amount(self) -> str:
        """What the order is worth, or what the buy is worth before and after the change."""
        task = self.task
        return amount_in_words(task.media_buy, task.change if self.is_waiting else None)

    @property
    def stopped(self) -> tuple[Reason, ...]:
        """The rules that made it wait."""
        return tuple(reason for reason in self.reasons if reason.stopped)

    @property
    def passed(self) -> tuple[Reason, ...]:
        """The rules that had nothing against it."""
        return tuple(reason for reason in self.reasons if not reason.stopped)

    @property
    def obstacle(self) -> str:
        """Why it cannot be approved as it is, however willing somebody is; empty where it can."""
        return self.availability.obstacle if self.availability else ""

    @property
    def contention(self) -> str:
        """What its approval takes from orders that wait."""
        return self.availability.contention if self.availability else ""

    @property
    def creative_count(self) -> int:
        """How many creatives are assigned, sent or promised."""
        return sum(len(line.creatives) for line in self.packages)


def task_for_desk(task_id: str) -> Task | None:
    """Return a task with everything joined that its page names; one query."""
    return (
        Task.objects.filter(task_id=task_id)
        .select_related(
            "principal",
            "account__publisher",
            "media_buy__proposal",
            "media_buy__reporting_webhook",
            "media_buy__artifact_webhook",
            "change",
            "destination",
            "superseded_by",
        )
        .first()
    )


def decision_of(task: Task) -> Decision | None:
    """Return the standing decision, with its author; one query."""
    return task.decisions.filter(withdrawn_at__isnull=True).select_related("decided_by").first()


def approval_page(*, task: Task, now: datetime) -> ApprovalPage:
    """Return the facts of one approval; the number of queries does not depend on the order."""
    buy, policy, handler = task.media_buy, policy_of(task), handler_for(task)
    # A change is no order of its own: its buy's booking is another task's story.
    decision, booking = decision_of(task), None if task.change else booking_of(buy)
    notification, events = notification_of(task), buy_events(buy)
    packages = packages_of(buy)
    steps = _booking_facts(booking, now) if booking else None
    is_over = buy.status in (BuyStatus.DECLINED, *TERMINAL_BUY_STATUSES)
    return ApprovalPage(
        task=task,
        noun=handler.noun,
        change=change_facts(task, events),
        effect=handler.preview(task),
        is_waiting=task.status == TaskStatus.SUBMITTED,
        urgency=urgency_of(task.due_at, now),
        starts_soon=not is_over and now < buy.start_time <= now + STARTS_SOON,
        is_live=bool(steps and steps.is_live) or notification.is_pending,
        digest=shown_digest(task),
        buyer=buyer_facts(principal=task.principal, account=task.account, other_than=buy),
        record=buyer_record(task.principal),
        packages=packages,
        availability=availability_of_task(task, packages, now),
        reasons=reasons_of(policy),
        decision=decision,
        booking=steps,
        notification=notification,
        history=history_of(
            task=task,
            decision=decision,
            booking=booking,
            notification=notification,
            events=events,
        ),
        age=(decision.decided_at if decision else task.completed_at or now) - task.created_at,
        evaluated_at=parse_datetime(policy.get("evaluated_at", "")),
    )


def availability_of_task(
    task: Task, packages: tuple[PackageFacts, ...], now: datetime, *, trouble: str = ""
) -> OrderAvailability | None:
    """Return whether a waiting order can be delivered; None for a change, or once decided."""
    if task.change is not None or task.status != TaskStatus.SUBMITTED:
        return None
    return order_availability(task=task, packages=packages, now=now, trouble=trouble)


def buyer_record(principal: Principal) -> BuyerRecord:
    """Return how people decided on this agent's orders so far; one query."""
    counts = dict(
        Decision.objects.filter(task__principal=principal, withdrawn_at__isnull=True)
        .order_by()
        .values_list("outcome")
        .annotate(Count("pk"))
    )
    return BuyerRecord(
        approved=counts.get(Outcome.APPROVED, 0),
        rejected=counts.get(Outcome.REJECTED, 0),
        sent_back=counts.get(Outcome.CHANGE_ASKED, 0),
    )


def _booking_facts(booking: Booking, now: datetime) -> BookingFacts:
    waits = (
        booking.status == BookingStatus.QUEUED
        and booking.attempt_count > 0
        and booking.next_attempt_at > now
    )
    return BookingFacts(booking=booking, steps=tuple(_steps(booking)), waits=waits)


def _steps(booking: Booking) -> list[StepFacts]:
    current = BookingStep.values.index(booking.step)
    return [
        StepFacts(str(label), _step_state(booking.status, position, current))
        for position, label in enumerate(BookingStep.labels)
    ]


def _step_state(status: str, position: int, current: int) -> str:
    if status == BookingStatus.BOOKED or position < current:
        return "done"
    if position > current or status == BookingStatus.QUEUED:
        return "ahead"
    return "failed" if status == BookingStatus.FAILED else "now"


def changes_since(*, task: Task, version: int) -> list[TaskEvent]:
    """Return what happened to a task after the version that somebody was shown."""
    return list(task.events.filter(version__gt=version).order_by("pk"))
