"""Orders that are accepted at once, and what is refused before anything is written."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.errors import TradeError
from mediabuys.models import Booking, Event, MediaBuy
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.models import Task
from tests import wakeups
from tests.people import Buyer, in_wire, order_params
from tests.trade.orders import place

pytestmark = pytest.mark.django_db


def test_an_order_within_limits_is_accepted_at_once(
    buyer: Buyer, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        placed = place(buyer, order_params(buyer))

    buy = MediaBuy.objects.get()
    booking = Booking.objects.get()
    assert placed.task is None
    assert buy.status == BuyStatus.PENDING_CREATIVES
    assert buy.media_buy_id is not None
    assert buy.media_buy_id.startswith("mb_")
    assert buy.confirmed_at is None
    assert buy.total_budget == Decimal(1000)
    assert booking.status == BookingStatus.QUEUED
    assert buy.policy["outcome"] == "accept"
    assert [rule["rule_key"] for rule in buy.policy["rules"]] == ["budget", "guaranteed", "soon"]
    assert [event.action for event in Event.objects.all()] == ["created"]
    assert wakeups.sent == [("tasks_hitl.book", booking.booking_id)]


def test_a_sandbox_order_is_booked_and_confirmed_at_once(sandbox_buyer: Buyer) -> None:
    placed = place(sandbox_buyer, order_params(sandbox_buyer))

    placed.drafted.buy.refresh_from_db()
    assert placed.drafted.buy.confirmed_at is not None
    assert Booking.objects.get().status == BookingStatus.BOOKED
    assert len(Booking.objects.get().line_items) == 1


def _line(**changes: Any) -> dict[str, Any]:
    return {
        "packages": [
            {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000, **changes}
        ]
    }


def _days(days: float) -> str:
    return in_wire(timezone.now() + timedelta(days=days))


REFUSALS = {
    "unknown product": (_line(product_id="nothing"), "PRODUCT_NOT_FOUND", "packages[0].product_id"),
    "unknown pricing option": (
        _line(pricing_option_id="eur"),
        "INVALID_REQUEST",
        "packages[0].pricing_option_id",
    ),
    "no budget": (_line(budget=0), "BUDGET_TOO_LOW", "packages[0].budget"),
    "absurd budget": (_line(budget=1e15), "VALIDATION_ERROR", "packages[0].budget"),
    "infinite budget": (_line(budget=Decimal("NaN")), "VALIDATION_ERROR", "packages[0].budget"),
    "bid on a fixed price": (_line(bid_price=5), "INVALID_REQUEST", "packages[0].bid_price"),
    "no packages": ({"packages": []}, "INVALID_REQUEST", "packages"),
    "past start": ({"start_time": _days(-1)}, "INVALID_REQUEST", "start_time"),
    "reversed dates": (
        {"start_time": _days(5), "end_time": _days(4)},
        "INVALID_REQUEST",
        "end_time",
    ),
    "a flight of centuries": ({"end_time": "2999-01-01T00:00:00Z"}, "INVALID_REQUEST", "end_time"),
    "a time without offset": (
        {"end_time": "2030-01-01T00:00:00"},
        "INVALID_REQUEST",
        "end_time",
    ),
    "a package outside the flight": (
        _line(start_time=_days(1)),
        "INVALID_REQUEST",
        "packages[0].start_time",
    ),
    "a foreign format": (
        _line(format_ids=[{"agent_url": "https://other.example", "id": "display_main"}]),
        "UNSUPPORTED_FEATURE",
        "packages[0].format_ids[0]",
    ),
    "inline creatives": (_line(creatives=[{}]), "UNSUPPORTED_FEATURE", "packages[0].creatives"),
    "placements": (
        _line(creative_assignments=[{"creative_id": "a", "placement_refs": [{}]}]),
        "UNSUPPORTED_FEATURE",
        "packages[0].creative_assignments[0].placement_refs",
    ),
    "a proposal": ({"proposal_id": "p1"}, "PROPOSAL_NOT_FOUND", "proposal_id"),
    "a total that does not add up": (
        {"total_budget": {"amount": 999, "currency": "USD"}},
        "INVALID_REQUEST",
        "total_budget",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_sold_is_refused_at_its_field(case: str, buyer: Buyer) -> None:
    changes, code, field = REFUSALS[case]

    with pytest.raises(TradeError) as refused:
        place(buyer, order_params(buyer, **changes))

    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.suggestion
    assert MediaBuy.objects.count() == 0
    assert Task.objects.count() == 0


def test_packages_in_two_currencies_are_refused(buyer: Buyer, catalog: Any) -> None:
    catalog["homepage"].pricing_options.update(currency="EUR")
    line = {"pricing_option_id": "usd", "budget": 500}
    packages = [{**line, "product_id": "run-of-site"}, {**line, "product_id": "homepage"}]

    with pytest.raises(TradeError) as refused:
        place(buyer, order_params(buyer, packages=packages))

    assert (refused.value.code, refused.value.field) == (
        "INVALID_REQUEST",
        "packages[1].pricing_option_id",
    )
    assert MediaBuy.objects.count() == 0


def test_budgets_are_summed_as_decimals(buyer: Buyer) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd"}
    packages = [{**line, "budget": amount} for amount in (333.43334000000004, 0.1, 0.2)]

    placed = place(buyer, order_params(buyer, packages=packages))

    assert placed.drafted.buy.total_budget == Decimal("333.73")
