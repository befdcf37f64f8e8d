"""What the sales desk reads of the trade, each page's facts in a constant number of queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet

from mediabuys.flights import flight_of
from mediabuys.models import (
    Account,
    Booking,
    Creative,
    CreativeAssignment,
    Event,
    MediaBuy,
    Package,
    Principal,
)
from mediabuys.pricing import units_bought
from mediabuys.selectors.desk_targeting import targeting_in_words
from mediabuys.selectors.orders import buyer_standing
from mediabuys.states import (
    LIVE_BUY_STATUSES,
    BookingStatus,
    BuyStatus,
    CreativeStatus,
    PricingModel,
)

# Counting stops here: the desk shows "1,000+" and a page stays as fast as its queue is long.
COUNT_LIMIT = 1000
# What became of an order, in the buyer's record; the others are called by their status.
FATES: Mapping[str, str] = {BuyStatus.DRAFT: "waiting", BuyStatus.DECLINED: "declined"}
UNIT_NAMES: Mapping[str, str] = {
    PricingModel.CPM: "impressions",
    PricingModel.VCPM: "viewable impressions",
    PricingModel.CPC: "clicks",
    PricingModel.CPCV: "completed views",
    PricingModel.CPV: "views",
}


@dataclass(frozen=True)
class CappedCount:
    """A number of rows, counted only as far as `COUNT_LIMIT`."""

    number: int

    @property
    def is_capped(self) -> bool:
        """Whether there are more than the number says."""
        return self.number > COUNT_LIMIT

    def __str__(self) -> str:
        return f"{COUNT_LIMIT:,}+" if self.is_capped else f"{self.number:,}"

    def __bool__(self) -> bool:
        return self.number > 0


def capped_count(rows: QuerySet[Any]) -> CappedCount:
    """Return how many rows there are, up to the limit; one query."""
    return CappedCount(rows.order_by()[: COUNT_LIMIT + 1].count())


@dataclass(frozen=True)
class CreativeFacts:
    """A creative on a package; `creative` is None while the buyer has only promised it."""

    reference: str
    name: str
    status: str
    status_label: str
    format_key: str
    pk: int | None


@dataclass(frozen=True)
class PackageFacts:
    """One line of an order as a salesperson judges it.

    `against_card` is the price over (or, negative, under) rate card in percent.
    """

    package: Package
    pricing_model: str
    price: Decimal | None
    is_bid: bool
    rate_card: Decimal | None
    floor: Decimal | None
    against_card: Decimal | None
    units: int | None
    unit_name: str
    starts: datetime
    ends: datetime
    targeting: tuple[tuple[str, str], ...]
    formats: tuple[str, ...]
    creatives: tuple[CreativeFacts, ...]

    @property
    def days(self) -> int:
        """Length of the flight, in days begun."""
        return max(1, -(-(self.ends - self.starts) // timedelta(days=1)))


def packages_of(buy: MediaBuy) -> tuple[PackageFacts, ...]:
    """Return the order's lines; four queries, however many lines."""
    packages = list(
        buy.packages.filter(is_canceled=False)
        .select_related("product", "pricing_option")
        .prefetch_related("product__formats", "assignments__creative")
        .order_by("position")
    )
    return tuple(_package_facts(buy, package) for package in packages)


def _package_facts(buy: MediaBuy, package: Package) -> PackageFacts:
    option = package.pricing_option
    starts, ends = flight_of(package, buy)
    return PackageFacts(
        package=package,
        pricing_model=option.get_pricing_model_display(),
        price=package.unit_price,
        is_bid=package.bid_price is not None,
        rate_card=package.rate_card_price,
        floor=option.floor_price,
        against_card=_against(package.unit_price, package.rate_card_price),
        units=package.impressions
        or units_bought(package.budget, package.unit_price, option.pricing_model),
        unit_name=UNIT_NAMES.get(option.pricing_model, "units"),
        starts=starts,
        ends=ends,
        targeting=targeting_in_words(package.targeting_overlay),
        formats=_format_names(package),
        creatives=tuple(_creative_facts(row) for row in package.assignments.all()),
    )


def _against(price: Decimal | None, card: Decimal | None) -> Decimal | None:
    if price is None or not card:
        return None
    return ((price - card) / card * 100).quantize(Decimal("0.1"))


def _format_names(package: Package) -> tuple[str, ...]:
    offered = {row.format_id: row.name for row in package.product.formats.all()}
    if not package.format_ids:
        return tuple(offered.values())
    return tuple(offered.get(chosen["id"], chosen["id"]) for chosen in package.format_ids)


def _creative_facts(assignment: CreativeAssignment) -> CreativeFacts:
    creative = assignment.creative
    if creative is None:
        return CreativeFacts(
            assignment.creative_ref, assignment.creative_ref, "", "Not sent yet", "", None
        )
    return CreativeFacts(
        assignment.creative_ref,
        creative.name,
        creative.status,
        creative.get_status_display(),
        creative.format_key,
        creative.pk,
    )


@dataclass(frozen=True)
class BuyerFacts:
    """Who buys, on whose credit, and what became of its earlier orders; money in `currency`."""

    principal: Principal
    account: Account
    accepted_buys: int
    credit_limit: Decimal | None
    credit_used: Decimal
    earlier: tuple[tuple[str, int], ...]

    @property
    def currency(self) -> str:
        """The account's currency."""
        return self.account.currency

    @property
    def credit_left(self) -> Decimal | None:
        """What of the limit is free, with this order counted; negative when it is passed."""
        return None if self.credit_limit is None else self.credit_limit - self.credit_used

    @property
    def credit_over(self) -> Decimal:
        """By how much the limit is passed."""
        left = self.credit_left
        return max(Decimal(0), -left) if left is not None else Decimal(0)

    @property
    def credit_percent(self) -> int:
        """How much of the limit is used, 0 to 100, for the bar."""
        if not self.credit_limit:
            return 100
        return min(100, int(self.credit_used / self.credit_limit * 100))

    @property
    def is_new(self) -> bool:
        """Whether no order of this agent on this account was ever accepted."""
        return self.accepted_buys == 0


def buyer_facts(*, principal: Principal, account: Account, other_than: MediaBuy) -> BuyerFacts:
    """Return the buyer's record without the order in question; two queries."""
    standing = buyer_standing(principal=principal, account=account)
    counts = dict(
        MediaBuy.objects.filter(account=account)
        .exclude(pk=other_than.pk)
        .order_by()
        .values_list("status")
        .annotate(Count("pk"))
    )
    return BuyerFacts(
        principal=principal,
        account=account,
        accepted_buys=standing.accepted_buys,
        credit_limit=account.credit_limit,
        credit_used=standing.credit_used,
        earlier=tuple(
            (FATES.get(status, label), counts[status])
            for status, label in BuyStatus.choices
            if counts.get(status)
        ),
    )


def buy_events(buy: MediaBuy) -> list[Event]:
    """Return the buy's history, oldest first."""
    return list(Event.objects.filter(media_buy=buy).order_by("pk"))


def booking_of(buy: MediaBuy) -> Booking | None:
    """Return the order's booking, once there is one."""
    return Booking.objects.filter(media_buy=buy).first()


def live_buys() -> QuerySet[MediaBuy]:
    """Return buys that are sold and not over."""
    return MediaBuy.objects.filter(status__in=LIVE_BUY_STATUSES)


def troubled_bookings(*, since: datetime) -> QuerySet[Booking]:
    """Return bookings that wait after a failed attempt, or failed for good lately."""
    return Booking.objects.filter(
        Q(status=BookingStatus.QUEUED, attempt_count__gt=0)
        | Q(status=BookingStatus.FAILED, settled_at__gte=since)
    )


def creatives_to_review() -> QuerySet[Creative]:
    """Return creatives that wait for a person of ours, and not for the ad server."""
    return Creative.objects.filter(status=CreativeStatus.PENDING_REVIEW, passed_on_at=None)


def creatives_passed_on() -> QuerySet[Creative]:
    """Return creatives that we approved and the ad server reviews now."""
    return Creative.objects.filter(status=CreativeStatus.PENDING_REVIEW, passed_on_at__isnull=False)
