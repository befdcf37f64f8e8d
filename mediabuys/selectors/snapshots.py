"""Reading the latest figures of the packages on a page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from mediabuys.adservers.profiles import snapshot_profile
from mediabuys.models import AccountAccess, Event, MediaBuy, Package, Principal
from mediabuys.snapshots import Figures, Line, Snapshot, Unavailable, read_snapshot
from mediabuys.states import TERMINAL_BUY_STATUSES, BuyStatus

# From these a package begins to deliver, or does so again.
STARTS = (Event.Action.ACTIVATED, Event.Action.RESUMED)
STARTS_OF_PACKAGES = (Event.Action.PACKAGE_RESUMED, Event.Action.PACKAGES_UPDATED)


def snapshots_of(
    buys: Sequence[MediaBuy], *, principal: Principal, now: datetime
) -> dict[int, Snapshot | Unavailable]:
    """Return, by package key, the snapshot or why there is none, in one query for any page.

    The buys have their accounts and packages loaded. Only agents whose account access lets them
    see delivery are shown figures.
    """
    rows = {row["pk"]: row for row in _rows(buys, principal)} if buys else {}
    return {
        package.pk: _read(buy, package, rows[package.pk], now)
        for buy in buys
        for package in buy.packages.all()
        if package.pk in rows
    }


def _rows(buys: Sequence[MediaBuy], principal: Principal) -> QuerySet[Any, dict[str, Any]]:
    access = AccountAccess.objects.filter(
        account=OuterRef("media_buy__account"), principal=principal, may_see_delivery=True
    )
    return (
        Package.objects.filter(media_buy__in=[buy.pk for buy in buys])
        .annotate(
            may_see=Exists(access),
            # Only where nothing was delivered does it matter since when it could have been.
            activated_at=Case(
                When(snapshot__impressions=0, then=Subquery(_last_start())), default=None
            ),
            as_of=F("snapshot__as_of"),
            delivered=F("snapshot__impressions"),
            clicks=F("snapshot__clicks"),
            spend=F("snapshot__spend"),
            spent_in=F("snapshot__currency"),
        )
        .order_by()
        .values(
            "pk", "may_see", "activated_at", "as_of", "delivered", "clicks", "spend", "spent_in"
        )
    )


def _last_start() -> QuerySet[Any, Any]:
    own = Q(action__in=STARTS_OF_PACKAGES, package_id=OuterRef("package_id"))
    return (
        Event.objects.filter(Q(action__in=STARTS) | own, media_buy=OuterRef("media_buy"))
        .order_by("-at")
        .values("at")[:1]
    )


def _read(
    buy: MediaBuy, package: Package, row: dict[str, Any], now: datetime
) -> Snapshot | Unavailable:
    figures = None
    if row["as_of"] is not None:
        figures = Figures(
            as_of=row["as_of"],
            impressions=row["delivered"],
            clicks=row["clicks"],
            spend=row["spend"],
            currency=row["spent_in"],
        )
    return read_snapshot(
        line=_line(buy, package, row["activated_at"]),
        figures=figures,
        profile=snapshot_profile(buy.account),
        may_see=row["may_see"],
        now=now,
    )


def _line(buy: MediaBuy, package: Package, activated_at: datetime | None) -> Line:
    start = package.start_time or buy.start_time
    return Line(
        start=start,
        end=package.end_time or buy.end_time,
        runs=buy.status == BuyStatus.ACTIVE and not (package.is_paused or package.is_canceled),
        activated_at=max(start, activated_at or start),
        stopped_at=_stopped_at(buy, package),
        is_completed=buy.status == BuyStatus.COMPLETED and not package.is_canceled,
        budget=package.budget,
        currency=package.currency,
        goal=package.impressions,
    )


def _stopped_at(buy: MediaBuy, package: Package) -> datetime | None:
    if package.is_canceled:
        return package.canceled_at
    if buy.status in TERMINAL_BUY_STATUSES:
        return min(buy.canceled_at or buy.updated_at, package.end_time or buy.end_time)
    return None
