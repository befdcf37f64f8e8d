"""How many impressions a package wants: its own goal, or what its budget buys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.flights import flight_of
from mediabuys.models import MediaBuy, Package
from mediabuys.pricing import IMPRESSIONS_PER_PRICE, units_bought
from mediabuys.requests import OrderRequest, PackageRequest
from mediabuys.states import DeliveryType

# Nobody has more to sell, and every column and every JSON reader still holds the number.
IMPRESSIONS_LIMIT = 10**15


@dataclass(frozen=True)
class Demand:
    """What a line wants of a product's inventory in a flight; no countries means everywhere.

    `impressions` is None where its price does not say. A guaranteed line takes them, and what it
    takes nobody else gets.
    """

    product_pk: int
    starts: datetime
    ends: datetime
    impressions: int | None = None
    countries: tuple[str, ...] = ()
    is_guaranteed: bool = False


def impressions_wanted(line: Package | PackageRequest) -> int | None:
    """Return the line's goal, else what its budget buys; None where its price says nothing.

    A price for clicks or views says nothing of impressions. Reads the line's pricing option.
    """
    model = line.pricing_option.pricing_model
    wanted = line.impressions or None
    if wanted is None and model in IMPRESSIONS_PER_PRICE:
        wanted = units_bought(line.budget, line.unit_price, model)
    return None if wanted is None else min(wanted, IMPRESSIONS_LIMIT)


def demands_of(
    order: MediaBuy | OrderRequest, lines: Sequence[Package] | Sequence[PackageRequest]
) -> tuple[Demand, ...]:
    """Return what the lines of one order want, in their order; reads product and pricing option."""
    return tuple(_demand(order, line) for line in lines)


def _demand(order: MediaBuy | OrderRequest, line: Package | PackageRequest) -> Demand:
    starts, ends = flight_of(line, order)
    return Demand(
        product_pk=line.product.pk,
        starts=starts,
        ends=ends,
        impressions=impressions_wanted(line),
        countries=countries_of(line.targeting_overlay),
        is_guaranteed=line.product.delivery_type == DeliveryType.GUARANTEED,
    )


def countries_of(targeting_overlay: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the countries that a line is targeted at; none means everywhere."""
    return tuple((targeting_overlay or {}).get("geo_countries") or ())
