"""Trafficking rows: wanted, claimed under a lease, told; a stale worker changes nothing."""

import logging
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from mediabuys.adservers.port import AdServerError, AdServerUnavailable
from mediabuys.adservers.profiles import publishers_profile
from mediabuys.models import AdServerFeed, Creative, MediaBuy, Package, Trafficking
from mediabuys.services.attempts import LEASE, REFUSED_DELAY, telling_delay
from mediabuys.states import LIVE_BUY_STATUSES, CreativeStatus
from webhooks.wakeups import nudge

logger = logging.getLogger(__name__)

# However slow the ad server is, most of a worker's threads are left for other work.
WORKERS_AT_ONCE = 4
# What is told for months is no longer counted: the column ends, and the delays have long before.
ATTEMPTS_COUNTED = 10_000


@dataclass(frozen=True)
class TraffickingClaim:
    """The right to tell the ad server of one order or creative, until the lease ends."""

    trafficking_pk: int
    media_buy_pk: int | None
    creative_pk: int | None
    wanted: int
    attempt: int
    lease_token: uuid.UUID

    @property
    def revision(self) -> int:
        """The revision under which the order is told: its booking was the first one."""
        return self.wanted + 1


def order_traffic(
    *, now: datetime, buys: Collection[MediaBuy] = (), creatives: Collection[Creative] = ()
) -> None:
    """Note that these orders have changed, for a worker to tell the ad server of it.

    Of `creatives` it is every order that they are assigned to; one query more. In the transaction
    of the change, whatever its kind, once, and after its buys are locked. Orders that are not on
    the ad server yet have no row and need none: their booking makes it (`trafficking_begin`).
    """
    concerned = {buy.pk for buy in buys}
    if creatives:
        assigned = Package.objects.filter(
            assignments__creative__in=[creative.pk for creative in creatives]
        )
        concerned.update(package.media_buy_id for package in assigned.only("media_buy"))
    if concerned:
        _wanted_again(Q(media_buy__in=concerned), now)


def trafficking_begin(
    *, now: datetime, buy: MediaBuy | None = None, creative: Creative | None = None
) -> None:
    """Have the ad server told of an order that it has, or may have, or of a creative.

    In the transaction of the caller, who holds the buy or the creative; makes the row where there
    is none.
    """
    subject = Trafficking(media_buy=buy, creative=creative, next_attempt_at=now, behind_since=now)
    if not _wanted_again(Q(media_buy=buy, creative=creative), now):
        subject.save(force_insert=True)
        nudge("mediabuys.traffic")


def creatives_traffic(*, creatives: Sequence[Creative], now: datetime) -> None:
    """Have the ad server told of these creatives as they are now, as `trafficking_begin` does.

    Two statements, whatever their number; the caller holds the creatives.
    """
    if not creatives:
        return
    rows = [
        Trafficking(creative=creative, wanted=0)
        for creative in sorted(creatives, key=lambda creative: creative.pk)
    ]
    _begin_all(rows)
    _wanted_again(Q(creative__in=[creative.pk for creative in creatives]), now)


def _wanted_again(concerned: Q, now: datetime) -> bool:
    """Raise what is wanted; rows are locked in one order, so that two changes never deadlock."""
    rows = Trafficking.objects.filter(concerned).order_by("pk").select_for_update(of=("self",))
    found = Trafficking.objects.filter(pk__in=rows.values("pk")).update(
        wanted=F("wanted") + 1,
        behind_since=Coalesce(F("behind_since"), now),
        next_attempt_at=now,
        attempt_count=0,
    )
    if found:
        nudge("mediabuys.traffic")
    return bool(found)


def trafficking_claim(*, now: datetime) -> TraffickingClaim | None:
    """Take a due row under a lease; None when nothing is due, or enough workers tell already.

    What has failed waits behind what has not, so that no number of rows that the ad server never
    takes keeps it from the others; then it is the longest-due. One transaction.
    """
    if Trafficking.objects.filter(leased_until__gt=now).count() >= WORKERS_AT_ONCE:
        return None
    with transaction.atomic():
        row = (
            Trafficking.objects.filter(next_attempt_at__lte=now)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now))
            .order_by("attempt_count", "next_attempt_at", "pk")
            .select_for_update(skip_locked=True)
            .first()
        )
        if row is None:
            return None
        row.lease_token, row.leased_until = uuid.uuid4(), now + LEASE
        row.attempt_count = min(row.attempt_count + 1, ATTEMPTS_COUNTED)
        row.save(update_fields=["lease_token", "leased_until", "attempt_count", "updated_at"])
        return TraffickingClaim(
            row.pk,
            row.media_buy_id,
            row.creative_id,
            row.wanted,
            row.attempt_count,
            row.lease_token,
        )


def trafficking_renew(*, claim: TraffickingClaim, now: datetime) -> bool:
    """Keep the row for the next call; False when the claim was lost."""
    return bool(
        Trafficking.objects.filter(pk=claim.trafficking_pk, lease_token=claim.lease_token).update(
            leased_until=now + LEASE
        )
    )


def trafficking_told(*, claim: TraffickingClaim, now: datetime) -> bool:
    """Write down that the ad server has what was wanted at the claim; False when it was lost.

    What was wanted since stays due.
    """
    with transaction.atomic(savepoint=False):
        row = _claimed(claim)
        if row is None:
            return False
        row.told, row.told_at = claim.wanted, now
        row.lease_token, row.leased_until, row.attempt_count = None, None, 0
        row.error_code, row.error_message = "", ""
        row.next_attempt_at = row.behind_since = None if row.wanted == row.told else now
        row.save()
        return True


def trafficking_outrun(*, claim: TraffickingClaim, revision: int, now: datetime) -> None:
    """Catch up with an ad server that holds a newer revision than it was told, and ignored this.

    So after our database came back from a backup: the row is told again, above `revision`.
    """
    Trafficking.objects.filter(pk=claim.trafficking_pk, lease_token=claim.lease_token).update(
        wanted=Greatest(F("wanted"), revision),
        next_attempt_at=now + telling_delay(claim.attempt),
        lease_token=None,
        leased_until=None,
    )


def trafficking_failed(*, claim: TraffickingClaim, error: AdServerError, now: datetime) -> bool:
    """Give the row back for a later attempt, with what went wrong.

    Returns whether that is news: False for what went wrong last time too, and when the claim was
    lost.
    """
    delay = REFUSED_DELAY
    if isinstance(error, AdServerUnavailable):
        delay = telling_delay(claim.attempt)
    with transaction.atomic(savepoint=False):
        row = _claimed(claim)
        if row is None:
            return False
        told = (error.code, error.message[:500])
        is_news = (row.error_code, row.error_message) != told
        row.error_code, row.error_message = told
        row.lease_token, row.leased_until = None, None
        # A newer wish is not made to wait for the failure of an older one.
        row.next_attempt_at = now + delay if row.wanted == claim.wanted else now
        row.save()
        return is_news


def trafficking_hurry(*, trafficking_pk: int, actor: str, now: datetime | None = None) -> None:
    """Have the ad server told now, because a person says so; again, if it has everything already.

    One transaction.
    """
    with transaction.atomic():
        _wanted_again(Q(pk=trafficking_pk), now or timezone.now())
        logger.info("Trafficking %s is told now, says %s.", trafficking_pk, actor)


def all_tell_again(*, now: datetime) -> int:
    """Have the ad server told anew of all that runs or will run; return how many orders.

    For an ad server that lost its data, or took another's place: orders that it never had are
    placed on it, the creatives that it must have are sent again, and what it reports is read from
    the very first; what was read before counts once. Seven statements; a transaction for the
    creatives and one for the orders, because they are locked in this order and in the other.
    """
    live = MediaBuy.objects.filter(status__in=LIVE_BUY_STATUSES, confirmed_at__isnull=False)
    if publishers_profile().has_delivery:
        with transaction.atomic():
            creatives = Creative.objects.filter(
                Q(status=CreativeStatus.PENDING_REVIEW, passed_on_at__isnull=False)
                | Q(status=CreativeStatus.APPROVED, assignments__package__media_buy__in=live),
                account__sandbox=False,
            )
            pks = sorted(set(creatives.values_list("pk", flat=True)))
            _begin_all([Trafficking(creative_id=pk, wanted=0) for pk in pks])
            _wanted_again(Q(creative__in=pks), now)
    with transaction.atomic():
        reports = (AdServerFeed.Name.DELIVERY, AdServerFeed.Name.CREATIVES)
        # Without its lease, a reader that is at work does not move the cursor any more.
        AdServerFeed.objects.filter(name__in=reports).update(
            cursor="", lease_token=None, leased_until=None
        )
        pks = list(live.order_by("pk").values_list("pk", flat=True))
        _begin_all([Trafficking(media_buy_id=pk, wanted=0) for pk in pks])
        _wanted_again(Q(media_buy__in=live.values("pk")), now)
        return len(pks)


def _begin_all(rows: Sequence[Trafficking]) -> None:
    """Write the rows that are not there; they are wanted next."""
    Trafficking.objects.bulk_create(rows, ignore_conflicts=True)


def _claimed(claim: TraffickingClaim) -> Trafficking | None:
    return (
        Trafficking.objects.select_for_update()
        .filter(pk=claim.trafficking_pk, lease_token=claim.lease_token)
        .first()
    )
