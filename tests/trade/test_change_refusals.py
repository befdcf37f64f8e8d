"""Changes that cannot be made: each is refused at its field, and nothing changes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.errors import TradeError
from mediabuys.models import Event, MediaBuy, Package
from mediabuys.states import BuyStatus
from tasks_hitl.models import Task
from tests.people import Buyer, in_wire, order_params
from tests.trade.changes import active_buy, ask_change, change
from tests.trade.orders import booked_buy, give_creatives, place

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def refusal(buyer: Buyer, buy: MediaBuy, **fields: Any) -> TradeError:
    """Return why the change is refused, after making sure that nothing has changed."""
    before = _state(buy)
    with pytest.raises(TradeError) as refused:
        ask_change(buyer, buy, **fields)
    assert _state(buy) == before
    assert refused.value.suggestion
    return refused.value


def _state(buy: MediaBuy) -> tuple[Any, ...]:
    return (
        MediaBuy.objects.filter(pk=buy.pk).values().get(),
        list(Package.objects.filter(media_buy=buy).order_by("pk").values()),
        list(Event.objects.filter(media_buy=buy).values_list("pk", flat=True)),
        Task.objects.count(),
    )


def _days(days: float) -> str:
    return in_wire(timezone.now() + timedelta(days=days))


# The change of the one package, code, and the field behind `packages[0].`.
PACKAGE_REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no budget": ({"budget": 0}, "BUDGET_TOO_LOW", "budget"),
    "absurd budget": ({"budget": 1e15}, "VALIDATION_ERROR", "budget"),
    "infinite budget": ({"budget": Decimal("NaN")}, "VALIDATION_ERROR", "budget"),
    "bid on a fixed price": ({"bid_price": 5}, "INVALID_REQUEST", "bid_price"),
    "absurd impressions": ({"impressions": 1e15}, "VALIDATION_ERROR", "impressions"),
    "past end": ({"end_time": _days(-1)}, "INVALID_REQUEST", "end_time"),
    "past start": ({"start_time": _days(-1)}, "INVALID_REQUEST", "start_time"),
    "end outside the flight": ({"end_time": _days(300)}, "INVALID_REQUEST", "end_time"),
    "start outside the flight": ({"start_time": _days(300)}, "INVALID_REQUEST", "start_time"),
    "start after the end": (
        {"start_time": _days(20), "end_time": _days(19)},
        "INVALID_REQUEST",
        "start_time",
    ),
    "naive time": ({"end_time": "2030-01-01T00:00:00"}, "INVALID_REQUEST", "end_time"),
    "inline creatives": ({"creatives": [{}]}, "UNSUPPORTED_FEATURE", "creatives"),
    "catalogs": ({"catalogs": [{}]}, "UNSUPPORTED_FEATURE", "catalogs"),
    "goals": ({"optimization_goals": [{}]}, "UNSUPPORTED_FEATURE", "optimization_goals"),
    "committed metrics": ({"committed_metrics": [{}]}, "UNSUPPORTED_FEATURE", "committed_metrics"),
    "other currency": ({"currency": "EUR"}, "INVALID_REQUEST", "currency"),
    "keywords twice": (
        {
            "targeting_overlay": {"keyword_targets": []},
            "keyword_targets_add": [{"keyword": "a", "match_type": "broad"}],
        },
        "INVALID_REQUEST",
        "keyword_targets_add",
    ),
    "negative keywords twice": (
        {
            "targeting_overlay": {"negative_keywords": []},
            "negative_keywords_remove": [{"keyword": "a", "match_type": "broad"}],
        },
        "INVALID_REQUEST",
        "negative_keywords_remove",
    ),
    "too many keywords": (
        {
            "negative_keywords_add": [
                {"keyword": str(number), "match_type": "exact"} for number in range(5001)
            ]
        },
        "INVALID_REQUEST",
        "negative_keywords_add",
    ),
    "unknown creative": (
        {"creative_assignments": [{"creative_id": "nobody's"}]},
        "CREATIVE_NOT_FOUND",
        "creative_assignments[0].creative_id",
    ),
    "creative twice": (
        {"creative_assignments": [{"creative_id": "a"}, {"creative_id": "a"}]},
        "INVALID_REQUEST",
        "creative_assignments[1].creative_id",
    ),
    "placements": (
        {"creative_assignments": [{"creative_id": "a", "placement_ids": ["top"]}]},
        "UNSUPPORTED_FEATURE",
        "creative_assignments[0].placement_ids",
    ),
}


@pytest.mark.parametrize("case", PACKAGE_REFUSALS)
def test_what_a_package_cannot_become(case: str, buyer: Buyer) -> None:
    fields, code, field = PACKAGE_REFUSALS[case]
    buy = booked_buy(buyer)
    package = buy.packages.get()

    refused = refusal(buyer, buy, packages=[{"package_id": package.package_id, **fields}])

    assert (refused.code, refused.field) == (code, f"packages[0].{field}")


def test_a_budget_under_the_minimum_says_the_minimum(buyer: Buyer, catalog: Any) -> None:
    buy = booked_buy(buyer)
    catalog["run-of-site"].pricing_options.update(min_spend_per_package=Decimal(800))
    package = buy.packages.get()

    refused = refusal(buyer, buy, packages=[{"package_id": package.package_id, "budget": 700}])

    assert (refused.code, refused.field) == ("BUDGET_TOO_LOW", "packages[0].budget")
    assert refused.details == {"minimum_budget": 800, "currency": "USD"}


def test_a_bid_under_the_floor(buyer: Buyer, catalog: Any) -> None:
    catalog["run-of-site"].pricing_options.update(fixed_price=None, floor_price=Decimal(2))
    buy = booked_buy(buyer, packages=[{**LINE, "bid_price": 3}])
    package = buy.packages.get()

    refused = refusal(buyer, buy, packages=[{"package_id": package.package_id, "bid_price": 1.99}])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "packages[0].bid_price")


@pytest.mark.parametrize("field", ["targeting_overlay", "keyword_targets_add"])
def test_countries_where_the_product_is_not_sold(field: str, buyer: Buyer, catalog: Any) -> None:
    overlay = {"geo_countries": ["DE"]}
    buy = booked_buy(buyer, packages=[{**LINE, "targeting_overlay": overlay}])
    catalog["run-of-site"].countries = ["US"]
    catalog["run-of-site"].save()
    values = {
        "targeting_overlay": {"geo_countries": ["FR"]},
        "keyword_targets_add": [{"keyword": "a", "match_type": "broad"}],
    }
    package = buy.packages.get()

    refused = refusal(
        buyer, buy, packages=[{"package_id": package.package_id, field: values[field]}]
    )

    assert (refused.code, refused.field) == (
        "UNSUPPORTED_FEATURE",
        "packages[0].targeting_overlay.geo_countries",
    )


BUY_REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a past end": ({"end_time": _days(-1)}, "end_time"),
    "a past start": ({"start_time": _days(-1)}, "start_time"),
    "a start after the end": ({"start_time": _days(300)}, "start_time"),
    "an end before the start": ({"end_time": _days(1)}, "end_time"),
    "a flight of centuries": ({"end_time": "2999-01-01T00:00:00Z"}, "end_time"),
    "a time without offset": ({"end_time": "2030-01-01T00:00:00"}, "end_time"),
    "another currency": ({"currency": "EUR"}, "currency"),
    "a total": ({"total_budget": {"amount": 5, "currency": "USD"}}, "total_budget"),
}


@pytest.mark.parametrize("case", BUY_REFUSALS)
def test_what_a_buy_cannot_become(case: str, buyer: Buyer) -> None:
    fields, field = BUY_REFUSALS[case]
    buy = booked_buy(buyer)

    refused = refusal(buyer, buy, **fields)

    assert (refused.code, refused.field) == ("INVALID_REQUEST", field)


def test_the_start_of_a_running_flight_does_not_move(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    package = buy.packages.get()
    now = buy.start_time + timedelta(hours=1)
    later = in_wire(now + timedelta(days=1))

    of_buy = refusal(buyer, buy, now=now, start_time=later)
    of_package = refusal(
        buyer,
        buy,
        now=now,
        packages=[{"package_id": package.package_id, "start_time": later}],
    )

    assert (of_buy.code, of_buy.field) == ("INVALID_REQUEST", "start_time")
    assert (of_package.code, of_package.field) == ("INVALID_REQUEST", "packages[0].start_time")
    assert change(buyer, buy, now=now, start_time="asap").buy.revision == buy.revision


def test_a_package_with_dates_of_its_own_is_not_left_outside(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    package = buy.packages.get()
    end = buy.end_time - timedelta(days=2)
    own = {"package_id": package.package_id, "end_time": in_wire(end)}
    change(buyer, buy, packages=[own])
    earlier = in_wire(end - timedelta(days=1))

    refused = refusal(buyer, buy, end_time=earlier)
    together = change(buyer, buy, end_time=earlier, packages=[{**own, "end_time": earlier}])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "end_time")
    assert package.package_id in refused.message
    assert in_wire(together.buy.end_time) == earlier


NEW_PACKAGE_REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown product": ({"product_id": "nothing"}, "PRODUCT_NOT_FOUND", "product_id"),
    "unknown price": ({"pricing_option_id": "eur"}, "INVALID_REQUEST", "pricing_option_id"),
    "no budget": ({"budget": 0}, "BUDGET_TOO_LOW", "budget"),
    "outside the flight": ({"start_time": _days(300)}, "INVALID_REQUEST", "start_time"),
    "inline creatives": ({"creatives": [{}]}, "UNSUPPORTED_FEATURE", "creatives"),
    "placements": (
        {"creative_assignments": [{"creative_id": "a", "placement_ids": ["top"]}]},
        "UNSUPPORTED_FEATURE",
        "creative_assignments[0].placement_ids",
    ),
}


@pytest.mark.parametrize("case", NEW_PACKAGE_REFUSALS)
def test_new_packages_are_checked_as_in_an_order(case: str, buyer: Buyer) -> None:
    fields, code, field = NEW_PACKAGE_REFUSALS[case]
    buy = booked_buy(buyer)

    refused = refusal(buyer, buy, new_packages=[LINE, {**LINE, **fields}])

    assert (refused.code, refused.field) == (code, f"new_packages[1].{field}")


def test_new_packages_are_in_the_buys_currency(buyer: Buyer, catalog: Any) -> None:
    buy = booked_buy(buyer)
    catalog["homepage"].pricing_options.update(currency="EUR")

    refused = refusal(buyer, buy, new_packages=[{**LINE, "product_id": "homepage"}])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "new_packages[0].pricing_option_id")


def test_a_new_package_does_not_start_in_the_past(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    now = buy.start_time + timedelta(days=3)
    line = {**LINE, "start_time": in_wire(buy.start_time + timedelta(days=1))}

    refused = refusal(buyer, buy, now=now, new_packages=[line])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "new_packages[0].start_time")


def test_a_buy_has_at_most_a_hundred_packages(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    refused = refusal(buyer, buy, new_packages=[{**LINE, "budget": 1}] * 100)

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "new_packages")


def test_budgets_cannot_add_up_to_more_than_a_number_holds(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    refused = refusal(buyer, buy, new_packages=[{**LINE, "budget": 10**12}] * 2)

    assert (refused.code, refused.field) == ("VALIDATION_ERROR", "new_packages")


def test_a_rejected_creative_is_not_assigned(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    give_creatives(buy)
    creative = buy.packages.get().assignments.get().creative
    assert creative is not None
    creative.reject()
    creative.rejection_reason = "The logo is missing."
    creative.save()
    wish = {"creative_assignments": [{"creative_id": creative.creative_id}]}
    buy.packages.get().assignments.all().delete()
    package_id = buy.packages.get().package_id

    standing = refusal(buyer, buy, packages=[{"package_id": package_id, **wish}])
    added = refusal(buyer, buy, new_packages=[{**LINE, **wish}])
    with pytest.raises(TradeError) as ordered:
        place(buyer, order_params(buyer, packages=[LINE, {**LINE, **wish}]))

    field = "creative_assignments[0].creative_id"
    assert (standing.code, standing.field) == ("CREATIVE_REJECTED", f"packages[0].{field}")
    assert (added.code, added.field) == ("CREATIVE_REJECTED", f"new_packages[0].{field}")
    refused = ordered.value
    assert (refused.code, refused.field) == ("CREATIVE_REJECTED", f"packages[1].{field}")


def test_creatives_stay_after_their_deadline(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    package = buy.packages.get()
    now = buy.start_time + timedelta(days=1)

    refused = refusal(
        buyer,
        buy,
        now=now,
        packages=[{"package_id": package.package_id, "creative_assignments": []}],
    )

    assert (refused.code, refused.field) == (
        "CREATIVE_DEADLINE_EXCEEDED",
        "packages[0].creative_assignments",
    )


def test_a_package_is_named_once(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    line = {"package_id": buy.packages.get().package_id, "budget": 1200}

    refused = refusal(buyer, buy, packages=[line, line])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "packages[1].package_id")


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"end_time": _days(90)}, "extend_flight"),
        ({"end_time": _days(20)}, "shorten_flight"),
        ({"start_time": _days(4)}, "update_flight_dates"),
        ({"new_packages": [LINE]}, "add_packages"),
    ],
)
def test_an_order_that_is_being_booked_does_not_change(
    fields: dict[str, Any], action: str, buyer: Buyer
) -> None:
    buy = place(buyer, order_params(buyer)).drafted.buy

    refused = refusal(buyer, buy, **fields)

    assert refused.code == "ACTION_NOT_ALLOWED"
    assert refused.field == next(iter(fields))
    assert refused.details is not None
    assert refused.details["attempted_action"] == action
    assert refused.details["reason"] == "wrong_status"
    offered = [entry["action"] for entry in refused.details["currently_available_actions"]]
    assert offered == [
        "pause",
        "cancel",
        "replace_creative",
        "update_creative_assignments",
        "remove_creative",
        "sync_creatives",
    ]


@pytest.mark.parametrize(
    ("fields", "action", "field"),
    [
        ({"budget": 1200}, "increase_budget", "budget"),
        ({"budget": 800}, "decrease_budget", "budget"),
        ({"targeting_overlay": {"geo_countries": ["US"]}}, "update_targeting", "targeting_overlay"),
        (
            {"targeting_overlay": {"frequency_cap": {"suppress_minutes": 5}}},
            "update_frequency_caps",
            "targeting_overlay",
        ),
        (
            {"negative_keywords_add": [{"keyword": "a", "match_type": "broad"}]},
            "update_targeting",
            "negative_keywords_add",
        ),
        ({"pacing": "asap"}, "update_pacing", "pacing"),
        ({"impressions": 5}, "update_packages", "impressions"),
        ({"canceled": True}, "remove_packages", "canceled"),
    ],
)
def test_nor_does_a_package_of_it(
    fields: dict[str, Any], action: str, field: str, buyer: Buyer
) -> None:
    buy = place(buyer, order_params(buyer)).drafted.buy
    package = buy.packages.get()

    refused = refusal(buyer, buy, packages=[{"package_id": package.package_id, **fields}])

    assert (refused.code, refused.field) == ("ACTION_NOT_ALLOWED", f"packages[0].{field}")
    assert refused.details is not None
    assert refused.details["attempted_action"] == action


def test_budgets_that_only_change_places_are_reallocated(buyer: Buyer) -> None:
    buy = place(buyer, order_params(buyer, packages=[LINE, LINE])).drafted.buy
    first, second = buy.packages.all()

    refused = refusal(
        buyer,
        buy,
        packages=[
            {"package_id": first.package_id, "budget": 1500},
            {"package_id": second.package_id, "budget": 500},
        ],
    )

    assert refused.details is not None
    assert refused.details["attempted_action"] == "reallocate_budget"


def test_a_canceled_package_stays_as_it_is(buyer: Buyer) -> None:
    buy = active_buy(buyer, packages=[LINE, LINE])
    package_id = buy.packages.all()[0].package_id
    change(buyer, buy, packages=[{"package_id": package_id, "canceled": True}])

    again = refusal(buyer, buy, packages=[{"package_id": package_id, "canceled": True}])
    budget = refusal(buyer, buy, packages=[{"package_id": package_id, "budget": 1}])

    assert (again.code, again.field) == ("NOT_CANCELLABLE", "packages[0].canceled")
    assert (budget.code, budget.field) == ("INVALID_STATE", "packages[0].package_id")
    assert MediaBuy.objects.get(pk=buy.pk).status == BuyStatus.ACTIVE


def test_a_buy_without_packages_has_no_reports(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    package_id = buy.packages.get().package_id
    change(buyer, buy, packages=[{"package_id": package_id, "canceled": True}])
    config = {
        "url": "https://buyer.example/reports",
        "authentication": {
            "schemes": ["Bearer"],
            "credentials": "a-secret-of-thirty-two-characters",
        },
        "reporting_frequency": "daily",
    }

    refused = refusal(buyer, buy, reporting_webhook=config)

    assert refused.code == "UNSUPPORTED_FEATURE"
    assert refused.field == "reporting_webhook.reporting_frequency"
    assert refused.suggestion == "Ask for: no reporting webhook."


def test_a_buy_whose_packages_were_canceled_again_and_again_takes_no_more(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediabuys.change_validation.CANCELED_AND_LIVE_LIMIT", 2)
    buy = booked_buy(buyer)
    change(buyer, buy, new_packages=[LINE])
    second = buy.packages.order_by("position")[1]
    buy.refresh_from_db()
    change(buyer, buy, packages=[{"package_id": second.package_id, "canceled": True}])
    buy.refresh_from_db()

    refused = refusal(buyer, buy, new_packages=[LINE])

    assert (refused.code, refused.field) == ("INVALID_REQUEST", "new_packages")
    assert buy.packages.count() == 2
