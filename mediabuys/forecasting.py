"""What a product can be expected to deliver: the points of a forecast, from what is free."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from mediabuys.models import PricingOption
from mediabuys.planning import firm_price
from mediabuys.pricing import IMPRESSIONS_PER_PRICE, in_currency, units_bought
from mediabuys.selectors.availability import FIGURES_CYCLE, Availability

# Figures that missed this many imports are no forecast any more.
VALID_FOR = 3 * FIGURES_CYCLE


@dataclass(frozen=True)
class Range:
    """A number between two others."""

    low: int
    mid: int
    high: int


@dataclass(frozen=True)
class Point:
    """Impressions for a budget; without one, all that is free, and what it would cost."""

    impressions: Range
    budget: Decimal | None = None
    cost: tuple[Decimal, Decimal, Decimal] | None = None


@dataclass(frozen=True)
class Forecast:
    """What one product can deliver in a flight; money in `currency`."""

    points: tuple[Point, ...]
    currency: str
    as_of: datetime

    @property
    def valid_until(self) -> datetime:
        """Until when it may be believed."""
        return self.as_of + VALID_FOR

    @property
    def is_by_budget(self) -> bool:
        """Whether its points say what a budget buys, and not what there is."""
        return any(point.budget is not None for point in self.points)


def forecast_made(
    found: Availability,
    options: Iterable[PricingOption],
    *,
    budgets: Iterable[Decimal] = (),
    now: datetime,
) -> Forecast | None:
    """Return the forecast of one product at the first of these prices that counts impressions.

    With `budgets`, one point for each, ascending: what it buys, and never more than is free. None
    where the ad server has not told of the whole flight lately, or the product has no price.
    """
    offered = list(options)
    if found.as_of is None or not found.is_complete or now >= found.as_of + VALID_FOR:
        return None
    if not offered:
        return None
    free = _free(found)
    priced = next((option for option in offered if _counts_impressions(option)), None)
    if priced is None:
        return Forecast((Point(free),), offered[0].currency, found.as_of)
    points = tuple(_bought(budget, priced, free) for budget in sorted(set(budgets)))
    return Forecast(points or (_all_of_it(priced, free),), priced.currency, found.as_of)


def _free(found: Availability) -> Range:
    """Return what nobody has taken or holds, of what is expected at least, likely and at most."""
    mid = found.available
    return Range(
        low=max(0, mid - (found.capacity - found.low)),
        mid=mid,
        high=mid + (found.high - found.capacity),
    )


def _counts_impressions(option: PricingOption) -> bool:
    return option.pricing_model in IMPRESSIONS_PER_PRICE and bool(firm_price(option))


def _bought(budget: Decimal, option: PricingOption, free: Range) -> Point:
    bought = units_bought(budget, firm_price(option), option.pricing_model) or 0
    return Point(
        Range(min(bought, free.low), min(bought, free.mid), min(bought, free.high)), budget=budget
    )


def _all_of_it(option: PricingOption, free: Range) -> Point:
    price = firm_price(option) or Decimal(0)
    low, mid, high = (
        in_currency(impressions * price / 1000, option.currency)
        for impressions in (free.low, free.mid, free.high)
    )
    return Point(free, cost=(low, mid, high))


def forecast_flight(
    starts: datetime | None, ends: datetime | None, *, days: int, now: datetime
) -> tuple[datetime, datetime]:
    """Return the flight that is forecast: the buyer's, else so many days from its start or today.

    A flight that has begun is forecast from now on.
    """
    first = max(starts or now, now)
    return first, max(ends or first + timedelta(days=days), first)
