"""The simulated ad server's inventory: capacity, reservations, contention."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediabuys.adservers.simulated import moments
from mediabuys.adservers.simulated.inventory import Product
from mediabuys.adservers.simulated.reservations import Demand, needs
from tests.adservers.booking import DAYS, NOW, PRODUCT, START, book, draft, line, order
from tests.simulator import Simulator

FIRST = START.date()
LAST = FIRST + timedelta(days=DAYS - 1)


@pytest.fixture(autouse=True)
def _clock(simulator: Simulator) -> None:
    simulator.set_clock(NOW)


def days(simulator: Simulator, first: date = FIRST, last: date = LAST) -> list[dict[str, Any]]:
    answer = simulator.ask("GET", "/v1/availability", product=[PRODUCT], first=first, last=last)
    return list(answer["days"])


def refusal(simulator: Simulator, wanted: dict[str, Any]) -> tuple[int, str]:
    """Return what the validation of an order's inventory says."""
    content = json.dumps({"scope": "inventory", "order": wanted}).encode()
    answer = simulator.send("POST", f"/v1/orders/{wanted['reference']}/validate", content)
    return answer.status, answer.body["error"]["message"] if answer.body else ""


def test_a_week_has_its_shape_and_a_forecast_its_doubt(simulator: Simulator) -> None:
    product = {PRODUCT: {"daily": 1000, "noise": 0, "weekend": 0.5}}
    simulator.ask("POST", "/simulation/inventory", {"products": product})

    week = days(simulator, NOW.date(), NOW.date() + timedelta(days=6))
    [far] = days(simulator, date(2026, 12, 2), date(2026, 12, 2))

    assert [day["capacity"] for day in week] == [1000, 1030, 1040, 1020, 960, 500, 500]
    assert [(day["low"], day["high"]) for day in week[:2]] == [(1000, 1000), (978, 1081)]
    assert (far["capacity"], far["low"], far["high"]) == (1040, 624, 1456)


def test_chance_moves_capacity_and_repeats(simulator: Simulator) -> None:
    simulator.ask("POST", "/simulation/inventory", {"products": {PRODUCT: {"daily": 100_000}}})

    first, again = days(simulator), days(simulator)

    assert first == again
    assert first[0]["capacity"] != first[7]["capacity"]
    assert all(70_000 < day["capacity"] < 112_000 for day in first)


def test_a_confirmed_line_takes_its_days_evenly_and_by_country(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 100_000, countries={"US": 0.7, "GB": 0.3})
    draft(simulator, order())
    free = days(simulator)

    simulator.ask("POST", "/v1/orders/ORD-1/confirm")

    taken = days(simulator)
    assert {day["reserved"] for day in free} == {0}
    assert {(day["country"], day["capacity"], day["reserved"]) for day in taken} == {
        ("", 100_000, 10_000),
        ("US", 70_000, 7_000),
        ("GB", 30_000, 3_000),
    }
    assert len(taken) == 3 * DAYS


def test_a_targeted_line_takes_its_country_alone(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 100_000, countries={"US": 0.7, "GB": 0.3})

    book(simulator, order(line(countries=["GB"])))

    assert {(day["country"], day["reserved"]) for day in days(simulator)} == {
        ("", 10_000),
        ("US", 0),
        ("GB", 10_000),
    }
    wanted = order(line(countries=["GB"], impressions=200_001), reference="ORD-2")
    assert refusal(simulator, wanted) == (
        409,
        "homepage has 20,000 impressions left on 2026-06-11 in GB, and this order needs 20,001.",
    )
    nowhere = order(line(countries=["DE"]), reference="ORD-2")
    assert refusal(simulator, nowhere)[0] == 409


def test_what_others_booked_is_not_there(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 100_000)
    simulator.contend(PRODUCT, 95_000, first=FIRST, last=FIRST)

    found = refusal(simulator, order())

    assert found == (
        409,
        "homepage has 5,000 impressions left on 2026-06-02, and this order needs 10,000.",
    )
    assert [day["reserved"] for day in days(simulator)] == [95_000] + [0] * (DAYS - 1)


def test_confirmation_is_all_or_nothing(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 15_000)
    wanted = order(line("pkg_1"), line("pkg_2"))
    draft(simulator, wanted)

    answer = simulator.send("POST", "/v1/orders/ORD-1/confirm")

    assert (answer.status, answer.body["error"]["code"]) == (409, "declined")
    assert simulator.ask("GET", "/v1/orders/ORD-1")["state"] == "draft"
    assert {day["reserved"] for day in days(simulator)} == {0}


def test_what_an_order_has_itself_counts_as_free(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 10_000)
    book(simulator, order())

    assert refusal(simulator, order())[0] == 204
    assert refusal(simulator, order(reference="ORD-2"))[0] == 409


def test_a_change_that_does_not_fit_leaves_the_order(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 15_000)
    book(simulator, order())
    before = simulator.orders(), days(simulator)

    wanted = order(line(impressions=200_000), revision=2)
    answer = simulator.send("PUT", "/v1/orders/ORD-1/state", json.dumps(wanted).encode())

    assert answer.status == 409
    assert (simulator.orders(), days(simulator)) == before


def test_less_is_always_granted(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 15_000)
    book(simulator, order())
    simulator.contend(PRODUCT, 15_000, first=FIRST, last=LAST)

    wanted = order(line(impressions=50_000), revision=2)
    simulator.ask("PUT", "/v1/orders/ORD-1/state", wanted)

    assert {day["reserved"] for day in days(simulator)} == {20_000}


def test_cancellation_gives_inventory_back(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 100_000)
    book(simulator, order())

    simulator.ask("POST", "/v1/orders/ORD-1/cancel")

    assert {day["reserved"] for day in days(simulator)} == {0}


def test_an_open_line_takes_nothing(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 10)

    book(simulator, order(line(is_guaranteed=False)))

    assert {day["reserved"] for day in days(simulator)} == {0}


def test_products_without_traffic_are_not_told(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 0)

    assert days(simulator) == []
    assert refusal(simulator, order())[0] == 409


@given(
    start=st.integers(0, 10**10),
    length=st.integers(1, 10**10),
    impressions=st.integers(1, 10**9),
    countries=st.sampled_from([(), ("US",), ("GB", "US")]),
)
def test_days_sum_to_what_is_needed(
    start: int, length: int, impressions: int, countries: tuple[str, ...]
) -> None:
    begin = moments.EARLIEST + start
    demand = Demand("pkg_1", PRODUCT, begin, begin + length, impressions, countries)

    found = needs(demand, Product(PRODUCT, 1000, (("GB", 0.3), ("US", 0.7))))

    whole = [count for (_, country), count in found.items() if country == ""]
    assert sum(whole) == impressions
    assert min(whole) >= 0
    parts = [count for (_, country), count in found.items() if country]
    assert impressions - 2 * len(whole) <= sum(parts) <= impressions
