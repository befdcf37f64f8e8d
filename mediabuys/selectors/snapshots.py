"""Reading the latest figures of the packages on a page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from mediabuys.adservers.profiles import snapshot_profile
from mediabuys.flights import flight_of
from mediabuys.models import Event, MediaBuy, Package, Principal
from mediabuys.snapshots import Figures, Line, Snapshot, Unavailable, read_snapshot
from mediabuys.states import TERMINAL_BUY_STATUSES, BuyStatus

# From these a package begins to deliver, or does so again.
STARTS = [Event.Action.ACTIVATED.value, Event.Action.RESUMED.value]
STARTS_OF_PACKAGES = [Event.Action.PACKAGE_RESUMED.value, Event.Action.PACKAGES_UPDATED.value]

# What the feed has told until now is what every package of the ad server has delivered: one that it
# never told of has delivered nothing. Figures without a feed are as old as they say themselves.
# Since when a package could deliver is asked only where it has not.
_FIGURES = """
    SELECT package.id,
        %(principal)s::bigint IS NULL OR EXISTS (
            SELECT FROM mediabuys_accountaccess access
            WHERE access.account_id = buy.account_id AND access.principal_id = %(principal)s
                AND access.may_see_delivery),
        CASE WHEN buy.status = 'active' AND coalesce(snapshot.impressions, 0) = 0 THEN (
            SELECT max(event.at) FROM mediabuys_event event
            WHERE event.media_buy_id = buy.id AND (
                event.action = ANY(%(starts)s)
                OR event.action = ANY(%(starts_of_packages)s)
                    AND event.package_id = package.package_id)) END,
        CASE WHEN feed.id IS NULL THEN snapshot.as_of
            WHEN snapshot.id IS NOT NULL OR buy.confirmed_at IS NOT NULL THEN feed.as_of END,
        coalesce(snapshot.impressions, 0),
        CASE WHEN snapshot.id IS NULL THEN 0 ELSE snapshot.clicks END,
        coalesce(snapshot.spend, 0), coalesce(snapshot.currency, package.currency)
    FROM mediabuys_mediabuy buy
    JOIN mediabuys_package package ON package.media_buy_id = buy.id
    LEFT JOIN mediabuys_deliverysnapshot snapshot ON snapshot.package_id = package.id
    LEFT JOIN mediabuys_adserverfeed feed ON feed.name = 'delivery'
    WHERE buy.id = ANY(%(buys)s)
"""


def snapshots_of(
    buys: Sequence[MediaBuy], *, principal: Principal | None, now: datetime
) -> dict[int, Snapshot | Unavailable]:
    """Return, by package key, the snapshot or why there is none, in one query for any page.

    The buys have their accounts and packages loaded. Only agents whose account access lets them
    see delivery are shown figures; without `principal` it is the desk that reads, which sees all.
    """
    rows = _rows(buys, principal) if buys else {}
    return {
        package.pk: _read(buy, package, rows[package.pk], now)
        for buy in buys
        for package in buy.packages.all()
        if package.pk in rows
    }


def _rows(buys: Sequence[MediaBuy], principal: Principal | None) -> dict[int, tuple[Any, ...]]:
    wanted: dict[str, Any] = {
        "buys": [buy.pk for buy in buys],
        "principal": principal.pk if principal else None,
        "starts": STARTS,
        "starts_of_packages": STARTS_OF_PACKAGES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, wanted)
        return {row[0]: row[1:] for row in cursor.fetchall()}


def _read(
    buy: MediaBuy, package: Package, row: tuple[Any, ...], now: datetime
) -> Snapshot | Unavailable:
    may_see, activated_at, as_of, impressions, clicks, spend, currency = row
    figures = None
    if as_of is not None:
        figures = Figures(
            as_of=as_of, impressions=impressions, clicks=clicks, spend=spend, currency=currency
        )
    return read_snapshot(
        line=_line(buy, package, activated_at),
        figures=figures,
        profile=snapshot_profile(buy.account),
        may_see=may_see,
        now=now,
    )


def _line(buy: MediaBuy, package: Package, activated_at: datetime | None) -> Line:
    start, end = flight_of(package, buy)
    return Line(
        start=start,
        end=end,
        runs=buy.status == BuyStatus.ACTIVE and not (package.is_paused or package.is_canceled),
        activated_at=max(start, activated_at or start),
        stopped_at=stopped_at(buy, package),
        is_completed=buy.status == BuyStatus.COMPLETED and not package.is_canceled,
        budget=package.budget,
        currency=package.currency,
        goal=package.impressions,
    )


def stopped_at(buy: MediaBuy, package: Package) -> datetime | None:
    """Return when the package stopped for good before its end; None while it may deliver."""
    if package.is_canceled:
        return package.canceled_at
    if buy.status in TERMINAL_BUY_STATUSES:
        _, end = flight_of(package, buy)
        return min(buy.canceled_at or buy.updated_at, end)
    return None
