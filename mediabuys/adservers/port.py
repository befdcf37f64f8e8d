"""The port to an ad server: what the desk asks of it, whichever it is.

Rules for every adapter:

* Every call that changes something carries a deterministic reference (of the order, or of the
  creative) and the revision of what is told. A repeated call finds what the first one made and
  returns it, also when both come at once; a call with an older revision than the one held changes
  nothing and returns what is held, one with the same revision is done again. So a crash between
  call and settling never books twice, and late workers do no harm.
* An error is one of `errors.py` and nothing else. `AdServerUnavailable` may be tried again;
  `AdServerRefused` and `OrderDeclined` may not. What is not understood is `AdServerUnavailable`.
* Money is a `Decimal` with its currency, times are aware, days and hours are UTC's.
* A call returns or raises within `CALL_SECONDS`; none runs inside a database transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from mediabuys.adservers.errors import AdServerError as AdServerError
from mediabuys.adservers.errors import AdServerRefused as AdServerRefused
from mediabuys.adservers.errors import AdServerUnavailable as AdServerUnavailable
from mediabuys.adservers.errors import OrderDeclined as OrderDeclined

# The longest that one call may take; leases are made longer than this.
CALL_SECONDS = 20


class OrderState(StrEnum):
    """Where an order stands at the ad server; only confirmed ones take inventory and deliver."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"


class ReviewState(StrEnum):
    """What the ad server's own review says of a creative."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class AssignedCreative:
    """A creative on a line item, by its reference; without weights they share evenly."""

    reference: str
    weight: Decimal | None = None


@dataclass(frozen=True)
class LineItemRequest:
    """One package as the ad server books it; money in `currency`, times with their zone.

    `impressions` is what it is to deliver, None where its price does not say; a guaranteed line
    reserves them. It stops at them, or at its budget, whichever comes first. No countries means
    everywhere.
    """

    package_id: str
    product_id: str
    pricing_model: str
    unit_price: Decimal | None
    budget: Decimal
    currency: str
    start_time: datetime
    end_time: datetime
    impressions: int | None
    is_guaranteed: bool = False
    is_paused: bool = False
    pacing: str = ""
    countries: tuple[str, ...] = ()
    creatives: tuple[AssignedCreative, ...] = ()


@dataclass(frozen=True)
class OrderRequest:
    """An order as the ad server should have it, whole: lines that are missing are canceled."""

    reference: str
    advertiser: str
    start_time: datetime
    end_time: datetime
    line_items: tuple[LineItemRequest, ...]
    revision: int = 1


@dataclass(frozen=True)
class BookedOrder:
    """What the ad server holds under a reference; `line_items` maps package id to its own id.

    Canceled lines are not in `line_items`. `revision` is the newest that it was told. Of a canceled
    order only the state counts.
    """

    order_id: str
    line_items: dict[str, str]
    state: OrderState = OrderState.CONFIRMED
    revision: int = 1
    is_paused: bool = False


@dataclass(frozen=True)
class ProductDay:
    """A product's impressions on one UTC day in one country ("" is everywhere at once).

    `capacity` is what the ad server expects, between `low` and `high`; `reserved` is what confirmed
    guaranteed lines take of it, whoever sold them.
    """

    product_id: str
    day: date
    country: str
    capacity: int
    low: int
    high: int
    reserved: int


@dataclass(frozen=True)
class CreativeRequest:
    """A creative as the ad server should have it; `assets` has the protocol's own shape."""

    reference: str
    revision: int
    advertiser: str
    name: str
    format_id: str
    assets: dict[str, object]


@dataclass(frozen=True)
class CreativeState:
    """What the ad server says of one revision of a creative; a refusal has a reason."""

    reference: str
    revision: int
    review: ReviewState
    reason: str = ""


@dataclass(frozen=True)
class CreativePage:
    """States that changed after a cursor, oldest first; ask again with `cursor` while `more`.

    The cursor is opaque, of at most 500 characters, and may be asked for again; it has moved
    wherever there is `more`.
    """

    states: tuple[CreativeState, ...]
    cursor: str
    more: bool


@dataclass(frozen=True)
class DeliveredHour:
    """What one creative of one line delivered in one country in one hour.

    The whole of the hour so far, and not what was added: a later `version` of the same hour takes
    the place of an earlier one. `creative` is its reference, "" where none is named.
    """

    order_reference: str
    package_id: str
    creative: str
    country: str
    hour: datetime
    impressions: int
    clicks: int
    completed_views: int
    spend: Decimal
    currency: str
    version: int


@dataclass(frozen=True)
class DeliveryPage:
    """Hours that changed after a cursor, oldest change first; cursors are as in `CreativePage`.

    `as_of` is the moment, on the ad server's clock, up to which everything delivered is in the
    rows up to the last page. `unreadable` has the rows of the page that made no sense, as they
    came, so that nothing is lost.
    """

    rows: tuple[DeliveredHour, ...]
    cursor: str
    more: bool
    as_of: datetime
    unreadable: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True)
class Health:
    """Whether the ad server can work, in words, and what its clock says."""

    is_well: bool
    message: str
    now: datetime


class AdServer(Protocol):
    """An adapter. Each method may raise an `AdServerError`; none runs inside a transaction."""

    name: str

    # Booking, in this order. Each may be repeated, by another worker too.

    def validate_order(self, order: OrderRequest) -> None:
        """Check the order itself, or raise `OrderDeclined` or `AdServerRefused`."""

    def validate_inventory(self, order: OrderRequest) -> None:
        """Check that every line can be delivered, or raise `OrderDeclined`.

        What this order itself has reserved already, in an earlier attempt, counts as free.
        """

    def create_order(self, order: OrderRequest) -> str:
        """Create the order as a draft, or find it by its reference; return the ad server's id.

        Raises `AdServerRefused` for a reference that was canceled.
        """

    def create_line_items(self, order: OrderRequest) -> dict[str, str]:
        """Create the missing line items of a draft; return package id to the ad server's id.

        A line that is there stays as it is, and a confirmed order too. Raises `AdServerRefused` for
        a reference that is unknown or canceled.
        """

    def confirm(self, reference: str) -> BookedOrder:
        """Commit the order: it takes inventory, and delivers in its flight. Return what is booked.

        Raises `OrderDeclined` where its inventory is gone, `AdServerRefused` for a reference that
        is unknown or canceled.
        """

    def find(self, reference: str) -> BookedOrder | None:
        """Return what is held under the reference, canceled orders too; None where nothing is."""

    # A booked order. Each raises `AdServerRefused` for a reference that is unknown, canceled, or
    # not confirmed yet.

    def change(self, order: OrderRequest) -> BookedOrder:
        """Make a confirmed order what `order` says: lines added, changed, canceled, paused.

        All or nothing: raises `OrderDeclined` where the inventory does not allow it, and then the
        order stays what it was. A line that stays keeps its id; a paused order stays paused. Lines
        that ask for the inventory that they have keep it, whatever is forecast now.
        """

    def pause(self, reference: str, *, revision: int) -> BookedOrder:
        """Hold the whole order's delivery; its inventory stays taken."""

    def resume(self, reference: str, *, revision: int) -> BookedOrder:
        """Let a paused order deliver again."""

    def cancel(self, reference: str) -> None:
        """End the order for good, at any state, and free its inventory.

        An unknown reference is remembered as canceled, so that a worker that comes too late cannot
        create it.
        """

    # Inventory.

    def availability(
        self, product_ids: Sequence[str], *, first: date, last: date
    ) -> tuple[ProductDay, ...]:
        """Return the days from `first` to `last`, both included, of these products.

        A product or a day that the ad server cannot tell about is left out.
        """

    # Creatives.

    def push_creative(self, creative: CreativeRequest) -> CreativeState:
        """Give the ad server a creative, or a newer revision of it, to review; return its state.

        A newer revision is reviewed anew. Where the ad server does not review, it is approved.
        """

    def creative_states(self, cursor: str) -> CreativePage:
        """Return reviews that changed after the cursor; "" is from the very first."""

    # Delivery.

    def delivery(self, cursor: str) -> DeliveryPage:
        """Return hours that changed after the cursor; "" is from the very first."""

    def health(self) -> Health:
        """Return whether it can work; raises only where it does not answer at all."""
