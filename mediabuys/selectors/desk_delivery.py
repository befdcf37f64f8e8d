"""How a buy delivers, as a salesperson judges it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import prefetch_related_objects

from mediabuys.adservers.profiles import snapshot_profile
from mediabuys.delivery_metrics import Metrics, summed
from mediabuys.delivery_request import DeliveryRequest
from mediabuys.flights import flight_of
from mediabuys.models import MediaBuy, Package
from mediabuys.pricing import in_words
from mediabuys.selectors.delivery import BuyDelivery, PackageDelivery, delivery_of, reported_buys
from mediabuys.selectors.impairments import Impairment, impairments_of
from mediabuys.selectors.snapshots import snapshots_of
from mediabuys.snapshots import DeliveryStatus, Snapshot, Unavailable
from mediabuys.states import BuyStatus

DAYS = 7
# A pace this close to the plan is on it; one this far under needs somebody.
NEAR = Decimal(5)
FAR = Decimal(20)
STATUS_WORDS = {
    DeliveryStatus.DELIVERING: ("Delivering", "good"),
    DeliveryStatus.NOT_DELIVERING: ("Not delivering", "bad"),
    DeliveryStatus.COMPLETED: ("Completed", "quiet"),
    DeliveryStatus.BUDGET_EXHAUSTED: ("Budget spent", "quiet"),
    DeliveryStatus.FLIGHT_ENDED: ("Flight ended", "quiet"),
    DeliveryStatus.GOAL_MET: ("Goal met", "quiet"),
}


@dataclass(frozen=True)
class Pace:
    """How far a package is from its plan; `tone` is good, warn or bad."""

    words: str
    tone: str


@dataclass(frozen=True)
class PackagePace:
    """A line of the section: shares of the whole are in percent, 0 to 100, for the bar.

    `planned` is what should have been reached by the figures' moment; None before the start.
    """

    package: Package
    goal: str
    total: Metrics
    reached: int
    planned: int | None
    pace: Pace | None
    status: tuple[str, str]

    @property
    def width(self) -> int:
        """How much of the bar is full."""
        return min(100, self.reached)


@dataclass(frozen=True)
class DeskDelivery:
    """What a buy's page says of its delivery; `days` are the latest, the newest first."""

    lines: tuple[PackagePace, ...]
    total: Metrics
    days: tuple[tuple[date, Metrics], ...]
    as_of: datetime | None
    is_late: bool
    is_told: bool
    impairments: Sequence[Impairment]


def desk_delivery(buy: MediaBuy, *, now: datetime) -> DeskDelivery:
    """Return how an accepted buy delivers; nine queries at most, however many packages."""
    buys = reported_buys(MediaBuy.objects.filter(pk=buy.pk), limit=1)
    prefetch_related_objects(buys, "packages__assignments__creative")
    standings = snapshots_of(buys, principal=None, now=now)
    report = delivery_of(buys, asked=DeliveryRequest(), standings=standings, now=now)
    [found] = report.buys
    days = sorted({day for one in found.packages for day in one.sums.by_day}, reverse=True)
    return DeskDelivery(
        lines=tuple(_line(found, one, now) for one in found.packages),
        total=found.total,
        days=tuple((day, _on(found, day)) for day in days[:DAYS]),
        as_of=report.as_of,
        is_late=report.is_late,
        is_told=snapshot_profile(found.buy.account) is not None,
        impairments=impairments_of(buys, now=now).get(buy.pk, ()),
    )


def _on(found: BuyDelivery, day: date) -> Metrics:
    return summed(one.sums.by_day.get(day, Metrics()) for one in found.packages)


def _line(found: BuyDelivery, one: PackageDelivery, now: datetime) -> PackagePace:
    package, total = one.package, one.sums.total
    budget = in_words(package.budget, package.currency)
    if package.impressions:
        goal, share = (
            f"{package.impressions:,} impressions",
            total.impressions / package.impressions,
        )
    else:
        goal, share = budget, float(total.spend / package.budget) if package.budget else 0.0
    return PackagePace(
        package=package,
        goal=goal,
        total=total,
        reached=round(share * 100),
        planned=_planned(found.buy, one, now),
        pace=_pace(one.standing),
        status=_status(found.buy, one),
    )


def _planned(buy: MediaBuy, one: PackageDelivery, now: datetime) -> int | None:
    start, end = flight_of(one.package, buy)
    seen = one.standing.figures.as_of if isinstance(one.standing, Snapshot) else now
    if seen <= start:
        return None
    return round((min(seen, end) - start) / (end - start) * 100)


def _pace(standing: Snapshot | Unavailable) -> Pace | None:
    """Return the pace in words: `12 % behind`, `on pace`, `8 % ahead`."""
    if not isinstance(standing, Snapshot) or standing.pacing_index is None:
        return None
    ahead = (standing.pacing_index - 1) * 100
    if abs(ahead) <= NEAR:
        return Pace("on pace", "good")
    if ahead > 0:
        return Pace(f"{ahead:.0f} % ahead", "warn" if ahead > FAR else "good")
    return Pace(f"{-ahead:.0f} % behind", "bad" if -ahead > FAR else "warn")


def _status(buy: MediaBuy, one: PackageDelivery) -> tuple[str, str]:
    """Return the package's state in words, and its tone."""
    if one.package.is_canceled:
        return "Canceled", "quiet"
    if isinstance(one.standing, Snapshot) and one.standing.delivery_status is not None:
        return STATUS_WORDS[one.standing.delivery_status]
    if buy.status in (BuyStatus.ACTIVE, BuyStatus.PAUSED):
        if one.package.is_paused or buy.status == BuyStatus.PAUSED:
            return "Paused", "warn"
        if isinstance(one.standing, Unavailable):
            return "No figures", "warn"
        return "No impressions yet", "quiet"
    return buy.get_status_display(), "quiet"
