"""The import against the real simulated ad server: what it says is delivered is what we have."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import AdServerFeed, DeliveryRow, MediaBuy, StrayDelivery
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.telling import trafficking_drain
from tests.delivery.scripted import totals
from tests.documents.scenes import HOUR, LEAD, only, running_buy
from tests.people import Buyer
from tests.simulator import Simulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def buy(buyer: Buyer, simulator: Simulator) -> MediaBuy:
    """A buy that the simulator knows, and that has run there for six hours; its clock stands."""
    simulator.set_clock(timezone.now() - 6 * HOUR - LEAD)
    buy = running_buy(buyer)
    trafficking_drain()
    stopped = {"now": timezone.now().isoformat(), "speed": 0}
    simulator.ask("POST", "/simulation/clock", stopped)
    return buy


def reported(simulator: Simulator) -> list[dict[str, Any]]:
    """Return every row that the simulator tells, read without the product."""
    rows: list[dict[str, Any]] = []
    cursor, more = "", True
    while more:
        page = simulator.ask("GET", "/v1/delivery", after=cursor, limit=5000)
        rows, cursor, more = [*rows, *page["rows"]], page["cursor"], page["more"]
    return rows


def newest(rows: list[dict[str, Any]]) -> Counter[str]:
    """Return the sums of the newest version of each hour."""
    hours: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: int(row["version"])):
        hours[row["package_id"], row["creative"], row["country"], row["hour"]] = row
    sums: Counter[str] = Counter()
    for row in hours.values():
        for name in ("impressions", "clicks", "completed_views"):
            sums[name] += row[name]
    sums["cents"] = sum(int(Decimal(row["spend"]) * 100) for row in hours.values())
    return sums


def test_what_the_simulator_delivers_is_what_the_buyer_reads(
    buyer: Buyer, buy: MediaBuy, simulator: Simulator
) -> None:
    delivery_import(now=timezone.now())
    simulator.let_pass(timedelta(minutes=7))
    delivery_import(now=timezone.now() + timedelta(minutes=7))

    told = newest(reported(simulator))
    found = totals(buy.packages.get())
    assert found is not None
    impressions, clicks, views, spend = found
    assert impressions > 1000
    assert (impressions, clicks, views) == (
        told["impressions"], told["clicks"], told["completed_views"],
    )  # fmt: skip
    assert spend * 100 == told["cents"]
    creatives = set(DeliveryRow.objects.values_list("creative_ref", flat=True))
    assert creatives == {f"creative-{buy.packages.get().package_id}"}
    assert not StrayDelivery.objects.exists()
    [entry] = only(buyer, buy, include_snapshot=True)["packages"]
    assert entry["snapshot"]["impressions"] == impressions
    assert entry["snapshot"]["delivery_status"] == "delivering"
    assert entry["snapshot"]["staleness_seconds"] == 60


def test_rows_that_the_simulator_makes_up_are_strays(buy: MediaBuy, simulator: Simulator) -> None:
    delivery_import(now=timezone.now())
    before = totals(buy.packages.get())
    row = {
        **reported(simulator)[0],
        "hour": f"{hour_of(timezone.now()) - 3 * HOUR:%Y-%m-%dT%H:00:00Z}",
        "version": 2**40,
    }
    made_up = [
        {**row, "order_reference": "ord_of_another_seller"},
        {**row, "currency": "EUR"},
        {**row, "impressions": -5, "country": "GB"},
        {**row, "hour": f"{hour_of(timezone.now()) + 5 * HOUR:%Y-%m-%dT%H:00:00Z}"},
    ]
    simulator.report(*made_up)

    delivery_import(now=timezone.now())

    reasons = StrayDelivery.objects.values_list("reason", flat=True)
    assert sorted(reasons) == ["currency", "future", "negative", "unknown_order"]
    assert totals(buy.packages.get()) == before


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("kind", ["error", "garbage"])
def test_a_simulator_that_fails_is_read_again_from_the_same_place(
    buy: MediaBuy, simulator: Simulator, kind: str
) -> None:
    delivery_import(now=timezone.now())
    before = AdServerFeed.objects.get(name="delivery")
    simulator.let_pass(timedelta(minutes=5))
    simulator.fail("GET", "/v1/delivery", kind, status=503)

    assert delivery_import(now=timezone.now()) == 0

    feed = AdServerFeed.objects.get(name="delivery")
    assert (feed.cursor, feed.as_of, feed.failure_count) == (before.cursor, before.as_of, 1)
    assert feed.error_message
    assert delivery_import(now=timezone.now()) > 0
    feed.refresh_from_db()
    assert (feed.failure_count, feed.error_message) == (0, "")
    assert round(feed.clock_skew_seconds or 0) == 300


def test_rows_that_are_told_twice_count_once(buy: MediaBuy, simulator: Simulator) -> None:
    simulator.fail("GET", "/v1/delivery", "duplicate_rows", times=5)

    delivery_import(now=timezone.now())

    found = totals(buy.packages.get())
    assert found is not None
    assert found[0] == newest(reported(simulator))["impressions"]
