"""Reading what buys delivered in a period: one report for a call, or for a webhook."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Prefetch, QuerySet

from mediabuys.adservers.profiles import snapshot_profile
from mediabuys.delivery_metrics import Metrics, summed
from mediabuys.delivery_periods import Period, flight_so_far
from mediabuys.delivery_request import DeliveryRequest
from mediabuys.models import AdServerFeed, DeliveryRevision, MediaBuy, Package
from mediabuys.selectors.delivery_sums import Dimension, PackageSums, sums_of
from mediabuys.selectors.snapshots import stopped_at
from mediabuys.snapshots import Snapshot, Unavailable
from mediabuys.states import BuyStatus, ReportingFrequency

RUNNING = (BuyStatus.ACTIVE, BuyStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class PackageDelivery:
    """What a package delivered in the period, and how it stands now.

    `restated_at` is when an hour of it that had been told was last told otherwise; `final_at` when
    nothing more was to be expected of it.
    """

    package: Package
    sums: PackageSums
    standing: Snapshot | Unavailable
    restated_at: datetime | None
    final_at: datetime | None

    def within(self, window: Period, granularity: str) -> Metrics:
        """Return what was delivered in one of the report's windows."""
        if granularity == ReportingFrequency.HOURLY:
            return self.sums.by_hour.get(window.start, Metrics())
        return self.sums.by_day.get(window.start.date(), Metrics())


@dataclass(frozen=True, slots=True)
class BuyDelivery:
    """What a buy delivered in the period, package by package, in the buy's order."""

    buy: MediaBuy
    period: Period
    packages: tuple[PackageDelivery, ...]

    @property
    def total(self) -> Metrics:
        """The sum of the packages."""
        return summed(one.sums.total for one in self.packages)

    @property
    def final_at(self) -> datetime | None:
        """When the last of the packages was final; None while one of them is not."""
        moments = [one.final_at for one in self.packages]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and len(known) == len(moments) else None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What each buy delivered; all that the ad server delivered by `as_of` has been read.

    It `is_late` where something runs of which the ad server should have told more by now.
    """

    buys: list[BuyDelivery]
    as_of: datetime | None
    is_late: bool


def reported_buys(buys: QuerySet[MediaBuy], *, limit: int) -> list[MediaBuy]:
    """Return the newest of the buys with what a report needs, in two queries.

    There may be one more than `limit`, so that the caller sees that there are.
    """
    packages = Package.objects.select_related("product", "pricing_option").order_by("position")
    shown = buys.select_related("account").prefetch_related(Prefetch("packages", packages))
    return list(
        shown.defer("policy", "push_token", "invoice_bank", "io_acceptance").order_by("-pk")[
            : limit + 1
        ]
    )


def delivery_of(
    buys: Sequence[MediaBuy],
    *,
    asked: DeliveryRequest,
    standings: Mapping[int, Snapshot | Unavailable],
    now: datetime,
) -> DeliveryReport:
    """Return what these buys delivered, in three queries whatever their number and the period.

    The buys come from `reported_buys`, and `standings` from `snapshots_of`: whoever may not see a
    buy's delivery is to be found there before. Buys that delivered nothing are there with zeros.
    """
    period = asked.period
    keys = [package.pk for buy in buys for package in buy.packages.all()]
    sums = sums_of(
        keys,
        start=period.start if period else None,
        end=period.end if period else None,
        by=_dimensions(asked),
    )
    restated = _restated(keys, period)
    as_of = read_until()
    found = [
        _buy_delivery(buy, period, sums, standings, restated, as_of=as_of, now=now) for buy in buys
    ]
    return DeliveryReport(found, as_of, any(_is_late(buy, as_of, now) for buy in buys))


def read_until() -> datetime | None:
    """Return up to when all that the ad server has delivered has been read; one query."""
    feeds = AdServerFeed.objects.filter(name=AdServerFeed.Name.DELIVERY)
    return feeds.values_list("as_of", flat=True).first()


def _is_late(buy: MediaBuy, as_of: datetime | None, now: datetime) -> bool:
    profile = snapshot_profile(buy.account)
    if buy.status not in RUNNING or profile is None:
        return False
    return as_of is None or (profile.oldest is not None and now - as_of > profile.oldest)


def _dimensions(asked: DeliveryRequest) -> list[Dimension]:
    by = [Dimension.CREATIVE, Dimension.DAY]
    if asked.countries is not None:
        by.append(Dimension.COUNTRY)
    if asked.window == ReportingFrequency.HOURLY:
        by.append(Dimension.HOUR)
    return by


def _restated(keys: Collection[int], period: Period | None) -> dict[int, datetime]:
    """Return when hours that had been told were last told otherwise, by package; one query."""
    rows = DeliveryRevision.objects.filter(package__in=keys)
    if period is not None:
        rows = rows.filter(hour__gte=period.start, hour__lt=period.end)
    return dict(rows.order_by().values_list("package").annotate(Max("replaced_at")))


def _buy_delivery(
    buy: MediaBuy,
    period: Period | None,
    sums: Mapping[int, PackageSums],
    standings: Mapping[int, Snapshot | Unavailable],
    restated: Mapping[int, datetime],
    *,
    as_of: datetime | None,
    now: datetime,
) -> BuyDelivery:
    packages = tuple(
        PackageDelivery(
            package=package,
            sums=sums.get(package.pk, PackageSums()),
            standing=standings.get(package.pk, Unavailable.TEMPORARILY_UNAVAILABLE),
            restated_at=restated.get(package.pk),
            final_at=_final_at(buy, package, restated.get(package.pk), as_of),
        )
        for package in buy.packages.all()
    )
    return BuyDelivery(buy, period or _flight(buy, packages, now), packages)


def _flight(buy: MediaBuy, packages: Iterable[PackageDelivery], now: datetime) -> Period:
    found = [one.sums for one in packages]
    return flight_so_far(
        buy,
        first_hour=min((one.first_hour for one in found if one.first_hour), default=None),
        last_hour=max((one.last_hour for one in found if one.last_hour), default=None),
        now=now,
    )


def _final_at(
    buy: MediaBuy, package: Package, restated_at: datetime | None, as_of: datetime | None
) -> datetime | None:
    """Return when the package's figures were closed: it has stopped, and the delay has passed.

    What was told otherwise even later closed them again.
    """
    stopped, profile = stopped_at(buy, package), snapshot_profile(buy.account)
    if stopped is None or profile is None or as_of is None:
        return None
    closed = stopped + profile.staleness
    if as_of < closed:
        return None
    return max(closed, restated_at) if restated_at else closed
