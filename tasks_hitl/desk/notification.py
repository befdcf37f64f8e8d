"""What the buyer was told, or will be, and how that goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Task
from webhooks.models import Delivery
from webhooks.selectors import deliveries_for_subject, redacted_url
from webhooks.states import DeliveryStatus

STAFF_OWNER = "staff"
KINDS = {"task_status": "Answer to the {noun}", "media_buy_status": "Change of the buy"}


@dataclass(frozen=True)
class AttemptFacts:
    """One try to reach the buyer."""

    number: int
    at: datetime
    outcome: str
    detail: str
    succeeded: bool


@dataclass(frozen=True)
class DeliveryFacts:
    """One message to the buyer with all its tries; `next_attempt_at` only while it is pending."""

    pk: int
    what: str
    status: str
    status_label: str
    created_at: datetime
    settled_at: datetime | None
    next_attempt_at: datetime | None
    stopped_because: str
    attempts: tuple[AttemptFacts, ...]


@dataclass(frozen=True)
class NotificationFacts:
    """Where the buyer hears of its order; `address` is empty when it registered no webhook."""

    address: str
    deliveries: tuple[DeliveryFacts, ...]

    @property
    def is_pending(self) -> bool:
        """Whether a message is still on its way."""
        return any(row.status == DeliveryStatus.PENDING for row in self.deliveries)


def notification_of(task: Task) -> NotificationFacts:
    """Return the messages about a task and its buy; at most four queries."""
    subjects = (f"task:{task.task_id}", f"media_buy:{task.media_buy.reference}")
    rows = [row for subject in subjects for row in deliveries_for_subject(subject)]
    destination, noun = task.destination, handler_for(task).noun
    return NotificationFacts(
        address=redacted_url(destination.url) if destination else "",
        deliveries=tuple(_deliveries(rows, noun)),
    )


def _deliveries(rows: Iterable[Delivery], noun: str) -> Iterable[DeliveryFacts]:
    for row in rows:
        if row.owner_key == STAFF_OWNER:
            continue
        pending = row.status == DeliveryStatus.PENDING
        yield DeliveryFacts(
            pk=row.pk,
            what=KINDS.get(row.kind, row.kind.replace("_", " ").capitalize()).format(noun=noun),
            status=row.status,
            status_label=row.get_status_display(),
            created_at=row.created_at,
            settled_at=row.settled_at,
            next_attempt_at=row.next_attempt_at if pending else None,
            stopped_because=row.stopped_because,
            attempts=tuple(_attempts(row)),
        )


def _attempts(row: Delivery) -> Iterable[AttemptFacts]:
    for attempt in row.attempts.all():
        answer = f"HTTP {attempt.http_status}" if attempt.http_status else attempt.error
        took = f", {attempt.response_ms} ms" if attempt.response_ms is not None else ""
        yield AttemptFacts(
            number=attempt.number,
            at=attempt.started_at,
            outcome=attempt.get_outcome_display(),
            detail=f"{answer}{took}",
            succeeded=attempt.outcome == "success",
        )
