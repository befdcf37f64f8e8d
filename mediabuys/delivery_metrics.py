"""What was delivered: four exact sums, and what follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from mediabuys.pricing import IMPRESSIONS_PER_PRICE
from mediabuys.states import PricingModel

SHARE_STEP = Decimal("0.000001")
PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sums over any rows; `spend` is exact, in the package's currency.

    It is never rounded, so that packages, days, creatives and countries each add up to the same
    total. What is divided is rounded: shares to six decimals, prices to four.
    """

    impressions: int = 0
    clicks: int = 0
    completed_views: int = 0
    spend: Decimal = Decimal(0)

    def __add__(self, other: "Metrics") -> "Metrics":
        return Metrics(
            self.impressions + other.impressions,
            self.clicks + other.clicks,
            self.completed_views + other.completed_views,
            self.spend + other.spend,
        )

    @property
    def ctr(self) -> Decimal | None:
        """Clicks of an impression; None where there was none."""
        return _share(self.clicks, self.impressions)

    @property
    def completion_rate(self) -> Decimal | None:
        """Completed views of an impression; None where there was none."""
        return _share(self.completed_views, self.impressions)

    @property
    def cpm(self) -> Decimal | None:
        """What a thousand impressions cost."""
        return _price(self.spend * 1000, self.impressions)

    @property
    def cost_per_click(self) -> Decimal | None:
        """What a click cost."""
        return _price(self.spend, self.clicks)

    @property
    def cost_per_completed_view(self) -> Decimal | None:
        """What a completed view cost."""
        return _price(self.spend, self.completed_views)

    def effective_rate(self, pricing_model: str) -> Decimal | None:
        """Return what one unit of the pricing model cost; None where its units are not counted."""
        units = {
            PricingModel.CPM.value: self.impressions,
            PricingModel.CPC.value: self.clicks,
            PricingModel.CPCV.value: self.completed_views,
        }.get(pricing_model, 0)
        return _price(self.spend * IMPRESSIONS_PER_PRICE.get(pricing_model, 1), units)


def summed(parts: Iterable[Metrics]) -> Metrics:
    """Return the sum of the parts; of none it is nothing."""
    return sum(parts, Metrics())


def _share(part: int, whole: int) -> Decimal | None:
    # More clicks than impressions is an ad server's mistake that no share can say.
    if not whole or part > whole:
        return None
    return (Decimal(part) / whole).quantize(SHARE_STEP, rounding=ROUND_HALF_EVEN)


def _price(amount: Decimal, units: int) -> Decimal | None:
    return (amount / units).quantize(PRICE_STEP, rounding=ROUND_HALF_EVEN) if units else None
