"""Every state of a task and the one table of moves that are allowed."""

from collections.abc import Mapping

from django.db import models

from mediabuys.states import Move


class TaskStatus(models.TextChoices):
    """The protocol's own task statuses."""

    SUBMITTED = "submitted", "Submitted"
    WORKING = "working", "Working"
    INPUT_REQUIRED = "input-required", "Waiting for the buyer"
    AUTH_REQUIRED = "auth-required", "Waiting for the buyer's authorization"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"
    CANCELED = "canceled", "Canceled"


TERMINAL_TASK_STATUSES = (
    TaskStatus.COMPLETED,
    TaskStatus.FAILED,
    TaskStatus.REJECTED,
    TaskStatus.CANCELED,
)
OPEN_TASK_STATUSES = (
    TaskStatus.SUBMITTED,
    TaskStatus.WORKING,
    TaskStatus.INPUT_REQUIRED,
    TaskStatus.AUTH_REQUIRED,
)
# The protocol's two ways of asking the buyer for something.
WAITS_FOR_BUYER = (TaskStatus.INPUT_REQUIRED, TaskStatus.AUTH_REQUIRED)

TASK_MOVES: Mapping[str, Move] = {
    "start": Move(
        (TaskStatus.SUBMITTED, TaskStatus.INPUT_REQUIRED, TaskStatus.AUTH_REQUIRED),
        TaskStatus.WORKING,
    ),
    "request_input": Move((TaskStatus.SUBMITTED, TaskStatus.WORKING), TaskStatus.INPUT_REQUIRED),
    "complete": Move(OPEN_TASK_STATUSES, TaskStatus.COMPLETED),
    "fail": Move(OPEN_TASK_STATUSES, TaskStatus.FAILED),
    "cancel": Move(OPEN_TASK_STATUSES, TaskStatus.CANCELED),
}


class QueueState(models.TextChoices):
    """What a task waits for, as staff see it; only `pending_manual` is in the queue."""

    PENDING_MANUAL = "pending_manual", "Pending manual approval"
    BOOKING = "booking", "Booking"
    WAITING_FOR_BUYER = "waiting_for_buyer", "Waiting for the buyer"
    CLOSED = "closed", "Closed"


QUEUE_STATE_OF: Mapping[str, str] = {
    TaskStatus.SUBMITTED: QueueState.PENDING_MANUAL,
    TaskStatus.WORKING: QueueState.BOOKING,
    TaskStatus.INPUT_REQUIRED: QueueState.WAITING_FOR_BUYER,
    TaskStatus.AUTH_REQUIRED: QueueState.WAITING_FOR_BUYER,
    TaskStatus.COMPLETED: QueueState.CLOSED,
    TaskStatus.FAILED: QueueState.CLOSED,
    TaskStatus.REJECTED: QueueState.CLOSED,
    TaskStatus.CANCELED: QueueState.CLOSED,
}


# What fails when nobody answers in time, the publisher or the buyer.
EXPIRING_QUEUE_STATES = (QueueState.PENDING_MANUAL, QueueState.WAITING_FOR_BUYER)


class TaskType(models.TextChoices):
    CREATE_MEDIA_BUY = "create_media_buy", "New order"
    UPDATE_MEDIA_BUY = "update_media_buy", "Change of a buy"


class Outcome(models.TextChoices):
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CHANGE_ASKED = "change_asked", "Asked for a change"


class InputReason(models.TextChoices):
    """Why the buyer must answer, in the protocol's words."""

    APPROVAL_REQUIRED = "APPROVAL_REQUIRED", "Approval required"
    BUDGET_EXCEEDS_LIMIT = "BUDGET_EXCEEDS_LIMIT", "Budget exceeds a limit"
    CHANGE_CONFIRMATION = "CHANGE_CONFIRMATION", "Change must be confirmed"


class RejectionReason(models.TextChoices):
    """Why staff decline, or send back; each maps to the AdCP code that the agent acts on."""

    NO_INVENTORY = "no_inventory", "Not enough inventory on these dates"
    PRICE_TOO_LOW = "price_too_low", "Price is too low"
    DATES = "dates", "Dates do not work"
    CONTENT_POLICY = "content_policy", "Advertiser or content is against our policy"
    TERMS = "terms", "Terms cannot be accepted"
    CREDIT = "credit", "Credit or payment is not cleared"
    OTHER = "other", "Other (say why in the note)"


REJECTION_CODES: Mapping[str, str] = {
    RejectionReason.NO_INVENTORY: "PRODUCT_UNAVAILABLE",
    RejectionReason.PRICE_TOO_LOW: "BUDGET_TOO_LOW",
    RejectionReason.DATES: "INVALID_REQUEST",
    RejectionReason.CONTENT_POLICY: "POLICY_VIOLATION",
    RejectionReason.TERMS: "TERMS_REJECTED",
    RejectionReason.CREDIT: "ACCOUNT_PAYMENT_REQUIRED",
    RejectionReason.OTHER: "VALIDATION_ERROR",
}

REJECTION_SUGGESTIONS: Mapping[str, str] = {
    RejectionReason.NO_INVENTORY: "Try other flight dates, a smaller budget or another product.",
    RejectionReason.PRICE_TOO_LOW: "Send the order again with a price at or above the rate card.",
    RejectionReason.DATES: "Send the order again with other flight dates.",
    RejectionReason.CONTENT_POLICY: "Check the publisher's advertising policy first.",
    RejectionReason.TERMS: "Send the order again without these terms.",
    RejectionReason.CREDIT: "Settle the account with the publisher, then order again.",
    RejectionReason.OTHER: "Read the message, correct the order and send it again.",
}


class RuleKind(models.TextChoices):
    """What an approval rule looks at."""

    GUARANTEED = "guaranteed", "A guaranteed product"
    BUDGET = "budget", "Budget over the threshold"
    NEW_BUYER = "new_buyer", "A new buyer"
    UNDER_RATE_CARD = "under_rate_card", "Price under rate card"
    CATEGORY = "category", "A product category or industry"
    STARTS_SOON = "starts_soon", "Flight starts soon"
    CREDIT = "credit", "Credit limit would be passed"
    TERMS = "terms", "The buyer asks for its own terms"
