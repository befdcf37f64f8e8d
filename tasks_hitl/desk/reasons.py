"""Why an order waits, in the few words of a badge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks_hitl.states import RuleKind


@dataclass(frozen=True)
class Reason:
    """One rule's answer: `label` for a badge, `explanation` with the numbers that it saw."""

    label: str
    rule_name: str
    rule_key: str
    version: int
    explanation: str
    facts: tuple[tuple[str, str], ...]
    stopped: bool
    is_risk: bool


# A risk is about the buyer or the price; the others are the publisher's ordinary care.
RISKS = frozenset({RuleKind.UNDER_RATE_CARD, RuleKind.CREDIT, RuleKind.CATEGORY})


def _discount_label(facts: Mapping[str, Any]) -> str:
    return f"{float(facts['deepest_discount_percent']):.0f} % under card"


def _category_label(facts: Mapping[str, Any]) -> str:
    # Of "politics" and "government_nonprofit.political" the shorter one says it.
    return min(set(facts["categories"]) & set(facts["watched"]), key=len).replace("_", " ")


LABELS: Mapping[str, str | Callable[[Mapping[str, Any]], str]] = {
    RuleKind.GUARANTEED: "guaranteed",
    RuleKind.BUDGET: "budget",
    RuleKind.NEW_BUYER: "new buyer",
    RuleKind.UNDER_RATE_CARD: _discount_label,
    RuleKind.CATEGORY: _category_label,
    RuleKind.STARTS_SOON: "starts soon",
    RuleKind.CREDIT: "over credit",
    RuleKind.TERMS: "own terms",
}


def reasons_of(policy: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return every rule's stored answer, those that stopped the order first."""
    found = [_reason(rule) for rule in policy.get("rules", ())]
    return tuple(sorted(found, key=lambda reason: not reason.stopped))


def stopping_reasons(policy: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return the rules that stopped the order, risks first."""
    stopped = (reason for reason in reasons_of(policy) if reason.stopped)
    return tuple(sorted(stopped, key=lambda reason: not reason.is_risk))


def _reason(rule: Mapping[str, Any]) -> Reason:
    facts = rule.get("facts") or {}
    return Reason(
        label=_label(rule["kind"], facts),
        rule_name=rule["name"],
        rule_key=rule["rule_key"],
        version=rule["version"],
        explanation=rule["explanation"],
        facts=tuple((key.replace("_", " "), _fact(value)) for key, value in facts.items()),
        stopped=rule["stopped"],
        is_risk=rule["kind"] in RISKS,
    )


def _label(kind: str, facts: Mapping[str, Any]) -> str:
    label = LABELS.get(kind, kind.replace("_", " "))
    if isinstance(label, str):
        return label
    try:
        return label(facts) or kind
    except (KeyError, TypeError, ValueError):
        # A rule that could not answer stored no facts; its kind still says what it is about.
        return kind.replace("_", " ")


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else _plain_number(str(value))


def _plain_number(text: str) -> str:
    """Leave out the zeros that a stored decimal ends in."""
    whole, point, fraction = text.partition(".")
    if not (point and whole.lstrip("-").isdigit() and fraction.isdigit()):
        return text
    return f"{whole}.{fraction}".rstrip("0").rstrip(".")
