"""The sums of a report: whatever was told, every way of cutting it adds up to the same."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediabuys.delivery_metrics import Metrics, summed
from mediabuys.delivery_periods import Period
from mediabuys.delivery_request import DeliveryRequest, Ranking
from mediabuys.models import DeliveryRow, DeliverySnapshot, MediaBuy
from mediabuys.selectors.delivery import BuyDelivery, delivery_of, reported_buys
from mediabuys.services.delivered_hours import hours_write
from tests.delivery.reports import entry, imported, report
from tests.delivery.scripted import HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import running_buy
from tests.people import Buyer
from tests.protocol.test_query_counts import statements

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
FIRST = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 4 * DAY
LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "package": st.integers(0, 1),
            "creative": st.sampled_from(["", "a", "b"]),
            "country": st.sampled_from(["", "US", "GB"]),
            "hour": st.integers(0, 4 * 24 - 1),
            "impressions": st.integers(0, 10**9),
            "clicks": st.integers(0, 10**6),
            "completed_views": st.integers(0, 10**6),
            "spend": st.decimals(0, 10**6, places=4),
            "version": st.integers(1, 3),
        }
    ),
    max_size=40,
)


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    return running_buy(buyer, packages=[LINE, LINE], started=5 * DAY, length=30 * DAY)


@given(rows=ROWS, window=st.sampled_from(["hourly", "daily"]))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_way_of_cutting_adds_up(
    buy: MediaBuy, rows: list[dict[str, Any]], window: str
) -> None:
    packages = list(buy.packages.select_related("media_buy__account").order_by("position"))
    DeliveryRow.objects.all().delete()
    DeliverySnapshot.objects.all().delete()
    hours_write(
        rows=[
            told(
                packages[row["package"]],
                **{**without(row, "package"), "hour": FIRST + row["hour"] * HOUR},
            )
            for row in rows
        ],
        told_until=FIRST,
        as_of=NOW,
        now=NOW,
    )

    whole = reported(buy, DeliveryRequest(window=window, countries=Ranking(25, "spend")))
    days = [reported(buy, one_day(index)) for index in range(5)]

    assert whole.total == told_in_all() == summed(day.total for day in days)
    windows = list(whole.period.windows(window))
    for line in whole.packages:
        sums = line.sums
        assert sums.total == summed(sums.by_creative.values())
        assert sums.total == summed(sums.by_country.values())
        assert sums.total == summed(sums.by_day.values())
        assert sums.total == summed(line.within(one, window) for one in windows)


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def one_day(index: int) -> DeliveryRequest:
    first = FIRST + index * DAY
    return DeliveryRequest(period=Period(first, first + DAY))


def reported(buy: MediaBuy, asked: DeliveryRequest) -> BuyDelivery:
    """Return the report of the one buy, without its pace."""
    buys = reported_buys(MediaBuy.objects.filter(pk=buy.pk), limit=1)
    (found,) = delivery_of(buys, asked=asked, standings={}, now=NOW).buys
    return found


def told_in_all() -> Metrics:
    """Return the sum of the rows that are stored, added up one by one."""
    return summed(
        Metrics(row.impressions, row.clicks, row.completed_views, row.spend)
        for row in DeliveryRow.objects.all()
    )


def test_the_answers_numbers_add_up_too(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    # given thirds of cents, which no rounding would add up
    first, second = buy.packages.order_by("position")
    imported(
        ad_server,
        *(
            told(package, hour=FIRST + hour * HOUR, spend=Decimal("0.0033"))
            for package in (first, second)
            for hour in (0, 30, 60)
        ),
    )

    found = entry(buyer, buy, include_package_daily_breakdown=True)

    assert found["totals"]["spend"] == 0.0198
    assert [line["spend"] for line in found["by_package"]] == [0.0099, 0.0099]
    assert added(day["spend"] for day in found["daily_breakdown"]) == Decimal("0.0198")
    for line in found["by_package"]:
        assert added(day["spend"] for day in line["daily_breakdown"]) == Decimal("0.0099")


def added(numbers: Iterable[float]) -> Decimal:
    return sum((Decimal(str(number)) for number in numbers), Decimal(0))


EVERYTHING = {
    "include_package_daily_breakdown": True,
    "reporting_dimensions": {"geo": {"geo_level": "country"}},
    "time_granularity": "daily",
    "include_window_breakdown": True,
}


def test_a_report_costs_seven_statements_whatever_its_size(
    buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    report(buyer)
    costs = []
    for number, packages in ((1, 1), (2, 8), (3, 3)):
        buy = running_buy(
            buyer,
            key=f"key-{number:016d}",
            packages=[LINE] * packages,
            started=number * DAY,
            length=30 * DAY,
        )
        imported(
            ad_server,
            *(
                told(
                    package,
                    hour=FIRST + hour * HOUR,
                    impressions=1,
                    spend=Decimal("0.01"),
                    creative=f"{hour % 3}",
                )
                for package in buy.packages.all()
                for hour in range(0, 90, number)
            ),
        )
        costs.append(len(statements("get_media_buy_delivery", EVERYTHING, buyer.token)))

    # token, buys with accounts, packages, standings, sums, restated hours, the feed
    assert costs == [7, 7, 7]
    assert report(buyer)["aggregated_totals"]["media_buy_count"] == 3


def test_an_account_costs_one_more(buyer: Buyer, ad_server: ScriptedAdServer) -> None:
    running_buy(buyer)
    imported(ad_server)
    report(buyer)
    asked = {**EVERYTHING, "account": {"account_id": buyer.account.account_id}}

    assert len(statements("get_media_buy_delivery", asked, buyer.token)) == 8
