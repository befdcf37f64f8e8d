"""How many impressions a package wants: its own goal, or what its budget buys."""

from decimal import Decimal

from mediabuys.models import Package
from mediabuys.pricing import IMPRESSIONS_PER_PRICE, units_bought
from mediabuys.requests import PackageRequest

# Nobody has more to sell, and every column and every JSON reader still holds the number.
IMPRESSIONS_LIMIT = 10**15


def impressions_wanted(
    *, goal: int | None, budget: Decimal, unit_price: Decimal | None, pricing_model: str
) -> int | None:
    """Return the impressions that a line is to deliver; None where its price says nothing.

    Only a price for a thousand impressions says it: clicks, views and flat rates need a goal.
    """
    if goal:
        return min(goal, IMPRESSIONS_LIMIT)
    if pricing_model not in IMPRESSIONS_PER_PRICE:
        return None
    bought = units_bought(budget, unit_price, pricing_model)
    return None if bought is None else min(bought, IMPRESSIONS_LIMIT)


def package_demand(package: Package) -> int | None:
    """Return what a package wants; reads its pricing option."""
    return impressions_wanted(
        goal=package.impressions,
        budget=package.budget,
        unit_price=package.unit_price,
        pricing_model=package.pricing_option.pricing_model,
    )


def line_demand(line: PackageRequest) -> int | None:
    """Return what a line of an order wants that is not written yet."""
    return impressions_wanted(
        goal=line.impressions,
        budget=line.budget,
        unit_price=line.unit_price,
        pricing_model=line.pricing_option.pricing_model,
    )
