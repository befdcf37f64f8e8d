"""How a media plan is made from ranked products: pure, and the same for the same products."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_UP, Decimal

from mediabuys.models.catalog import PricingOption, Product
from mediabuys.pricing import BUDGET_LIMIT, IMPRESSIONS_PER_PRICE, discount_percent, minor_unit
from mediabuys.selectors.brief import named_words

WHOLE = Decimal(100)
# What `ProposalAllocation.percentage` keeps.
SHARE_STEP = Decimal("0.0001")
BALANCED_LINES = 4
FOCUSED_WEIGHTS = (Decimal(7), Decimal(3))
# A plan for an unnamed flight is sized for a month.
USUAL_FLIGHT_DAYS = 30
# One buyer is not recommended to take more than this of what a product can deliver.
RECOMMENDED_PART_OF_CAPACITY = Decimal("0.25")


@dataclass(frozen=True)
class PlanRequest:
    """What a plan is made for; budgets are in `currency`, and None where the buyer named none."""

    currency: str
    brief: str = ""
    budget_min: Decimal | None = None
    budget_max: Decimal | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def flight_days(self) -> int:
        """How many days the flight has, a month where it is not named."""
        if self.start_time is None or self.end_time is None:
            return USUAL_FLIGHT_DAYS
        return max(math.ceil((self.end_time - self.start_time) / timedelta(days=1)), 1)


@dataclass(frozen=True)
class Line:
    """One product at one price, with its share of the budget in percent."""

    product: Product
    option: PricingOption
    percentage: Decimal
    rationale: str = ""


@dataclass(frozen=True)
class Guidance:
    """What a plan's budget should be: it cannot be bought under `minimum` or over `maximum`."""

    minimum: Decimal
    recommended: Decimal | None
    maximum: Decimal | None


@dataclass(frozen=True)
class Plan:
    """A media plan before it is stored; its percentages sum to exactly 100."""

    name: str
    description: str
    alignment: str
    lines: tuple[Line, ...]
    guidance: Guidance


def plans_made(products: Sequence[Product], request: PlanRequest) -> list[Plan]:
    """Return up to two plans, "Balanced" and "Focused", from products in order of their rank.

    `pricing_options` are prefetched; products without a price in the request's currency are left
    out, and so are the weakest lines of a plan whose minimum is over the buyer's budget.
    """
    priced = [
        (product, option)
        for product in products
        if (option := option_for(product, request.currency)) is not None
    ]
    if not priced:
        return []
    spread = _one_of_each_channel(priced)[:BALANCED_LINES]
    balanced = _plan("Balanced", spread, (Decimal(1),) * len(spread), request)
    focused = _plan("Focused", priced[:2], FOCUSED_WEIGHTS, request)
    if balanced is None or focused is None or balanced.lines == focused.lines:
        return [plan for plan in (focused or balanced,) if plan is not None]
    return [balanced, focused]


def option_for(product: Product, currency: str) -> PricingOption | None:
    """Return the price that a plan takes: fixed before auction, rate card before discount."""
    options = [
        option
        for option in product.pricing_options.all()
        if option.currency == currency and firm_price(option) is not None
    ]
    return min(options, key=_preference, default=None)


def _preference(option: PricingOption) -> tuple[bool, Decimal, int]:
    discount = discount_percent(option.fixed_price, option.rate_card_price)
    return not option.is_fixed, discount, option.pk


def firm_price(option: PricingOption) -> Decimal | None:
    """Return the unit price that a commitment fixes: the fixed price, else the usual winning bid.

    The usual one is the guidance's median, and never under the floor.
    """
    if option.is_fixed:
        return option.fixed_price
    median = (option.price_guidance or {}).get("p50")
    prices = [Decimal(str(median))] if isinstance(median, int | float | Decimal) else []
    prices += [option.floor_price] if option.floor_price is not None else []
    return max(prices, default=None)


def shares(weights: Sequence[Decimal]) -> list[Decimal]:
    """Return percentages in proportion to the weights, exact to four decimals, that sum to 100.

    What rounding leaves over goes to the last one.
    """
    total = sum(weights, Decimal(0))
    found = [
        (weight / total * WHOLE).quantize(SHARE_STEP, rounding=ROUND_DOWN) for weight in weights
    ]
    return [*found[:-1], WHOLE - sum(found[:-1], Decimal(0))]


def renormalised(lines: Sequence[Line], weigh: Callable[[Line], Decimal]) -> tuple[Line, ...]:
    """Return the lines with new shares in proportion to `weigh`; lines of no weight are left out.

    Empty where no line has weight.
    """
    weighed = [(line, weight) for line in lines if (weight := weigh(line)) > 0]
    if not weighed:
        return ()
    percentages = shares([weight for _, weight in weighed])
    return tuple(
        replace(line, percentage=percentage)
        for (line, _), percentage in zip(weighed, percentages, strict=True)
        if percentage > 0
    )


def guidance_for(lines: Iterable[Line], request: PlanRequest) -> Guidance:
    """Return what the budget must be at least, should be, and can be at most.

    The minimum lets every line reach its own minimum spend. The maximum is what the flight can
    deliver, where the buyer named one. Recommended is the buyer's own budget within these; without
    one, a part of what can be delivered.
    """
    kept = list(lines)
    minimum = max((_least(line, request.currency) for line in kept), default=Decimal(0))
    capacities = [_capacity(line, request) for line in kept]
    capacity = min((one for one in capacities if one is not None), default=None)
    named_flight = request.start_time is not None and request.end_time is not None
    maximum = max(capacity, minimum) if capacity is not None and named_flight else None
    wanted = request.budget_max if request.budget_max is not None else request.budget_min
    if wanted is None and capacity is not None:
        wanted = capacity * RECOMMENDED_PART_OF_CAPACITY
    return Guidance(minimum, _within(wanted, minimum, maximum, request.currency), maximum)


def _plan(
    name: str,
    priced: Sequence[tuple[Product, PricingOption]],
    weights: Sequence[Decimal],
    request: PlanRequest,
) -> Plan | None:
    for size in range(len(priced), 0, -1):
        percentages = shares(weights[:size])
        lines = tuple(
            Line(product, option, percentage, _rationale(product, request.brief))
            for (product, option), percentage in zip(priced[:size], percentages, strict=True)
        )
        guidance = guidance_for(lines, request)
        if request.budget_max is None or guidance.minimum <= request.budget_max:
            return Plan(
                name, description(name, lines), alignment(lines, request.brief), lines, guidance
            )
    return None


def description(name: str, lines: Sequence[Line]) -> str:
    """Say in one sentence what the plan does with the budget."""
    if len(lines) == 1:
        return f"{name}: the whole budget on {lines[0].product.name}."
    parts = [f"{in_percent(line.percentage)} on {line.product.name}" for line in lines]
    return f"{name}: {', '.join(parts[:-1])} and {parts[-1]}."[:2000]


def alignment(lines: Sequence[Line], brief: str) -> str:
    """Say which words of the brief the plan answers, and nothing that is not so."""
    text = " ".join(_text(line.product) for line in lines)
    words = named_words(brief, text)
    if not words:
        return "The brief names nothing specific that we sell; these products suit any campaign."
    return f"Answers the brief on: {', '.join(words)}."[:2000]


def in_percent(share: Decimal) -> str:
    """Return the share as a person writes it: `33.3333 %`, `70 %`."""
    text = f"{share:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def _rationale(product: Product, brief: str) -> str:
    words = named_words(brief, _text(product))
    answers = f"; matches the brief on {', '.join(words)}" if words else ""
    return f"{product.get_delivery_type_display()} delivery{answers}."[:500]


def _text(product: Product) -> str:
    return " ".join([product.name, product.description, product.category, *product.channels])


def _one_of_each_channel(
    priced: Sequence[tuple[Product, PricingOption]],
) -> list[tuple[Product, PricingOption]]:
    """Return the pairs, the best one of each channel first, in order of rank."""
    seen: set[str] = set()
    first: list[tuple[Product, PricingOption]] = []
    rest: list[tuple[Product, PricingOption]] = []
    for pair in priced:
        channels = set(pair[0].channels)
        (rest if channels <= seen else first).append(pair)
        seen |= channels
    return [*first, *rest]


def _least(line: Line, currency: str) -> Decimal:
    spend = line.option.min_spend_per_package or Decimal(0)
    if line.option.pricing_model == "flat_rate":
        spend = max(spend, firm_price(line.option) or Decimal(0))
    return _rounded(spend / line.percentage * WHOLE, currency, ROUND_CEILING)


def _capacity(line: Line, request: PlanRequest) -> Decimal | None:
    daily, price = line.product.daily_impressions, firm_price(line.option)
    per = IMPRESSIONS_PER_PRICE.get(line.option.pricing_model)
    if not daily or not price or per is None:
        return None
    spend = daily * request.flight_days * price / per
    return _rounded(spend / line.percentage * WHOLE, request.currency, ROUND_DOWN)


def _within(
    wanted: Decimal | None, minimum: Decimal, maximum: Decimal | None, currency: str
) -> Decimal | None:
    if wanted is None:
        return minimum or None
    bounded = max(wanted, minimum)
    bounded = bounded if maximum is None else min(bounded, maximum)
    return _rounded(bounded, currency, ROUND_UP)


def _rounded(amount: Decimal, currency: str, rounding: str) -> Decimal:
    # What is over the limit is as good as unlimited.
    return min(amount, BUDGET_LIMIT).quantize(minor_unit(currency), rounding=rounding)
