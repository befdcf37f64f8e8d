"""Which changes wait for a person: the same rules as for orders, asked where more is owed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from mediabuys.errors import TradeError
from mediabuys.models import MediaBuy, MediaBuyChange
from mediabuys.services.changes import AppliedChange
from tasks_hitl.models import RuleVersion, Task
from tasks_hitl.services import rule_revise
from tasks_hitl.states import RuleKind
from tests.people import Buyer, in_wire, make_product
from tests.trade.changes import active_buy, ask_change, change
from tests.trade.orders import booked_buy, give_creatives
from tests.trade.parked import sold_buy

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}
Fields = Callable[[MediaBuy], dict[str, Any]]


def of_package(**fields: Any) -> Fields:
    """Return what makes a request out of a change of the buy's first package."""
    return lambda buy: {"packages": [{"package_id": buy.packages.all()[0].package_id, **fields}]}


def of_buy(**fields: Any) -> Fields:
    return lambda _: fields


def end_moved(days: int) -> Fields:
    return lambda buy: {"end_time": in_wire(buy.end_time + timedelta(days=days))}


WAITS: dict[str, Fields] = {
    "more budget": of_package(budget=50_001),
    "more impressions": of_package(impressions=10),
    "a later end": end_moved(1),
    "an earlier end": end_moved(-1),
    "a start": lambda buy: {"start_time": in_wire(buy.start_time + timedelta(days=1))},
    "a package's own end": lambda buy: of_package(
        end_time=in_wire(buy.end_time - timedelta(days=1))
    )(buy),
    "targeting": of_package(targeting_overlay={"geo_countries": ["US"]}),
    "keywords": of_package(negative_keywords_add=[{"keyword": "a", "match_type": "broad"}]),
    "another package": of_buy(new_packages=[LINE]),
}


@pytest.mark.parametrize("case", WAITS)
def test_more_of_a_guaranteed_buy_waits_for_a_person(
    case: str, buyer: Buyer, approver: User
) -> None:
    buy = sold_buy(buyer, approver)
    revision = buy.revision

    placed = ask_change(buyer, buy, **WAITS[case](buy))

    assert isinstance(placed, Task)
    waiting = MediaBuyChange.objects.get()
    assert (waiting.status, waiting.base_revision) == ("waiting", revision)
    assert waiting.policy["outcome"] == "wait"
    assert "Guaranteed inventory is confirmed by our sales team" in placed.reason
    after = MediaBuy.objects.get(pk=buy.pk)
    assert (after.revision, after.updated_at) == (revision, buy.updated_at)


def test_budget_moved_onto_guaranteed_inventory_waits(buyer: Buyer, approver: User) -> None:
    lines = [{**LINE, "product_id": "homepage", "budget": 50_000}, LINE]
    buy = sold_buy(buyer, approver, packages=lines)
    guaranteed, open_one = buy.packages.all()

    def moved(budgets: tuple[int, int]) -> dict[str, Any]:
        pairs = zip((guaranteed, open_one), budgets, strict=True)
        return {"packages": [{"package_id": p.package_id, "budget": b} for p, b in pairs]}

    away = ask_change(buyer, buy, **moved((49_500, 1500)))
    onto = ask_change(buyer, buy, **moved((49_600, 1400)))

    assert isinstance(away, AppliedChange)
    assert isinstance(onto, Task)


OWN: dict[str, Fields] = {
    "pause": of_buy(paused=True),
    "cancel": of_buy(canceled=True),
    "less budget": of_package(budget=40_000),
    "pacing": of_package(pacing="asap"),
    "pause of a package": of_package(paused=True),
    "end of a package": of_package(canceled=True),
    "creatives": of_package(creative_assignments=[]),
    "notes": of_package(context={"a": 1}, ext={"b": 1}),
    "who is invoiced": of_buy(invoice_recipient={"legal_name": "Acme Holding"}),
}


@pytest.mark.parametrize("case", OWN)
def test_the_rest_is_the_buyers_own_to_do(case: str, buyer: Buyer, approver: User) -> None:
    buy = sold_buy(buyer, approver)
    give_creatives(buy)
    revision = buy.revision

    placed = ask_change(buyer, buy, **OWN[case](buy))

    assert isinstance(placed, AppliedChange)
    assert placed.revision == revision + 1
    assert MediaBuyChange.objects.count() == 0


def test_a_budget_over_the_threshold_waits(buyer: Buyer) -> None:
    buy = active_buy(buyer)

    placed = ask_change(buyer, buy, **of_package(budget=10_001)(buy))

    assert isinstance(placed, Task)
    assert placed.reason == "Campaign budget exceeds automatic approval threshold"
    budget = next(
        rule for rule in MediaBuyChange.objects.get().policy["rules"] if rule["kind"] == "budget"
    )
    assert budget["explanation"] == "$10,001 is over the threshold of $10,000"


def test_the_threshold_is_of_the_whole_buy(buyer: Buyer) -> None:
    buy = active_buy(buyer, packages=[{**LINE, "budget": 6000}] * 1)

    placed = ask_change(buyer, buy, new_packages=[{**LINE, "budget": 4001}])

    assert isinstance(placed, Task)


def test_a_bid_under_the_card_waits(buyer: Buyer) -> None:
    make_product("auction", floor=Decimal(2), rate_card=Decimal(10))
    _rule(RuleKind.UNDER_RATE_CARD, percent=50)
    line = {"product_id": "auction", "pricing_option_id": "usd", "budget": 100}
    buy = active_buy(buyer, packages=[{**line, "bid_price": 6}])

    raised = ask_change(buyer, buy, **of_package(bid_price=7)(buy))
    lowered = ask_change(buyer, buy, **of_package(bid_price=5)(buy))
    low = ask_change(buyer, buy, **of_package(bid_price=4.9)(buy))

    assert isinstance(raised, AppliedChange)
    assert isinstance(lowered, AppliedChange)
    assert isinstance(low, Task)
    assert low.reason == "The price asked for is under rate card"


def test_a_bid_of_nothing_is_a_lower_bid(buyer: Buyer) -> None:
    product = make_product("auction", floor=Decimal(2), rate_card=Decimal(10))
    product.pricing_options.update(floor_price=Decimal(0))
    _rule(RuleKind.UNDER_RATE_CARD, percent=50)
    line = {"product_id": "auction", "pricing_option_id": "usd", "budget": 100}
    buy = active_buy(buyer, packages=[{**line, "bid_price": 6}])

    placed = ask_change(buyer, buy, **of_package(bid_price=0)(buy))

    assert isinstance(placed, Task)
    assert buy.packages.get().bid_price == 6


def test_what_the_buy_takes_of_the_credit_counts_once(buyer: Buyer) -> None:
    buyer.account.credit_limit = Decimal(1500)
    buyer.account.save()
    _rule(RuleKind.CREDIT)
    buy = active_buy(buyer)

    within = ask_change(buyer, buy, **of_package(budget=1500)(buy))
    over = ask_change(buyer, buy, **of_package(budget=1501)(buy))

    assert isinstance(within, AppliedChange)
    assert isinstance(over, Task)
    assert over.reason == "The account's credit is being checked"


def test_how_soon_it_starts_is_asked_only_of_what_is_let_start(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    now = buy.start_time + timedelta(days=1)

    more = ask_change(buyer, buy, now=now, **of_package(budget=1100)(buy))
    package = ask_change(buyer, buy, now=now, new_packages=[LINE])

    assert isinstance(more, AppliedChange)
    assert isinstance(package, Task)
    assert package.reason == "The flight starts soon"


def test_without_rules_what_adds_exposure_waits(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    RuleVersion.objects.update(is_enabled=False)

    placed = ask_change(buyer, buy, **of_package(budget=1001)(buy))

    assert isinstance(placed, Task)
    assert placed.reason == "The order is reviewed by our sales team"


def test_one_change_of_a_buy_waits_at_a_time(buyer: Buyer, approver: User) -> None:
    buy = sold_buy(buyer, approver)
    first = ask_change(buyer, buy, **of_package(budget=60_000)(buy))
    assert isinstance(first, Task)

    with pytest.raises(TradeError) as refused:
        ask_change(buyer, buy, **of_package(budget=70_000)(buy))

    assert (refused.value.code, refused.value.field) == ("CONFLICT", "media_buy_id")
    assert first.task_id in refused.value.message
    assert refused.value.details == {"task_id": first.task_id}
    assert MediaBuyChange.objects.count() == 1


def test_the_buyers_own_changes_go_on_while_one_waits(buyer: Buyer, approver: User) -> None:
    buy = sold_buy(buyer, approver)
    ask_change(buyer, buy, **of_package(budget=60_000)(buy))

    applied = change(buyer, buy, paused=True)

    waiting = MediaBuyChange.objects.get()
    assert waiting.status == "waiting"
    assert waiting.base_revision == applied.revision - 1


def test_what_is_shown_of_a_change(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    name = "Run Of Site"
    end = buy.end_time.replace(microsecond=0) + timedelta(days=1)

    ask_change(
        buyer,
        buy,
        paused=True,
        end_time=in_wire(end),
        packages=[
            {
                "package_id": buy.packages.get().package_id,
                "budget": 12_000,
                "targeting_overlay": {"geo_countries": ["US"]},
                "context": {"not": "shown"},
            }
        ],
        new_packages=[LINE],
    )

    assert MediaBuyChange.objects.get().differences == [
        {"label": "Total budget", "before": "$1,000", "after": "$13,000"},
        {
            "label": "End",
            "before": f"{buy.end_time:%-d %B %Y, %H:%M} UTC",
            "after": f"{end:%-d %B %Y, %H:%M} UTC",
        },
        {"label": "Delivery", "before": "Running", "after": "Paused"},
        {"label": f"Budget of {name}", "before": "$1,000", "after": "$12,000"},
        {"label": f"Targeting of {name}", "before": "Everybody", "after": "Countries: US"},
        {"label": "New package", "before": "None", "after": f"{name}, $1,000 at CPM $10"},
    ]


def _rule(kind: RuleKind, **parameters: Any) -> None:
    rule_revise(
        rule_key=kind, kind=kind, name=kind, parameters=parameters, is_enabled=True, actor=None
    )
