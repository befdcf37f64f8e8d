"""What a review does to a creative, whoever gave it: passed on, approved, refused."""

from datetime import datetime

from mediabuys.adservers.profiles import profile_of
from mediabuys.models import Creative
from mediabuys.services.creative_assignments import buys_refresh
from mediabuys.services.creative_history import review_record, revocation_record
from mediabuys.services.trafficking import creatives_traffic, order_traffic
from mediabuys.states import CreativeStatus, ReviewOutcome

DECIDED_FIELDS = ("status", "passed_on_at", "rejection_reason", "reviewed_by", "updated_at")


def creative_pass_on(*, creative: Creative, reviewer: str, now: datetime) -> None:
    """Leave the last word on a creative that we approve to the ad server, which gets to see it.

    It stays `pending_review`, and the buys that wait for it wait on. The caller holds the creative,
    in its transaction.
    """
    creative.passed_on_at = now
    _decided(creative, ReviewOutcome.PASSED_ON, "", reviewer, now)
    creatives_traffic(creatives=[creative], now=now)


def creative_approve(*, creative: Creative, reviewer: str, now: datetime) -> None:
    """Let a creative serve: move the buys that waited for it, and have the ad server told.

    The caller holds the creative; locks its buys, in the caller's transaction.
    """
    creative.approve()
    _decided(creative, ReviewOutcome.APPROVED, "", reviewer, now)
    buys_refresh(creative=creative, now=now)
    order_traffic(creatives=[creative], now=now)
    if profile_of(creative.account).has_delivery and creative.passed_on_at is None:
        creatives_traffic(creatives=[creative], now=now)


def creative_refuse(*, creative: Creative, reason: str, reviewer: str, now: datetime) -> None:
    """Keep a creative from serving; what was approved is revoked, and its buys' history says so.

    The buyer reads `reason`. The caller holds the creative; locks its buys, in the caller's
    transaction.
    """
    is_revoked = creative.status == CreativeStatus.APPROVED
    creative.reject()
    outcome = ReviewOutcome.REVOKED if is_revoked else ReviewOutcome.REJECTED
    _decided(creative, outcome, reason, reviewer, now)
    if is_revoked:
        revocation_record(creative=creative, reason=reason, reviewer=reviewer, now=now)
        order_traffic(creatives=[creative], now=now)


def _decided(
    creative: Creative, outcome: ReviewOutcome, reason: str, reviewer: str, now: datetime
) -> None:
    creative.rejection_reason, creative.reviewed_by = reason, reviewer[:200]
    creative.save(update_fields=DECIDED_FIELDS)
    review_record(creative=creative, outcome=outcome, reason=reason, reviewer=reviewer, now=now)
