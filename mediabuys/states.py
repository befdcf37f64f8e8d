"""Every state of the trade and, beside it, the one table of moves that are allowed."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import models


@dataclass(frozen=True)
class Move:
    """One allowed transition: from any of `sources` to `target`."""

    sources: tuple[str, ...]
    target: str


class BuyStatus(models.TextChoices):
    """A buy's lifecycle; `draft` and `declined` are internal and never reach the wire."""

    DRAFT = "draft", "Draft order"
    DECLINED = "declined", "Declined order"
    PENDING_CREATIVES = "pending_creatives", "Pending creatives"
    PENDING_START = "pending_start", "Pending start"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    REJECTED = "rejected", "Rejected"
    CANCELED = "canceled", "Canceled"


INTERNAL_BUY_STATUSES = (BuyStatus.DRAFT, BuyStatus.DECLINED)
PENDING_BUY_STATUSES = (BuyStatus.PENDING_CREATIVES, BuyStatus.PENDING_START)
RUNNING_BUY_STATUSES = (BuyStatus.ACTIVE, BuyStatus.PAUSED)
LIVE_BUY_STATUSES = (*PENDING_BUY_STATUSES, *RUNNING_BUY_STATUSES)
TERMINAL_BUY_STATUSES = (BuyStatus.COMPLETED, BuyStatus.REJECTED, BuyStatus.CANCELED)
# Over without having run to its end: the ad server must not go on with it.
ENDED_UNDELIVERED_BUY_STATUSES = (BuyStatus.DECLINED, BuyStatus.REJECTED, BuyStatus.CANCELED)
WIRE_BUY_STATUSES = (*LIVE_BUY_STATUSES, *TERMINAL_BUY_STATUSES)

BUY_MOVES: Mapping[str, Move] = {
    "accept": Move((BuyStatus.DRAFT,), BuyStatus.PENDING_CREATIVES),
    "decline": Move((BuyStatus.DRAFT,), BuyStatus.DECLINED),
    "make_ready": Move((BuyStatus.PENDING_CREATIVES,), BuyStatus.PENDING_START),
    "activate": Move((BuyStatus.PENDING_START,), BuyStatus.ACTIVE),
    "activate_held": Move((BuyStatus.PENDING_START,), BuyStatus.PAUSED),
    "pause": Move((BuyStatus.ACTIVE,), BuyStatus.PAUSED),
    "resume": Move((BuyStatus.PAUSED,), BuyStatus.ACTIVE),
    "complete": Move(RUNNING_BUY_STATUSES, BuyStatus.COMPLETED),
    "reject": Move(PENDING_BUY_STATUSES, BuyStatus.REJECTED),
    "cancel": Move(LIVE_BUY_STATUSES, BuyStatus.CANCELED),
}


class BookingStatus(models.TextChoices):
    """Where an order's booking on the ad server stands."""

    QUEUED = "queued", "Queued"
    BOOKING = "booking", "Booking"
    BOOKED = "booked", "Booked"
    FAILED = "failed", "Failed"


BOOKING_MOVES: Mapping[str, Move] = {
    "claim": Move((BookingStatus.QUEUED, BookingStatus.BOOKING), BookingStatus.BOOKING),
    "requeue": Move((BookingStatus.BOOKING, BookingStatus.FAILED), BookingStatus.QUEUED),
    "finish": Move((BookingStatus.BOOKING,), BookingStatus.BOOKED),
    "fail": Move((BookingStatus.BOOKING, BookingStatus.QUEUED), BookingStatus.FAILED),
}


class BookingStep(models.TextChoices):
    """The five steps of a booking, in order; the buyer sees the current one as progress."""

    ORDER_VALIDATION = "order_validation", "Validating the order"
    INVENTORY_VALIDATION = "inventory_validation", "Validating inventory availability"
    ORDER_CREATION = "order_creation", "Creating the order"
    LINE_ITEM_CREATION = "line_item_creation", "Creating line items"
    CONFIRMATION = "confirmation", "Confirming the order"


class HoldStatus(models.TextChoices):
    """Whether a package holds guaranteed inventory while nobody has decided on its order."""

    NONE = "none", "Holds nothing"
    HELD = "held", "Held"
    CONSUMED = "consumed", "Taken by an approved order"
    RELEASED = "released", "Released"


HOLD_MOVES: Mapping[str, Move] = {
    "hold": Move((HoldStatus.NONE,), HoldStatus.HELD),
    "consume": Move((HoldStatus.HELD,), HoldStatus.CONSUMED),
    "release": Move((HoldStatus.HELD, HoldStatus.CONSUMED), HoldStatus.RELEASED),
}


class StrayReason(models.TextChoices):
    """Why a row of the ad server's delivery report counts nowhere yet."""

    UNKNOWN_ORDER = "unknown_order", "No such order"
    UNKNOWN_PACKAGE = "unknown_package", "No such package in the order"
    FOREIGN_CREATIVE = "foreign_creative", "A creative that is not of the order's account"
    CURRENCY = "currency", "In another currency than the package"
    FUTURE = "future", "Of an hour that has not begun"
    NEGATIVE = "negative", "A negative number"
    UNREADABLE = "unreadable", "Not understood"


# What may come to pass by itself: the order is accepted, the package is added, the hour begins.
PASSING_STRAY_REASONS = (
    StrayReason.UNKNOWN_ORDER,
    StrayReason.UNKNOWN_PACKAGE,
    StrayReason.FUTURE,
)


class CreativeStatus(models.TextChoices):
    PROCESSING = "processing", "Processing"
    PENDING_REVIEW = "pending_review", "Pending review"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    SUSPENDED = "suspended", "Suspended"
    ARCHIVED = "archived", "Archived"


# What serves, or will once it is reviewed.
SERVICEABLE_CREATIVE_STATUSES = (
    CreativeStatus.PROCESSING,
    CreativeStatus.PENDING_REVIEW,
    CreativeStatus.APPROVED,
)
OFFLINE_CREATIVE_STATUSES = (CreativeStatus.REJECTED, CreativeStatus.SUSPENDED)

CREATIVE_MOVES: Mapping[str, Move] = {
    "submit": Move(
        (
            CreativeStatus.PROCESSING,
            CreativeStatus.APPROVED,
            CreativeStatus.REJECTED,
            CreativeStatus.PENDING_REVIEW,
        ),
        CreativeStatus.PENDING_REVIEW,
    ),
    "approve": Move(
        (CreativeStatus.PENDING_REVIEW, CreativeStatus.SUSPENDED), CreativeStatus.APPROVED
    ),
    "reject": Move(
        (CreativeStatus.PENDING_REVIEW, CreativeStatus.APPROVED, CreativeStatus.SUSPENDED),
        CreativeStatus.REJECTED,
    ),
}


class AccountStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    PENDING_APPROVAL = "pending_approval", "Pending approval"
    REJECTED = "rejected", "Rejected"
    PAYMENT_REQUIRED = "payment_required", "Payment required"
    SUSPENDED = "suspended", "Suspended"
    CLOSED = "closed", "Closed"


ENDED_ACCOUNT_STATUSES = (AccountStatus.REJECTED, AccountStatus.CLOSED)

ACCOUNT_MOVES: Mapping[str, Move] = {
    "approve": Move((AccountStatus.PENDING_APPROVAL,), AccountStatus.ACTIVE),
    "reject": Move((AccountStatus.PENDING_APPROVAL,), AccountStatus.REJECTED),
    "require_payment": Move((AccountStatus.ACTIVE,), AccountStatus.PAYMENT_REQUIRED),
    "suspend": Move((AccountStatus.ACTIVE,), AccountStatus.SUSPENDED),
    "reinstate": Move(
        (AccountStatus.PAYMENT_REQUIRED, AccountStatus.SUSPENDED), AccountStatus.ACTIVE
    ),
    "close": Move((AccountStatus.ACTIVE, AccountStatus.SUSPENDED), AccountStatus.CLOSED),
}


class ChangeStatus(models.TextChoices):
    """Where a change of a buy stands that a person must look at."""

    WAITING = "waiting", "Waiting"
    APPLIED = "applied", "Applied"
    REFUSED = "refused", "Refused"
    STALE = "stale", "Stale: the buy has moved on"


CHANGE_MOVES: Mapping[str, Move] = {
    "apply": Move((ChangeStatus.WAITING,), ChangeStatus.APPLIED),
    "refuse": Move((ChangeStatus.WAITING,), ChangeStatus.REFUSED),
    "outdate": Move((ChangeStatus.WAITING,), ChangeStatus.STALE),
}


class ProposalStatus(models.TextChoices):
    """A proposal: `draft` and `committed` are the protocol's, the others end it."""

    DRAFT = "draft", "Draft"
    COMMITTED = "committed", "Committed"
    ORDERED = "ordered", "Ordered"
    WITHDRAWN = "withdrawn", "Withdrawn"


OPEN_PROPOSAL_STATUSES = (ProposalStatus.DRAFT, ProposalStatus.COMMITTED)

PROPOSAL_MOVES: Mapping[str, Move] = {
    "commit": Move((ProposalStatus.DRAFT,), ProposalStatus.COMMITTED),
    "order": Move((ProposalStatus.COMMITTED,), ProposalStatus.ORDERED),
    # The order did not come to be: the offer stands again for what is left of its time.
    "reopen": Move((ProposalStatus.ORDERED,), ProposalStatus.COMMITTED),
    "withdraw": Move(OPEN_PROPOSAL_STATUSES, ProposalStatus.WITHDRAWN),
}


class PaymentTerms(models.TextChoices):
    """Payment terms of an insertion order."""

    NET_30 = "net_30", "Net 30"
    NET_60 = "net_60", "Net 60"
    NET_90 = "net_90", "Net 90"
    PREPAID = "prepaid", "Prepaid"
    DUE_ON_RECEIPT = "due_on_receipt", "Due on receipt"


class ReportingFrequency(models.TextChoices):
    HOURLY = "hourly", "Hourly"
    DAILY = "daily", "Daily"
    MONTHLY = "monthly", "Monthly"


class ArtifactMode(models.TextChoices):
    REALTIME = "realtime", "As impressions occur"
    BATCHED = "batched", "In batches"


class ReviewOutcome(models.TextChoices):
    """What happened to one revision of a creative: the buyer sent it, then staff or a policy."""

    SUBMITTED = "submitted", "Sent"
    PASSED_ON = "passed_on", "Approved here, under review at the ad server"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    REVOKED = "revoked", "Revoked"


# The outcomes that tell the buyer no, and must say why.
REFUSING_OUTCOMES = (ReviewOutcome.REJECTED, ReviewOutcome.REVOKED)


class DeliveryType(models.TextChoices):
    GUARANTEED = "guaranteed", "Guaranteed"
    NON_GUARANTEED = "non_guaranteed", "Non-guaranteed"


class PricingModel(models.TextChoices):
    CPM = "cpm", "CPM"
    VCPM = "vcpm", "vCPM"
    CPC = "cpc", "CPC"
    CPCV = "cpcv", "CPCV"
    CPV = "cpv", "CPV"
    FLAT_RATE = "flat_rate", "Flat rate"


class CreativeApprovalMode(models.TextChoices):
    AUTO_APPROVE = "auto_approve", "Approve at once"
    REQUIRE_HUMAN = "require_human", "A person reviews"


class CanceledBy(models.TextChoices):
    BUYER = "buyer", "Buyer"
    SELLER = "seller", "Seller"


class PrincipalStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    BLOCKED = "blocked", "Blocked"
