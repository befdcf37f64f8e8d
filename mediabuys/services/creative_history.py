"""Writing a creative's history: what was sent, and what was said of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from mediabuys.locks import media_buys_locked
from mediabuys.models import Creative, CreativeReview, Event, Package
from mediabuys.states import LIVE_BUY_STATUSES, CreativeStatus, ReviewOutcome

AUTO_APPROVER = "policy:auto_approve"


def review_record(
    *, creative: Creative, outcome: ReviewOutcome, reason: str, reviewer: str, now: datetime
) -> CreativeReview:
    """Append one entry on the creative's present revision, in the caller's transaction."""
    return CreativeReview.objects.create(
        creative=creative,
        revision=creative.revision,
        outcome=outcome,
        reason=reason[:500],
        reviewer=reviewer[:200],
        at=now,
    )


def submissions_record(
    *, creatives: Sequence[Creative], changed: Mapping[int, str], actor: str, now: datetime
) -> None:
    """Append what a sync sent, and what the policy approved of it at once; one statement.

    `changed` says by creative what is new in a revision. In the caller's transaction.
    """
    rows = [row for one in creatives for row in _submission(one, changed.get(one.pk, ""), actor)]
    for row in rows:
        row.at = now
    CreativeReview.objects.bulk_create(rows)


def _submission(creative: Creative, changed: str, actor: str) -> Iterable[CreativeReview]:
    sent = {"creative": creative, "revision": creative.revision}
    yield CreativeReview(**sent, outcome=ReviewOutcome.SUBMITTED, reason=changed, reviewer=actor)
    if creative.is_passed_on:
        yield CreativeReview(**sent, outcome=ReviewOutcome.PASSED_ON, reviewer=AUTO_APPROVER)
    elif creative.status == CreativeStatus.APPROVED:
        yield CreativeReview(**sent, outcome=ReviewOutcome.APPROVED, reviewer=AUTO_APPROVER)


def revocation_record(*, creative: Creative, reason: str, reviewer: str, now: datetime) -> None:
    """Note in the history of each buy that is not over that a creative of it was revoked.

    The entry is for staff: no status or revision moves. Locks the buys, so that the entry tells
    the revision that it came after; three statements, in the caller's transaction.
    """
    served: dict[int, list[str]] = {}
    holding = Package.objects.filter(
        assignments__creative=creative,
        media_buy__status__in=LIVE_BUY_STATUSES,
        is_canceled=False,
    )
    for package in holding.order_by("pk"):
        served.setdefault(package.media_buy_id, []).append(package.package_id)
    if not served:
        return
    Event.objects.bulk_create(
        Event(
            media_buy=buy,
            action=Event.Action.CREATIVE_REVOKED,
            from_status=buy.status,
            to_status=buy.status,
            revision=buy.revision,
            actor=reviewer[:200],
            summary=f"Creative {creative.creative_id} revoked: {reason}"[:500],
            package_id=served[buy.pk][0] if len(served[buy.pk]) == 1 else "",
            data={
                "creative_id": creative.creative_id,
                "creative_revision": creative.revision,
                "package_ids": served[buy.pk],
            },
            at=now,
        )
        for buy in media_buys_locked().filter(pk__in=served)
    )
