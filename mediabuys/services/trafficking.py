"""Trafficking rows: wanted, claimed under a lease, told; a stale worker changes nothing."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mediabuys.adservers.port import CALL_SECONDS, AdServerError, AdServerUnavailable
from mediabuys.models import Creative, MediaBuy, Trafficking
from webhooks.wakeups import nudge

# Longer than the calls that one telling makes (an order: change, then pause or resume).
LEASE = timedelta(seconds=3 * CALL_SECONDS + 30)
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 180, 600, 1800, 3600))
# What the ad server refuses is asked again this seldom: only a person can mend it.
REFUSED_DELAY = timedelta(hours=6)


@dataclass(frozen=True)
class TraffickingClaim:
    """The right to tell the ad server of one order or creative, until the lease ends."""

    trafficking_pk: int
    media_buy_pk: int | None
    creative_pk: int | None
    wanted: int
    attempt: int
    lease_token: uuid.UUID


def order_traffic(*, buys: Collection[MediaBuy], now: datetime) -> None:
    """Note that these orders have changed, for a worker to tell the ad server of it.

    In the transaction of the change, whatever its kind; one statement. Orders that are not on the
    ad server yet have no row and need none: their booking makes it (`trafficking_begin`).
    """
    _wanted_again(Trafficking.objects.filter(media_buy__in=buys), now)


def trafficking_begin(
    *, now: datetime, buy: MediaBuy | None = None, creative: Creative | None = None
) -> None:
    """Have the ad server told of an order that it has, or may have, or of a creative.

    In the caller's transaction; makes the row where there is none.
    """
    _, created = Trafficking.objects.get_or_create(
        media_buy=buy, creative=creative, defaults={"next_attempt_at": now}
    )
    if created:
        nudge("mediabuys.traffic")
        return
    _wanted_again(Trafficking.objects.filter(media_buy=buy, creative=creative), now)


def _wanted_again(rows: QuerySet[Trafficking], now: datetime) -> None:
    if rows.update(wanted=F("wanted") + 1, next_attempt_at=now, attempt_count=0):
        nudge("mediabuys.traffic")


def trafficking_claim(*, now: datetime) -> TraffickingClaim | None:
    """Take the longest-due row under a lease; None when nothing is due. One transaction."""
    with transaction.atomic():
        row = (
            Trafficking.objects.filter(next_attempt_at__lte=now)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now))
            .order_by("next_attempt_at", "pk")
            .select_for_update(skip_locked=True)
            .first()
        )
        if row is None:
            return None
        row.lease_token, row.leased_until = uuid.uuid4(), now + LEASE
        row.attempt_count += 1
        row.save(update_fields=["lease_token", "leased_until", "attempt_count", "updated_at"])
        return TraffickingClaim(
            row.pk,
            row.media_buy_id,
            row.creative_id,
            row.wanted,
            row.attempt_count,
            row.lease_token,
        )


def trafficking_told(*, claim: TraffickingClaim, now: datetime) -> bool:
    """Write down that the ad server has what was wanted at the claim; False when it was lost.

    What was wanted since stays due.
    """
    with transaction.atomic():
        row = _claimed(claim)
        if row is None:
            return False
        row.told, row.told_at = claim.wanted, now
        row.lease_token, row.leased_until, row.attempt_count = None, None, 0
        row.error_code, row.error_message = "", ""
        row.next_attempt_at = None if row.wanted == row.told else now
        row.save()
        return True


def trafficking_failed(*, claim: TraffickingClaim, error: AdServerError, now: datetime) -> bool:
    """Give the row back for a later attempt, with what went wrong; False when it was lost."""
    delay = REFUSED_DELAY
    if isinstance(error, AdServerUnavailable):
        delay = RETRY_DELAYS[min(claim.attempt, len(RETRY_DELAYS)) - 1]
    with transaction.atomic():
        row = _claimed(claim)
        if row is None:
            return False
        row.error_code, row.error_message = error.code, error.message[:500]
        row.lease_token, row.leased_until = None, None
        # A newer wish is not made to wait for the failure of an older one.
        row.next_attempt_at = now + delay if row.wanted == claim.wanted else now
        row.save()
        return True


def _claimed(claim: TraffickingClaim) -> Trafficking | None:
    return (
        Trafficking.objects.select_for_update()
        .filter(pk=claim.trafficking_pk, lease_token=claim.lease_token)
        .first()
    )
