"""A change of a buy as the buyer asked for it; what is None, or not there, stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mediabuys.models import Creative, MediaBuy, Package, Product
from mediabuys.reporting import ReportingRequest
from mediabuys.requests import AssignmentRequest, Channel, PackageRequest
from mediabuys.states import DeliveryType

# The columns of a package that a change may write; each is an attribute of `PackageChange`.
PACKAGE_COLUMNS = (
    "budget",
    "bid_price",
    "unit_price",
    "impressions",
    "pacing",
    "start_time",
    "end_time",
    "is_paused",
    "targeting_overlay",
    "request_context",
    "ext",
)


@dataclass(frozen=True)
class PackageChange:
    """What becomes of one package; only what differs from the row has a value."""

    package: Package
    budget: Decimal | None = None
    bid_price: Decimal | None = None
    unit_price: Decimal | None = None
    impressions: int | None = None
    pacing: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    is_paused: bool | None = None
    targeting_overlay: dict[str, Any] | None = None
    request_context: dict[str, Any] | None = None
    ext: dict[str, Any] | None = None
    assignments: tuple[AssignmentRequest, ...] | None = None
    cancels: bool = False
    cancellation_reason: str = ""

    @property
    def columns(self) -> list[str]:
        """The columns of the package that it writes."""
        return [name for name in PACKAGE_COLUMNS if getattr(self, name) is not None]

    @property
    def is_empty(self) -> bool:
        """Whether everything is already as it was asked."""
        return not (self.columns or self.cancels or self.assignments is not None)

    @property
    def price_after(self) -> Decimal | None:
        """The price of the package once it is changed."""
        return self.package.unit_price if self.unit_price is None else self.unit_price

    @property
    def budget_after(self) -> Decimal:
        """The budget of the package once it is changed."""
        return self.package.budget if self.budget is None else self.budget

    @property
    def dates_after(self) -> tuple[datetime | None, datetime | None]:
        """The package's own start and end once it is changed; None follows the buy."""
        package = self.package
        return self.start_time or package.start_time, self.end_time or package.end_time

    @property
    def adds_exposure(self) -> bool:
        """Whether the publisher would owe more, or something else, than it agreed to."""
        if self.cancels:
            return False
        raised = self.budget is not None and self.budget > self.package.budget
        promised = self.package.product.delivery_type == DeliveryType.GUARANTEED
        cheaper = self.unit_price is not None and self.unit_price < (self.package.unit_price or 0)
        return (
            (raised and promised)
            or (self.impressions or 0) > (self.package.impressions or 0)
            or cheaper
            or any((self.start_time, self.end_time, self.targeting_overlay is not None))
        )


@dataclass(frozen=True)
class LineAfter:
    """One package as it would be after a change, as far as a rule asks."""

    product: Product
    unit_price: Decimal | None
    rate_card_price: Decimal | None
    terms: Mapping[str, Any]


@dataclass(frozen=True)
class ChangeRequest:
    """A whole change, valid against the buy, the catalog and the clock of its moment.

    `standing` are all packages of the buy, `packages` the named ones in the request's order, and
    `creatives` those of the account that the request assigns, by their id. `channel` is the
    registered webhook that takes the place of the buy's. With `cancels` nothing else is there.
    """

    buy: MediaBuy
    standing: tuple[Package, ...]
    packages: tuple[PackageChange, ...] = ()
    new_packages: tuple[PackageRequest, ...] = ()
    creatives: Mapping[str, Creative] = field(default_factory=dict)
    pauses: bool | None = None
    start_time: datetime | None = None
    starts_asap: bool = False
    end_time: datetime | None = None
    creative_deadline: datetime | None = None
    invoice_recipient: dict[str, Any] | None = None
    invoice_bank: str = ""
    reporting: ReportingRequest | None = None
    channel: Channel | None = None
    cancels: bool = False
    cancellation_reason: str = ""

    @property
    def changes_details(self) -> bool:
        """Whether it says anew who is invoiced, or where the buyer hears of the buy."""
        replaced = (self.invoice_recipient, self.reporting, self.channel)
        return any(value is not None for value in replaced)

    @property
    def is_empty(self) -> bool:
        """Whether the buy is already as it was asked."""
        return not (
            self.cancels
            or self.pauses is not None
            or self.moves_dates
            or self.new_packages
            or self.changes_details
            or any(not change.is_empty for change in self.packages)
        )

    @property
    def moves_dates(self) -> bool:
        return self.start_time is not None or self.end_time is not None

    @property
    def packages_after(self) -> list[PackageChange]:
        """The packages that would be left, each with what becomes of it."""
        changes = {change.package.pk: change for change in self.packages}
        live = [package for package in self.standing if not package.is_canceled]
        asked = [changes.get(package.pk, PackageChange(package)) for package in live]
        return [change for change in asked if not change.cancels]

    @property
    def budget_after(self) -> Decimal:
        """The sum of the packages that are left, and of the new ones."""
        budgets = [change.budget_after for change in self.packages_after]
        return sum(budgets + [line.budget for line in self.new_packages], Decimal(0))

    @property
    def lines_after(self) -> list[LineAfter]:
        """The packages that would be left, and the new ones."""
        lines = [
            LineAfter(
                change.package.product,
                change.price_after,
                change.package.rate_card_price,
                change.package.terms,
            )
            for change in self.packages_after
        ]
        return lines + [
            LineAfter(
                line.product, line.unit_price, line.pricing_option.rate_card_price, line.terms
            )
            for line in self.new_packages
        ]

    def time_to_start(self, now: datetime) -> timedelta | None:
        """Return how soon starts what the change lets start; None where nothing does."""
        starts = [self.start_time] if self.start_time else []
        begins = self.start_time or self.buy.start_time
        starts += [line.start_time or begins for line in self.new_packages]
        starts += [change.start_time for change in self.packages if change.start_time]
        return max(min(starts), now) - now if starts else None

    @property
    def adds_exposure(self) -> bool:
        """Whether the approval rules must be asked: everything else is the buyer's own to do."""
        if self.cancels:
            return False
        return (
            self.moves_dates
            or bool(self.new_packages)
            or self.budget_after > self.buy.total_budget
            or any(change.adds_exposure for change in self.packages)
        )
