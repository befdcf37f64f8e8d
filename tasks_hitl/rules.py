"""Whether a request must wait for a person. No answer means wait."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mediabuys.change_request import ChangeRequest
from mediabuys.models import Account, Product
from mediabuys.pricing import discount_percent, in_words
from mediabuys.requests import OrderRequest
from mediabuys.selectors.orders import BuyerStanding
from mediabuys.states import DeliveryType
from tasks_hitl.models import RuleVersion
from tasks_hitl.states import RuleKind

logger = logging.getLogger(__name__)

# The kind of the one answer that is no rule of the publisher's (`inventory_rule`).
INVENTORY = "inventory"
# What the buyer reads; the desk's explanation has the numbers.
BUYER_REASONS: Mapping[str, str] = {
    RuleKind.GUARANTEED: "Guaranteed inventory is confirmed by our sales team",
    RuleKind.BUDGET: "Campaign budget exceeds automatic approval threshold",
    RuleKind.NEW_BUYER: "First orders of a new buyer are reviewed",
    RuleKind.UNDER_RATE_CARD: "The price asked for is under rate card",
    RuleKind.CATEGORY: "This advertising category is reviewed",
    RuleKind.STARTS_SOON: "The flight starts soon",
    RuleKind.CREDIT: "The account's credit is being checked",
    RuleKind.TERMS: "The terms asked for are reviewed",
    INVENTORY: "Not all of the inventory is free on these dates",
}
UNDECIDED_REASON = "The order is reviewed by our sales team"


@dataclass(frozen=True)
class OrderFacts:
    """Everything that a rule may look at; money in `currency`."""

    guaranteed_products: tuple[str, ...]
    budget: Decimal
    currency: str
    threshold: Decimal
    threshold_currency: str
    accepted_buys: int
    deepest_discount: Decimal
    categories: tuple[str, ...]
    time_to_start: timedelta | None
    credit_limit: Decimal | None
    credit_used: Decimal
    credit_currency: str
    asks_for_terms: bool


@dataclass(frozen=True)
class Verdict:
    """One rule's answer: `explanation` says in words what it saw."""

    rule: RuleVersion
    stopped: bool
    explanation: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """All rules' answers to one request."""

    verdicts: tuple[Verdict, ...]
    evaluated_at: datetime

    @property
    def must_wait(self) -> bool:
        """Whether a person must look: a rule stopped it, or no rule answered at all."""
        return not self.verdicts or any(verdict.stopped for verdict in self.verdicts)

    @property
    def buyer_reason(self) -> str:
        """Why it waits, for the buyer."""
        kinds = dict.fromkeys(verdict.rule.kind for verdict in self.verdicts if verdict.stopped)
        return "; ".join(BUYER_REASONS[kind] for kind in kinds) or UNDECIDED_REASON

    def trace(self) -> dict[str, Any]:
        """Return what is stored with the order: each rule, its version and the facts it saw."""
        return {
            "outcome": "wait" if self.must_wait else "accept",
            "evaluated_at": self.evaluated_at.isoformat(),
            "rules": [
                {
                    "rule_key": verdict.rule.rule_key,
                    "version": verdict.rule.version,
                    "name": verdict.rule.name,
                    "kind": verdict.rule.kind,
                    "stopped": verdict.stopped,
                    "explanation": verdict.explanation,
                    "facts": dict(verdict.facts),
                }
                for verdict in self.verdicts
            ],
        }


def order_facts(
    *, request: OrderRequest, account: Account, standing: BuyerStanding, now: datetime
) -> OrderFacts:
    """Return what the rules may know of an order; reads only what it is given."""
    lines = request.packages
    threshold, threshold_currency = _threshold(account)
    return OrderFacts(
        guaranteed_products=_guaranteed_names(line.product for line in lines),
        budget=request.total_budget,
        currency=request.currency,
        threshold=threshold,
        threshold_currency=threshold_currency,
        accepted_buys=standing.accepted_buys,
        deepest_discount=max(
            discount_percent(line.unit_price, line.pricing_option.rate_card_price) for line in lines
        ),
        categories=_categories((line.product for line in lines), request.advertiser_industry),
        time_to_start=request.start_time - now,
        credit_limit=account.credit_limit,
        credit_used=standing.credit_used,
        credit_currency=account.currency,
        asks_for_terms=any(line.terms for line in lines),
    )


def change_facts(
    *, request: ChangeRequest, account: Account, standing: BuyerStanding, now: datetime
) -> OrderFacts:
    """Return what the rules may know of a buy as it would be after a change.

    What the buy itself takes of the credit does not count against it a second time, and how soon it
    starts is asked only of what the change lets start. Reads only what it is given.
    """
    buy, lines = request.buy, request.lines_after
    threshold, threshold_currency = _threshold(account)
    return OrderFacts(
        guaranteed_products=_guaranteed_names(line.product for line in lines),
        budget=request.budget_after,
        currency=buy.currency,
        threshold=threshold,
        threshold_currency=threshold_currency,
        accepted_buys=standing.accepted_buys,
        deepest_discount=max(
            (discount_percent(line.unit_price, line.rate_card_price) for line in lines),
            default=Decimal(0),
        ),
        categories=_categories((line.product for line in lines), buy.advertiser_industry),
        time_to_start=request.time_to_start(now),
        credit_limit=account.credit_limit,
        credit_used=standing.credit_used - buy.total_budget,
        credit_currency=account.currency,
        asks_for_terms=any(line.terms for line in lines),
    )


def _threshold(account: Account) -> tuple[Decimal, str]:
    """Return up to which budget nobody looks, and its currency: the account's own come first."""
    own, publisher = account.approval_budget_threshold, account.publisher
    if own is not None:
        return own, account.currency
    return publisher.approval_budget_threshold, publisher.currency


def _categories(products: Iterable[Product], industry: str) -> tuple[str, ...]:
    categories = {product.category for product in products} | {industry}
    return tuple(sorted(category.lower() for category in categories if category))


def _guaranteed_names(products: Iterable[Product]) -> tuple[str, ...]:
    return tuple(
        product.name for product in products if product.delivery_type == DeliveryType.GUARANTEED
    )


def evaluate(*, facts: OrderFacts, rules: Iterable[RuleVersion], now: datetime) -> Evaluation:
    """Ask every rule.

    Failure policy: a rule that cannot answer stops the order, because no answer means wait.
    """
    return Evaluation(tuple(_ask(rule, facts) for rule in rules), now)


def _ask(rule: RuleVersion, facts: OrderFacts) -> Verdict:
    try:
        stopped, explanation, seen = CHECKS[rule.kind](facts, rule.parameters)
    except Exception:
        logger.exception("Approval rule %s could not answer.", rule)
        stopped, explanation, seen = True, "The rule could not be evaluated.", {}
    return Verdict(rule, stopped, explanation, seen)


Answer = tuple[bool, str, dict[str, Any]]


def _guaranteed(facts: OrderFacts, _: Mapping[str, Any]) -> Answer:
    names = facts.guaranteed_products
    if names:
        return True, f"Guaranteed: {', '.join(dict.fromkeys(names))}", {"products": list(names)}
    return False, "No guaranteed product", {"products": []}


def _budget(facts: OrderFacts, _: Mapping[str, Any]) -> Answer:
    seen = {
        "budget": str(facts.budget),
        "currency": facts.currency,
        "threshold": str(facts.threshold),
        "threshold_currency": facts.threshold_currency,
    }
    limit = in_words(facts.threshold, facts.threshold_currency)
    budget = in_words(facts.budget, facts.currency)
    if facts.currency != facts.threshold_currency:
        return True, f"{budget} cannot be compared with the threshold of {limit}", seen
    over = facts.budget > facts.threshold
    return over, f"{budget} is {'over' if over else 'within'} the threshold of {limit}", seen


def _new_buyer(facts: OrderFacts, parameters: Mapping[str, Any]) -> Answer:
    needed = int(parameters.get("minimum_accepted_buys", 1))
    known = facts.accepted_buys
    return (
        known < needed,
        f"{known} earlier buys; known from {needed}",
        {"accepted_buys": known, "minimum_accepted_buys": needed},
    )


def _under_rate_card(facts: OrderFacts, parameters: Mapping[str, Any]) -> Answer:
    allowed = Decimal(str(parameters.get("percent", 0)))
    deepest = facts.deepest_discount
    return (
        deepest > allowed,
        f"{deepest} % under rate card at most; {allowed} % is allowed",
        {"deepest_discount_percent": str(deepest), "percent": str(allowed)},
    )


def _category(facts: OrderFacts, parameters: Mapping[str, Any]) -> Answer:
    watched = {str(category).lower() for category in parameters["categories"]}
    hits = sorted(watched & set(facts.categories))
    words = f"Category {', '.join(hits)}" if hits else "No watched category"
    return bool(hits), words, {"categories": list(facts.categories), "watched": sorted(watched)}


def _starts_soon(facts: OrderFacts, parameters: Mapping[str, Any]) -> Answer:
    hours = float(parameters["hours"])
    if facts.time_to_start is None:
        return False, "Nothing new starts", {"hours_to_start": None, "hours": hours}
    left = max(0.0, facts.time_to_start / timedelta(hours=1))
    return (
        left < hours,
        f"Starts in {left:.1f} hours; {hours:g} hours are needed",
        {"hours_to_start": round(left, 2), "hours": hours},
    )


def _credit(facts: OrderFacts, _: Mapping[str, Any]) -> Answer:
    limit = facts.credit_limit
    seen = {
        "credit_limit": None if limit is None else str(limit),
        "credit_used": str(facts.credit_used),
        "budget": str(facts.budget),
    }
    if limit is None:
        return False, "The account has no credit limit", seen
    if facts.currency != facts.credit_currency:
        return (
            True,
            f"The order is in {facts.currency}, the credit in {facts.credit_currency}",
            seen,
        )
    left = limit - facts.credit_used
    over = facts.budget > left
    state = "left" if left >= 0 else "over already,"
    words = f"{in_words(abs(left), facts.currency)} {state} of {in_words(limit, facts.currency)}"
    return over, words, seen


def _terms(facts: OrderFacts, _: Mapping[str, Any]) -> Answer:
    asks = facts.asks_for_terms
    words = "The buyer asks for its own terms" if asks else "No terms of the buyer's own"
    return asks, words, {"asks_for_terms": asks}


CHECKS: Mapping[str, Callable[[OrderFacts, Mapping[str, Any]], Answer]] = {
    RuleKind.GUARANTEED: _guaranteed,
    RuleKind.BUDGET: _budget,
    RuleKind.NEW_BUYER: _new_buyer,
    RuleKind.UNDER_RATE_CARD: _under_rate_card,
    RuleKind.CATEGORY: _category,
    RuleKind.STARTS_SOON: _starts_soon,
    RuleKind.CREDIT: _credit,
    RuleKind.TERMS: _terms,
}
