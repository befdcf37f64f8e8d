"""How many impressions a package wants."""

from mediabuys.models import Package
from mediabuys.pricing import IMPRESSIONS_PER_PRICE, units_bought


def impressions_wanted(package: Package) -> int | None:
    """Return the package's goal, else what its budget buys; None where its price says nothing.

    A price for clicks or views says nothing of impressions. Reads the package's pricing option.
    """
    model = package.pricing_option.pricing_model
    if package.impressions or model not in IMPRESSIONS_PER_PRICE:
        return package.impressions
    return units_bought(package.budget, package.unit_price, model)
