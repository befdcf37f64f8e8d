"""Which buys cannot serve as they were sold, because a creative was taken from them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mediabuys.models import Creative, CreativeReview, MediaBuy, Package
from mediabuys.states import (
    LIVE_BUY_STATUSES,
    OFFLINE_CREATIVE_STATUSES,
    REFUSING_OUTCOMES,
    CreativeStatus,
    ReviewOutcome,
)


@dataclass(frozen=True)
class Impairment:
    """A creative that once could serve and may not, and the packages that have no other.

    Open as long as it is listed. The id stays for as long; a later refusal has another one.
    """

    impairment_id: str
    creative: Creative
    package_ids: tuple[str, ...]
    refusal: CreativeReview


def impairments_of(buys: Sequence[MediaBuy], *, now: datetime) -> dict[int, list[Impairment]]:
    """Return the open impairments of a page of buys by the buy's key; at most one query.

    `buys` come with packages, assignments and creatives. A buy without any is left out. A creative
    whose package can still show another one impairs nothing, and neither does one that was
    rejected before it ever could serve.
    """
    suspects = {buy.pk: _suspects(buy, now) for buy in buys if buy.status in LIVE_BUY_STATUSES}
    refusals = _refusals({pk for found in suspects.values() for pk in found})
    open_ones: dict[int, list[Impairment]] = {}
    for buy in buys:
        for pk, (creative, packages) in suspects.get(buy.pk, {}).items():
            if pk in refusals:
                found = _impairment(buy, creative, packages, refusals[pk])
                open_ones.setdefault(buy.pk, []).append(found)
    return open_ones


Suspects = dict[int, tuple[Creative, list[str]]]


def _suspects(buy: MediaBuy, now: datetime) -> Suspects:
    """Return the offline creatives of packages that have no approved one."""
    found: Suspects = {}
    for package in buy.packages.all():
        for creative in _offline(package, now):
            found.setdefault(creative.pk, (creative, []))[1].append(package.package_id)
    return found


def _offline(package: Package, now: datetime) -> Iterator[Creative]:
    if package.is_canceled or (package.end_time is not None and package.end_time <= now):
        return
    creatives = [row.creative for row in package.assignments.all() if row.creative is not None]
    if any(creative.status == CreativeStatus.APPROVED for creative in creatives):
        return
    yield from (one for one in creatives if one.status in OFFLINE_CREATIVE_STATUSES)


def _refusals(creatives: Iterable[int]) -> Mapping[int, CreativeReview]:
    """Return the last refusal of each of these creatives that was approved before it."""
    wanted = list(creatives)
    if not wanted:
        return {}
    reviews = CreativeReview.objects.filter(creative__in=wanted).exclude(
        outcome=ReviewOutcome.SUBMITTED
    )
    served: set[int] = set()
    found: dict[int, CreativeReview] = {}
    for review in reviews.order_by("pk"):
        if review.outcome == ReviewOutcome.APPROVED:
            served.add(review.creative_id)
        elif review.outcome in REFUSING_OUTCOMES and review.creative_id in served:
            found[review.creative_id] = review
    return found


def _impairment(
    buy: MediaBuy, creative: Creative, packages: Sequence[str], refusal: CreativeReview
) -> Impairment:
    digest = hashlib.sha256(f"{buy.reference}:{refusal.pk}".encode()).hexdigest()
    return Impairment(f"imp_{digest[:40]}", creative, tuple(packages), refusal)
