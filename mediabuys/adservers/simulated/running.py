"""A line that runs: what its goal and its budget still allow, and what its delivery costs."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from mediabuys.adservers.simulated import amounts, pacing
from mediabuys.adservers.simulated.chance import around_one, fractions
from mediabuys.adservers.simulated.inventory import Product

# What a unit costs where the order names no price: a thousand impressions, a click, a view.
MARKET_PRICES = {"cpm": "4", "vcpm": "5", "cpc": "0.80", "cpcv": "0.03", "cpv": "0.02"}
PER_THOUSAND = ("cpm", "vcpm")
CLICK_RATE, CLICK_RATE_FOR_CLICKS = 0.0012, 0.008
VIEW_RATE, VIEW_RATE_FOR_VIEWS = 0.68, 0.72
RATE_NOISE = 0.25
PLAYED = ("video", "vast", "ctv", "olv", "audio")
# Against float sums that end a hair under a whole number.
HAIR = 1e-6


@dataclass(frozen=True)
class Cell:
    """One creative in one country, and its share of the line."""

    creative: str
    country: str
    share: float
    view_rate: float
    pool: tuple[str, str]


@dataclass(frozen=True)
class Served:
    """What a line had in a stretch: by cell impressions, clicks, views, spend in minor units."""

    counts: list[tuple[int, int, int, int]]
    impressions: int
    spend: int
    remainder: int


@dataclass
class RunningLine:
    """A line with what it had until the checkpoint; `remainder` is not yet a minor unit.

    `told` is what it has had since, which is worked out anew each time until it is final.
    """

    reference: str
    package_id: str
    product: Product
    pricing_model: str
    currency: str
    pacing: str
    is_guaranteed: bool
    start: int
    end: int
    impressions: int | None
    budget: int
    unit_cost: int
    cells: list[Cell]
    delivered: int
    spent: int
    remainder: int
    told: Served | None = None

    @cached_property
    def seed(self) -> str:
        """What its chance depends on."""
        return f"{self.reference}/{self.package_id}"

    @cached_property
    def click_rate(self) -> float:
        """Clicks for an impression."""
        rate = CLICK_RATE_FOR_CLICKS if self.pricing_model == "cpc" else CLICK_RATE
        return rate * around_one(RATE_NOISE, "clicks", self.seed)

    def affordable(self) -> int | None:
        """Return how many billed units the budget still pays; None where none is billed."""
        if self.pricing_model == "flat_rate" or not self.unit_cost:
            return None
        paid = self.spent * amounts.minor_unit(self.currency) + self.remainder
        return max(0, self.budget - paid) // self.unit_cost

    def _impressions_for(self, units: int | None) -> int | None:
        """Return how many impressions it takes to bill so many units."""
        if units is None or self.pricing_model in PER_THOUSAND:
            return units
        rate = self.click_rate if self.pricing_model == "cpc" else VIEW_RATE_FOR_VIEWS
        return int(units / rate) + 1 if units else 0

    @cached_property
    def goal(self) -> int | None:
        """Its impressions from start to end; None where nothing limits them."""
        budget = self.budget // self.unit_cost if self.affordable() is not None else None
        limits = [self.impressions, self._impressions_for(budget)]
        return min((limit for limit in limits if limit is not None), default=None)

    @cached_property
    def missing(self) -> int | None:
        """How many impressions it may still have, None where nothing limits them."""
        left = self._impressions_for(self.affordable())
        goal = None if self.impressions is None else self.impressions - self.delivered
        limits = [limit for limit in (left, goal) if limit is not None]
        if not limits:
            return None
        whole = self.goal or 0
        # What cannot be filled is not made up for, however long the flight.
        filled = int(whole * self.product.rate) - self.delivered
        return max(0, min(*limits, filled) if self.product.rate < 1.0 else min(limits))

    def wants(self, start: int, end: int) -> float | None:
        """Return what it would have of a stretch of its flight; None is a share of all there is."""
        missing, goal = self.missing, self.goal
        if missing is None or goal is None:
            return None
        return pacing.wanted(
            pacing=self.pacing,
            goal=goal,
            missing=missing,
            rate=self.product.rate,
            flight=(self.start, self.end),
            stretch=(start, end),
            seed=self.seed,
        )

    def serve(self, granted: Sequence[float], *, start: int, elapsed: tuple[int, int]) -> Served:
        """Return what it has of the stretch that begins at `start`.

        `granted` are impressions by cell until now, and `elapsed` is the stretch's part of the
        flight, for what is paid by time.
        """
        chance = fractions("served", self.seed, start)
        limit = self.missing
        total = int(sum(granted) + min(chance[0], 1 - HAIR) + HAIR)
        total = total if limit is None else min(total, limit)
        shown = pacing.split(total, granted)
        click_rates = [self.click_rate] * len(shown)
        view_rates = [cell.view_rate for cell in self.cells]
        clicks = _counted(shown, click_rates, chance[1], self._affordable_as("cpc"))
        views = _counted(shown, view_rates, chance[2], self._affordable_as("cpcv", "cpv"))
        return self._billed(shown, clicks, views, elapsed)

    def settle(self) -> None:
        """Make what was told final."""
        if self.told is not None:
            self.delivered += self.told.impressions
            self.spent += self.told.spend
            self.remainder = self.told.remainder
            self.told = None
            self.__dict__.pop("missing", None)

    def _affordable_as(self, *models: str) -> int | None:
        return self.affordable() if self.pricing_model in models else None

    def _billed(
        self, shown: list[int], clicks: list[int], views: list[int], elapsed: tuple[int, int]
    ) -> Served:
        minor, rest, counts, spend = amounts.minor_unit(self.currency), self.remainder, [], 0
        for index, cost in enumerate(self._costs(shown, clicks, views, elapsed)):
            paid, rest = divmod(rest + cost, minor)
            spend += paid
            counts.append((shown[index], clicks[index], views[index], paid))
        return Served(counts, sum(shown), spend, rest)

    def _costs(
        self, shown: list[int], clicks: list[int], views: list[int], elapsed: tuple[int, int]
    ) -> list[int]:
        """Return what each cell costs, in billionths."""
        if self.pricing_model != "flat_rate":
            by_model = {"cpc": clicks, "cpcv": views, "cpv": views}
            return [units * self.unit_cost for units in by_model.get(self.pricing_model, shown)]
        paid = self.spent * amounts.minor_unit(self.currency) + self.remainder
        due = self.budget * (elapsed[1] - elapsed[0]) // (self.end - self.start)
        return pacing.split_exactly(min(due, max(0, self.budget - paid)), shown)


def _counted(
    shown: Sequence[int], rates: Sequence[float], chance: float, limit: int | None
) -> list[int]:
    """Return clicks or views by cell: at most one for an impression, and at most `limit`."""
    weights = [count * rate for count, rate in zip(shown, rates, strict=True)]
    total = min(int(sum(weights) + chance), sum(shown)) if any(weights) else 0
    return pacing.split(total if limit is None else min(total, limit), weights)


def line_of(row: sqlite3.Row, product: Product, formats: Mapping[str, str]) -> RunningLine:
    """Return the line of a row; `formats` has the approved creatives by reference."""
    model = row["pricing_model"]
    price = Decimal(row["unit_price"] or MARKET_PRICES.get(model, "0"))
    cost = amounts.billionths(price)
    return RunningLine(
        reference=row["reference"],
        package_id=row["package_id"],
        product=product,
        pricing_model=model,
        currency=row["currency"],
        pacing=row["pacing"],
        is_guaranteed=bool(row["is_guaranteed"]),
        start=row["start_time"],
        end=row["end_time"],
        impressions=row["impressions"],
        budget=amounts.billionths(Decimal(row["budget"])),
        unit_cost=cost // 1000 if model in PER_THOUSAND else cost,
        cells=_cells(row, product, formats),
        delivered=row["delivered"],
        spent=row["spent"],
        remainder=row["remainder"],
    )


def _cells(row: sqlite3.Row, product: Product, formats: Mapping[str, str]) -> list[Cell]:
    assigned = [(name, weight) for name, weight in json.loads(row["creatives"]) if name in formats]
    given = [weight for _, weight in assigned if weight is not None]
    usual = sum(given) / len(given) if given else 1.0
    weights = {name: usual if weight is None else weight for name, weight in assigned}
    whole = sum(weights.values())
    countries = product.shares(json.loads(row["countries"]))
    views_are_billed = row["pricing_model"] in ("cpcv", "cpv")
    return [
        Cell(
            creative=name,
            country=country,
            share=share * weight / whole,
            view_rate=_view_rate(formats[name], views_are_billed),
            pool=(product.product_id, product.pool(country)),
        )
        for name, weight in sorted(weights.items())
        for country, share in sorted(countries.items())
        if weight and share
    ]


def _view_rate(format_id: str, views_are_billed: bool) -> float:  # noqa: FBT001
    if views_are_billed:
        return VIEW_RATE_FOR_VIEWS
    return VIEW_RATE if any(word in format_id.lower() for word in PLAYED) else 0.0
