"""What get_products says that a product can deliver."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import InventoryDay, Product
from tests.protocol.conftest import Buyer, ask, guaranteed_order
from tests.protocol.test_query_counts import statements
from tests.trade.inventory import tell_inventory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]


@pytest.fixture(autouse=True)
def told(catalog: dict[str, Product], settings: Any) -> datetime:
    """An ad server that has told of two products just now, and nothing of the podcast."""
    settings.ADSERVER = "simulated"
    now = timezone.now()
    tell_inventory(catalog["ctv"], 1000, reserved=400, as_of=now)
    tell_inventory(catalog["display"], 50_000, as_of=now)
    return now


def flight(days: int = 10) -> dict[str, str]:
    """Return filters of a flight that begins in five days, its last day included."""
    first = timezone.now().date() + timedelta(days=5)
    return {
        "start_date": first.isoformat(),
        "end_date": (first + timedelta(days=days - 1)).isoformat(),
    }


def forecasts(token: str | None = None, **asked: Any) -> dict[str, Any]:
    """Return the forecast of each listed product; None for a product without one."""
    answer = ask("get_products", {"buying_mode": "wholesale", **asked}, token)
    assert answer.status == 200, answer.body
    return {one["product_id"]: one.get("forecast") for one in answer.body["products"]}


def test_all_that_is_free_in_a_flight_and_what_it_would_cost(told: datetime) -> None:
    found = forecasts(filters=flight())

    assert found["ctv-evenings"] == {
        "points": [
            {
                "metrics": {
                    "impressions": {"low": 5000, "mid": 6000, "high": 7000},
                    "spend": {"low": 212.5, "mid": 255, "high": 297.5},
                }
            }
        ],
        "forecast_range_unit": "availability",
        "method": "modeled",
        "currency": "USD",
        "generated_at": in_wire(told),
        "valid_until": in_wire(told + timedelta(minutes=30)),
    }
    assert found["hiking-podcast"] is None


def in_wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_what_a_budget_buys_and_never_more_than_is_free() -> None:
    budget = {"min": 100, "max": 250, "currency": "USD"}

    found = forecasts(filters=flight() | {"budget_range": budget})["ctv-evenings"]

    assert found["forecast_range_unit"] == "spend"
    assert found["points"] == [
        {"budget": 100, "metrics": {"impressions": {"low": 2352, "mid": 2352, "high": 2352}}},
        {"budget": 250, "metrics": {"impressions": {"low": 5000, "mid": 5882, "high": 5882}}},
    ]


def test_without_dates_it_is_of_the_next_thirty_days() -> None:
    [point] = forecasts()["outdoor-display"]["points"]

    # From now on: what is over of today is not there any more.
    assert point["metrics"]["impressions"]["mid"] == pytest.approx(30 * 50_000, rel=1e-6)


def test_what_orders_hold_that_wait_is_not_forecast(buyer: Buyer) -> None:
    # Far apart, the order's 30 days begin in seven; one third of them are in the flight.
    created = ask("create_media_buy", guaranteed_order(buyer), buyer.token)
    assert created.body["status"] == "submitted"
    InventoryDay.objects.update(capacity=200_000, capacity_low=200_000, capacity_high=200_000)
    first = timezone.now().date() + timedelta(days=20)
    days = {"start_date": f"{first}", "end_date": f"{first + timedelta(days=2)}"}

    [point] = forecasts(filters=days)["ctv-evenings"]["points"]

    held = round(25_000 / 42.5 * 1000) * 3 / 30
    expected = 3 * (200_000 - 400) - held
    assert point["metrics"]["impressions"]["mid"] == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(
    ("countries", "mid"), [(["US"], 3000), (["US", "CA"], 3000), (["CA"], None)]
)
def test_only_countries_that_were_asked_for_and_are_sold_count(
    catalog: dict[str, Product], countries: list[str], mid: int | None
) -> None:
    InventoryDay.objects.all().delete()
    for country in ("US", "CA"):
        tell_inventory(catalog["ctv"], 300, country=country)

    found = forecasts(filters=flight() | {"countries": countries}).get("ctv-evenings")

    assert (found and found["points"][0]["metrics"]["impressions"]["mid"]) == mid


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": timezone.now() - timedelta(minutes=31)},
        {"day": timezone.now().date() + timedelta(days=90), "days": 1},
    ],
    ids=["old figures", "days that are missing"],
)
def test_what_is_not_known_is_not_forecast(
    catalog: dict[str, Product], changes: dict[str, Any]
) -> None:
    days = catalog["ctv"].inventory.order_by("day")
    if changes.pop("days", 0):
        days = days.filter(pk=days[7].pk)
    days.update(**changes)

    assert forecasts(filters=flight())["ctv-evenings"] is None


def test_an_ad_server_that_tells_nothing_forecasts_nothing(settings: Any) -> None:
    settings.ADSERVER = "inline"

    assert set(forecasts().values()) == {None}


def test_fields_choose_it_and_what_is_not_chosen_is_not_asked_for() -> None:
    body = {"buying_mode": "wholesale", "fields": ["channels"]}

    without = statements("get_products", body, None)
    chosen = statements("get_products", {**body, "fields": ["forecast"]}, None)

    assert len(chosen) == len(without) + 1
    assert set(forecasts(fields=["channels"]).values()) == {None}
    assert forecasts(fields=["forecast"])["ctv-evenings"] is not None


@pytest.mark.parametrize("mode", ["wholesale", "brief"])
def test_it_costs_one_query_whatever_the_number_of_products(mode: str, settings: Any) -> None:
    body = {"buying_mode": mode} | ({"brief": "outdoors"} if mode == "brief" else {})
    everything = len(statements("get_products", body, None))
    one = len(statements("get_products", body | {"pagination": {"max_results": 1}}, None))
    settings.ADSERVER = "inline"
    unknown = len(statements("get_products", body, None))

    assert (everything, one) == (unknown + 1, unknown + 1)


def test_the_feed_has_the_same_version_whatever_the_figures_say() -> None:
    body: dict[str, Any] = {"buying_mode": "wholesale"}
    before = ask("get_products", body).body
    InventoryDay.objects.update(reserved=7, as_of=timezone.now())

    after = ask("get_products", body).body
    unchanged = ask(
        "get_products", body | {"if_wholesale_feed_version": before["wholesale_feed_version"]}
    ).body

    assert after["wholesale_feed_version"] == before["wholesale_feed_version"]
    assert after["products"] != before["products"]
    assert unchanged["unchanged"] is True
