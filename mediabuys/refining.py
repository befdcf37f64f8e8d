"""How a draft plan changes by what its buyer asks: pure; what is not understood changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mediabuys.asks import Ask, Direction, Money, Wish, matched
from mediabuys.models.catalog import Product
from mediabuys.planning import (
    Guidance,
    Line,
    PlanRequest,
    guidance_for,
    renormalised,
)
from mediabuys.pricing import BUDGET_LIMIT, in_currency, in_words

WEIGHTS = {Direction.MORE: Decimal("1.5"), Direction.LESS: Decimal("0.5")}
HOW_TO_ASK = (
    "Ask with “more”, “less”, “without” or “only” and a product or channel, or with a budget."
)


@dataclass
class Heard:
    """What became of an ask: what was done, and what was not, each as a sentence."""

    done: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`applied`, `partial` or `unable`, as AdCP says it."""
        if not self.not_done:
            return "applied"
        return "partial" if self.done else "unable"

    @property
    def notes(self) -> str:
        """What to tell the buyer; empty where there is nothing to say."""
        return " ".join([*self.done, *self.not_done])


@dataclass(frozen=True)
class Refinement:
    """What one request asks of a draft: products to leave out (their pks), and asks in words."""

    omitted: frozenset[int] = frozenset()
    asks: tuple[Ask, ...] = ()


@dataclass(frozen=True)
class Refined:
    """The plan after it, and what became of each ask.

    Without lines nothing would be left of the plan, and nothing is changed.
    """

    lines: tuple[Line, ...]
    guidance: Guidance
    heard: tuple[Heard, ...] = ()


def refined(
    lines: Sequence[Line], *, guidance: Guidance, request: PlanRequest, refinement: Refinement
) -> Refined:
    """Return the plan with the refinement applied; shares sum to exactly 100 again.

    `guidance` is the plan's own, and stays where its lines stay. Otherwise it is made anew for the
    new lines and `request`.
    """
    kept = renormalised(
        lines,
        lambda line: Decimal(0) if line.product.pk in refinement.omitted else line.percentage,
    )
    if not kept:
        return Refined((), guidance)
    heard = tuple(Heard() for _ in refinement.asks)
    for ask, its in zip(refinement.asks, heard, strict=True):
        for wish in ask.wishes:
            kept = _wished(kept, wish, its)
        say_unheard(ask.unheard, its)
    if kept != tuple(lines):
        guidance = guidance_for(kept, replace(request, budget_max=guidance.recommended))
    for ask, its in zip(refinement.asks, heard, strict=True):
        for money in ask.budgets:
            guidance = _budgeted(money, guidance, request.currency, its)
    return Refined(kept, guidance, heard)


def about(wish: Wish, products: Sequence[Product], heard: Heard) -> list[Product]:
    """Return the products that the wish is about, or say that there are none.

    Where no product answers all its words, those of its channel or delivery do, and that is said.
    """
    found = matched(wish, products)
    if not found and (loose := wish.loosely()) is not None:
        found = matched(loose, products)
        if found:
            heard.not_done.append(f"“{wish.quote}” was read by its channel or delivery only.")
            return found
    if not found:
        heard.not_done.append(f"“{wish.quote}” was not applied: nothing here is that.")
    return found


def say_unheard(quotes: Sequence[str], heard: Heard) -> None:
    """Say of each clause that it was not understood."""
    for quote in quotes:
        heard.not_done.append(f"“{quote}” was not applied. {HOW_TO_ASK}")


def names(products: Sequence[Product]) -> str:
    """Return the products' names as a list in a sentence."""
    return ", ".join(product.name for product in products)


def _wished(lines: tuple[Line, ...], wish: Wish, heard: Heard) -> tuple[Line, ...]:
    if wish.direction is None:
        say_unheard([wish.quote], heard)
        return lines
    found = about(wish, [line.product for line in lines], heard)
    if not found:
        return lines
    direction, meant = wish.direction, frozenset(product.pk for product in found)
    changed = renormalised(lines, lambda line: _weight(line, direction, meant))
    if not changed:
        heard.not_done.append(f"“{wish.quote}” was not applied: nothing would be left.")
        return lines
    if changed == lines:
        heard.not_done.append(f"“{wish.quote}” changes nothing: the plan has nothing else.")
        return lines
    heard.done.append(f"{_done(direction)}: {names(found)}.")
    return changed


def _weight(line: Line, direction: Direction, meant: frozenset[int]) -> Decimal:
    is_meant = line.product.pk in meant
    if direction in WEIGHTS:
        return line.percentage * WEIGHTS[direction] if is_meant else line.percentage
    is_kept = is_meant if direction is Direction.ONLY else not is_meant
    return line.percentage if is_kept else Decimal(0)


def _done(direction: Direction) -> str:
    return {
        Direction.MORE: "A larger share for",
        Direction.LESS: "A smaller share for",
        Direction.WITHOUT: "Left out",
        Direction.ONLY: "Kept only",
    }[direction]


def _budgeted(money: Money, guidance: Guidance, currency: str, heard: Heard) -> Guidance:
    asked = money.amount
    if money.factor is not None:
        asked = (guidance.recommended or Decimal(0)) * money.factor
    refusal = _budget_refusal(asked, money.currency, guidance, currency)
    if refusal:
        heard.not_done.append(f"“{money.quote}” was not applied: {refusal}")
        return guidance
    amount = in_currency(asked, currency)
    heard.done.append(f"The recommended budget is {in_words(amount, currency)}.")
    return replace(guidance, recommended=amount)


def _budget_refusal(asked: Decimal, asked_in: str, guidance: Guidance, currency: str) -> str:
    if asked_in not in {"", currency}:
        return f"the plan is in {currency}."
    if not 0 < asked <= BUDGET_LIMIT:
        return "that is no budget that can be ordered."
    amount = in_currency(asked, currency)
    if not amount:
        return "that is no budget that can be ordered."
    if amount < guidance.minimum:
        return f"the least is {in_words(guidance.minimum, currency)}."
    if guidance.maximum is not None and amount > guidance.maximum:
        return f"the most is {in_words(guidance.maximum, currency)}."
    return ""
