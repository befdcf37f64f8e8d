"""Which orders wait for a person at the demo publisher."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from tasks_hitl.services import rule_revise
from tasks_hitl.states import RuleKind


@dataclass(frozen=True)
class DemoRule:
    kind: RuleKind
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)


SENSITIVE_CATEGORIES = (
    "politics",
    "gambling",
    "government_nonprofit.political",
    "gambling_betting",
    "gambling_betting.sports_betting",
    "gambling_betting.casino",
)

RULES = (
    DemoRule(RuleKind.GUARANTEED, "Guaranteed products"),
    DemoRule(RuleKind.BUDGET, "Budget over the threshold"),
    DemoRule(RuleKind.NEW_BUYER, "First order of a buyer", {"minimum_accepted_buys": 1}),
    DemoRule(RuleKind.UNDER_RATE_CARD, "More than 5 % under rate card", {"percent": 5}),
    DemoRule(
        RuleKind.CATEGORY, "Politics and gambling", {"categories": list(SENSITIVE_CATEGORIES)}
    ),
    DemoRule(RuleKind.STARTS_SOON, "Starts within 2 hours", {"hours": 2}),
    DemoRule(RuleKind.CREDIT, "Credit limit would be passed"),
    DemoRule(RuleKind.TERMS, "Terms of the buyer's own"),
)


def rules_create(*, director: User, now: datetime) -> None:
    """Put the rules in force, by the service that the admin uses."""
    for rule in RULES:
        rule_revise(
            rule_key=rule.kind.value,
            kind=rule.kind,
            name=rule.name,
            parameters=rule.parameters,
            is_enabled=True,
            actor=director,
            now=now,
        )
