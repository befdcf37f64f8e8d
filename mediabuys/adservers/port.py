"""The port to an ad server: what the desk asks of it, whichever it is.

Every call carries the order's `reference`, and a repeated call finds the first one's order, so
that a crash between call and settling never books twice.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


class AdServerError(Exception):
    """Something went wrong at the ad server; `code` and the message are for the buyer too."""

    code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AdServerUnavailable(AdServerError):
    """Retryable: it did not answer, or answered that it cannot now."""


class AdServerRefused(AdServerError):
    """Terminal for technical reasons: asking again cannot help."""

    code = "CONFIGURATION_ERROR"


class OrderDeclined(AdServerError):
    """Terminal by its own decision: it will not run this order."""

    code = "PRODUCT_UNAVAILABLE"


@dataclass(frozen=True)
class LineItemRequest:
    """One package as the ad server books it; money in `currency`, times with their zone."""

    package_id: str
    product_id: str
    pricing_model: str
    unit_price: Decimal | None
    budget: Decimal
    currency: str
    start_time: datetime
    end_time: datetime
    impressions: int | None


@dataclass(frozen=True)
class OrderRequest:
    """An order as the ad server books it."""

    reference: str
    advertiser: str
    start_time: datetime
    end_time: datetime
    line_items: tuple[LineItemRequest, ...]


@dataclass(frozen=True)
class BookedOrder:
    """What the ad server holds under a reference; `line_items` maps package id to its own id."""

    order_id: str
    line_items: dict[str, str]


class AdServer(Protocol):
    """An adapter. Each method may raise an `AdServerError`; none runs inside a transaction."""

    name: str

    def validate_order(self, order: OrderRequest) -> None:
        """Check the order itself, or raise `OrderDeclined` or `AdServerRefused`."""

    def validate_inventory(self, order: OrderRequest) -> None:
        """Check that every line can be delivered, or raise `OrderDeclined`."""

    def create_order(self, order: OrderRequest) -> str:
        """Create the order, or find it by its reference; return the ad server's id."""

    def create_line_items(self, order: OrderRequest) -> dict[str, str]:
        """Create the missing line items; return package id to the ad server's id."""

    def confirm(self, reference: str) -> BookedOrder:
        """Commit the order; return what is booked."""

    def find(self, reference: str) -> BookedOrder | None:
        """Return what is held under the reference, if anything."""
