"""The simulated ad server's delivery: pacing, goals, budgets, restatements, cursors."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.adservers.booking import (
    CREATIVE,
    DAYS,
    END,
    NOW,
    PRODUCT,
    START,
    book,
    line,
    order,
    push,
    read,
)
from tests.simulator import Simulator


@pytest.fixture(autouse=True)
def _world(simulator: Simulator) -> None:
    simulator.set_clock(NOW)
    simulator.stock(PRODUCT, 100_000)
    push(simulator)


def impressions(rows: list[dict[str, Any]]) -> int:
    return sum(row["impressions"] for row in latest(rows))


def spend(rows: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["spend"]) for row in latest(rows)), Decimal(0))


def latest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest version of every hour."""
    names = ("order_reference", "package_id", "creative", "country", "hour")
    found = {tuple(row[name] for name in names): row for row in rows}
    return list(found.values())


def test_a_line_reaches_its_goal_and_its_budget_exactly(simulator: Simulator) -> None:
    book(simulator, order())

    simulator.set_clock(END + timedelta(hours=1))
    rows, _ = read(simulator)

    assert impressions(rows) == 100_000
    assert spend(rows) == Decimal("1000.00")
    assert len(rows) == DAYS * 24
    assert {(row["creative"], row["country"], row["currency"]) for row in rows} == {
        (CREATIVE, "", "USD")
    }
    [told] = simulator.orders()["ORD-1"]["line_items"]
    assert (told["delivered"], told["spend"]) == (100_000, "1000.00")


def test_a_day_is_busy_when_people_are_awake(simulator: Simulator) -> None:
    book(simulator, order())

    simulator.set_clock(START + timedelta(days=1))
    rows, _ = read(simulator)

    by_hour = {row["hour"][11:13]: row["impressions"] for row in rows}
    assert 10_000 < sum(by_hour.values()) < 11_000
    assert 3 * by_hour["03"] < by_hour["20"]


def test_figures_do_not_depend_on_how_often_somebody_looks(simulator: Simulator) -> None:
    def live(steps: list[timedelta]) -> list[dict[str, Any]]:
        simulator.reset()
        simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 0})
        simulator.stock(PRODUCT, 100_000, countries={"US": 0.7, "GB": 0.3})
        push(simulator)
        book(simulator, order())
        for step in steps:
            simulator.let_pass(step)
            read(simulator)
        names = ("hour", "country", "impressions", "clicks", "completed_views", "spend")
        rows = sorted(read(simulator)[0], key=lambda row: (row["hour"], row["country"]))
        return [{name: row[name] for name in names} for row in rows]

    often = live([timedelta(minutes=37)] * 74)
    once = live([timedelta(minutes=37 * 74)])

    assert often == once
    assert len(once) == 2 * 22


def test_the_running_hour_is_restated_as_it_grows(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.set_clock(START + timedelta(minutes=20))
    [early], cursor = read(simulator)

    simulator.set_clock(START + timedelta(minutes=50))
    [late], cursor = read(simulator, cursor)
    simulator.set_clock(START + timedelta(hours=1))
    [final], cursor = read(simulator, cursor)

    assert early["hour"] == late["hour"] == final["hour"] == "2026-06-02T00:00:00Z"
    assert 0 < early["impressions"] < late["impressions"] < final["impressions"]
    assert [row["version"] for row in (early, late, final)] == [1, 2, 3]
    assert read(simulator, cursor) == ([], cursor)


def test_pages_resume_where_they_ended(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.set_clock(END)

    whole, end = read(simulator)
    paged, paged_end = read(simulator, limit=7)

    assert paged == whole
    assert paged_end == end


def test_a_cursor_of_an_earlier_life_is_from_the_beginning(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.set_clock(START + timedelta(hours=5))
    rows, cursor = read(simulator)

    assert read(simulator, "0000ffff.99999") == (rows, cursor)
    assert read(simulator, cursor) == ([], cursor)


def test_the_report_says_until_when_it_is_whole(simulator: Simulator) -> None:
    simulator.ask("POST", "/simulation/clock", {"now": START.isoformat(), "speed": 0})

    page = simulator.ask("GET", "/v1/delivery")

    assert (page["as_of"], page["rows"], page["more"]) == ("2026-06-02T00:00:00Z", [], False)


@pytest.mark.parametrize("way", ["pause", "line", "cancel", "creative"])
def test_what_is_stopped_stops(simulator: Simulator, way: str) -> None:
    book(simulator, order())
    simulator.ask("POST", "/simulation/clock", {"speed": 0})
    simulator.set_clock(START + timedelta(minutes=90))
    before = impressions(read(simulator)[0])

    match way:
        case "pause":
            simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})
        case "line":
            wanted = order(line(is_paused=True), revision=2)
            simulator.ask("PUT", "/v1/orders/ORD-1/state", wanted)
        case "cancel":
            simulator.ask("POST", "/v1/orders/ORD-1/cancel")
        case "creative":
            simulator.decide(CREATIVE, "rejected", "Claims that it cannot prove.")
    simulator.set_clock(END)

    assert before > 0
    assert impressions(read(simulator)[0]) == before


def test_an_hour_with_a_pause_in_it_has_both_its_parts(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.ask("POST", "/simulation/clock", {"speed": 0})
    simulator.set_clock(START + timedelta(minutes=20))
    simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})
    [early], cursor = read(simulator)
    simulator.set_clock(START + timedelta(minutes=40))
    simulator.ask("POST", "/v1/orders/ORD-1/resume", {"revision": 3})

    simulator.set_clock(START + timedelta(hours=1))
    [whole], _ = read(simulator, cursor)

    [told] = simulator.orders()["ORD-1"]["line_items"]
    assert told["delivered"] == whole["impressions"] > 1.5 * early["impressions"] > 0
    assert told["spend"] == whole["spend"]


def test_what_is_paid_is_what_was_shown(simulator: Simulator) -> None:
    book(simulator, order(line(unit_price="7.37")))

    simulator.set_clock(START + timedelta(days=3, minutes=10))
    rows, _ = read(simulator)

    exact = impressions(rows) * Decimal("7.37") / 1000
    assert len(rows) == 3 * 24 + 1
    assert 0 <= exact - spend(rows) < Decimal("0.01")


def test_what_goes_on_makes_up_for_the_pause(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.set_clock(START + timedelta(minutes=90))
    simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})
    simulator.set_clock(START + timedelta(days=5))
    simulator.ask("POST", "/v1/orders/ORD-1/resume", {"revision": 3})

    simulator.set_clock(END)

    assert impressions(read(simulator)[0]) == 100_000


def test_a_product_can_fall_short(simulator: Simulator) -> None:
    simulator.under_deliver(PRODUCT, 0.6)
    book(simulator, order())

    simulator.set_clock(START + timedelta(days=DAYS / 2))
    half = impressions(read(simulator)[0])
    simulator.set_clock(END)
    whole = impressions(read(simulator)[0])

    assert 29_000 < half < 31_000
    assert 59_000 < whole <= 60_000


def test_fast_lines_take_what_there_is_at_once(simulator: Simulator) -> None:
    book(simulator, order(line(pacing="asap")))

    simulator.set_clock(START + timedelta(days=2))

    assert impressions(read(simulator)[0]) == 100_000


def test_front_loaded_lines_run_ahead(simulator: Simulator) -> None:
    book(simulator, order(line(pacing="front_loaded")))

    simulator.set_clock(START + timedelta(days=DAYS / 2))

    assert 68_000 < impressions(read(simulator)[0]) < 75_000


def test_guaranteed_lines_come_first(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 10_800)
    wants_all = line(is_guaranteed=False, pacing="asap", impressions=10**6, budget="10000")
    book(simulator, order(wants_all, reference="ORD-open"))
    book(simulator, order(reference="ORD-promised"))

    simulator.set_clock(END)
    counts: Counter[str] = Counter()
    for row in latest(read(simulator)[0]):
        counts[row["order_reference"]] += row["impressions"]

    assert counts["ORD-promised"] == 100_000
    assert 5_000 < counts["ORD-open"] < 11_000


def test_contention_leaves_less(simulator: Simulator) -> None:
    simulator.contend(PRODUCT, 95_000, first=START.date(), last=END.date())
    book(simulator, order(line(is_guaranteed=False)))

    simulator.set_clock(END)

    assert 45_000 < impressions(read(simulator)[0]) < 55_000


def test_creatives_share_by_weight_and_countries_by_traffic(simulator: Simulator) -> None:
    simulator.stock(PRODUCT, 100_000, countries={"US": 0.75, "GB": 0.25})
    push(simulator, "acc_1/second")
    push(simulator, "acc_1/refused", name="Bad [reject]")
    assigned = [
        {"reference": CREATIVE, "weight": "30"},
        {"reference": "acc_1/second", "weight": "70"},
        {"reference": "acc_1/refused", "weight": "900"},
        {"reference": "acc_1/unknown", "weight": None},
    ]
    book(simulator, order(line(creatives=assigned)))

    simulator.set_clock(END)
    counts: Counter[tuple[str, str]] = Counter()
    for row in latest(read(simulator)[0]):
        counts[row["creative"], row["country"]] += row["impressions"]

    exact = {
        (CREATIVE, "US"): 22_500,
        (CREATIVE, "GB"): 7_500,
        ("acc_1/second", "US"): 52_500,
        ("acc_1/second", "GB"): 17_500,
    }
    assert counts.keys() == exact.keys()
    assert all(abs(counts[name] - exact[name]) < 200 for name in exact)
    assert sum(counts.values()) == 100_000


def test_without_an_approved_creative_nothing_runs(simulator: Simulator) -> None:
    book(simulator, order(line(creatives=[])))

    simulator.set_clock(END)

    assert read(simulator)[0] == []


@pytest.mark.parametrize(
    ("model", "price", "budget", "currency", "least"),
    [
        ("vcpm", "7.37", "311.11", "USD", "311.10"),
        ("cpc", "0.77", "250.00", "EUR", "249.23"),
        ("cpcv", "0.031", "123.45", "GBP", "123.41"),
        ("cpv", "3", "70000", "JPY", "69997"),
        ("flat_rate", "1800", "1800.00", "USD", "1799.99"),
        ("cpm", None, "200.00", "USD", "199.99"),
    ],
)
def test_no_budget_is_overspent(
    simulator: Simulator, model: str, price: str | None, budget: str, currency: str, least: str
) -> None:
    wanted = line(
        pricing_model=model,
        unit_price=price,
        budget=budget,
        currency=currency,
        impressions=None,
        is_guaranteed=False,
    )
    book(simulator, order(wanted))

    simulator.set_clock(END)
    rows = latest(read(simulator)[0])

    assert Decimal(least) <= spend(rows) <= Decimal(budget)
    assert all(Decimal(row["spend"]) >= 0 for row in rows)
    digits = {len(row["spend"].partition(".")[2]) for row in rows}
    assert digits == {0 if currency == "JPY" else 2}
    assert all(row["clicks"] <= row["impressions"] for row in rows)
    assert all(row["completed_views"] <= row["impressions"] for row in rows)


def test_a_clock_that_is_set_back_takes_nothing_back(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.set_clock(START + timedelta(hours=5))
    told, cursor = read(simulator)

    simulator.set_clock(START - timedelta(hours=5))
    nothing, cursor = read(simulator, cursor)
    simulator.set_clock(END)
    rows, _ = read(simulator, cursor)

    assert nothing == []
    assert impressions(told + rows) == 100_000


def test_rows_are_told_as_somebody_wrote_them(simulator: Simulator) -> None:
    _, cursor = read(simulator)
    odd = [{"order_reference": "ORD-?", "impressions": -5}, {"anything": [1, None]}, "no row"]

    simulator.ask("POST", "/simulation/rows", {"rows": odd})

    assert read(simulator, cursor)[0] == odd
