"""get_media_buy_delivery: the figures of a buy, whole and in parts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from mediabuys.models import MediaBuy, Package, PricingOption, Product
from mediabuys.services.flights import media_buy_complete
from mediabuys.states import CanceledBy
from tests.delivery.reports import entry, imported, report
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import at, canceled, changed, running_buy, shown
from tests.people import Buyer, make_product

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_a_report_has_every_figure(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    imported(
        ad_server,
        told(package, impressions=1000, clicks=10, spend=Decimal("10.00")),
        told(package, hour=FIRST_HOUR + HOUR, impressions=500, clicks=2, spend=Decimal("5.01")),
    )

    body = report(buyer, media_buy_ids=[buy.media_buy_id])

    figures = {
        "impressions": 1500,
        "spend": 15.01,
        "clicks": 12,
        "ctr": 0.008,
        "cpm": 10.0067,
        "cost_per_click": 1.2508,
    }
    (found,) = body["media_buy_deliveries"]
    (line,) = found.pop("by_package")
    days = found.pop("daily_breakdown")
    assert found == {
        "media_buy_id": buy.media_buy_id,
        "status": "active",
        "pricing_model": "cpm",
        "totals": {**figures, "effective_rate": 10.0067},
    }
    pacing = line.pop("pacing_index")
    assert line == {
        "package_id": package.package_id,
        **figures,
        "pricing_model": "cpm",
        "rate": 10,
        "currency": "USD",
        "paused": False,
        "delivery_status": "delivering",
        "by_creative": [{"creative_id": "banner", **figures, "weight": 100}],
    }
    assert pacing == pytest.approx(0.06, abs=0.001)
    assert sum(day["impressions"] for day in days) == 1500
    assert body["currency"] == "USD"
    assert body["aggregated_totals"] == {
        "impressions": 1500,
        "spend": 15.01,
        "clicks": 12,
        "media_buy_count": 1,
    }
    assert not {"errors", "sandbox", "attribution_window", "notification_type"} & set(body)


def test_nothing_yet_is_zeros(buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer) -> None:
    imported(ad_server)

    found = entry(buyer, buy)

    assert found["totals"] == {"impressions": 0, "spend": 0, "clicks": 0}
    (line,) = found["by_package"]
    assert (line["impressions"], line["spend"], line["rate"]) == (0, 0, 10)
    assert (line["by_creative"], found["daily_breakdown"]) == ([], [])
    # A word of its own for zero delivery is not among those of this answer.
    assert "delivery_status" not in line


def test_a_report_says_what_the_snapshot_says(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(package, impressions=777, spend=Decimal("7.7777")))
    (snapshot,) = [
        line["snapshot"]
        for line in shown(buyer, media_buy_ids=[buy.media_buy_id], include_snapshot=True)[
            "media_buys"
        ][0]["packages"]
    ]

    (line,) = entry(buyer, buy)["by_package"]

    for name in ("impressions", "spend", "clicks", "pacing_index", "delivery_status"):
        assert line[name] == snapshot[name], name


def test_without_dates_it_is_the_flight_so_far(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server)
    before = timezone.now()

    period = report(buyer, media_buy_ids=[buy.media_buy_id])["reporting_period"]

    assert at(period["start"]) == buy.start_time
    assert before <= at(period["end"]) <= timezone.now()


def test_the_flight_of_a_buy_that_is_over_has_ended(
    buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    over, end = running_buy(buyer, started=3 * DAY, length=30 * DAY), NOW - DAY
    MediaBuy.objects.filter(pk=over.pk).update(end_time=end)
    changed(over, lambda row: media_buy_complete(buy=row, now=timezone.now()))

    period = report(buyer, media_buy_ids=[over.media_buy_id])["reporting_period"]

    assert (at(period["start"]), at(period["end"])) == (over.start_time, end)


def test_hours_outside_the_flight_count_and_stretch_the_period(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    early = FIRST_HOUR - 5 * HOUR
    imported(ad_server, told(package, hour=early), told(package))

    body = report(buyer, media_buy_ids=[buy.media_buy_id])

    assert at(body["reporting_period"]["start"]) == early
    assert body["aggregated_totals"]["impressions"] == 2000


@pytest.fixture
def long_buy(buyer: Buyer) -> MediaBuy:
    """A buy that began five days ago, for a month."""
    return running_buy(buyer, started=5 * DAY, length=30 * DAY)


def day_of(days_ago: int) -> datetime:
    return NOW.replace(hour=0, minute=0, second=0, microsecond=0) - days_ago * DAY


def test_a_date_range_ends_right_before_its_end(
    buyer: Buyer, long_buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    # given one hour before, two at the edges inside, and one right at the end
    package, first, end = long_buy.packages.get(), day_of(3), day_of(1)
    edges = [first - HOUR, first, end - HOUR, end]
    imported(
        ad_server,
        *(told(package, hour=hour, impressions=10**n) for n, hour in enumerate(edges)),
    )

    body = report(
        buyer,
        media_buy_ids=[long_buy.media_buy_id],
        start_date=first.date().isoformat(),
        end_date=end.date().isoformat(),
    )

    assert body["reporting_period"] == {"start": first.isoformat(), "end": end.isoformat()}
    (found,) = body["media_buy_deliveries"]
    assert found["totals"]["impressions"] == 110
    assert [day["date"] for day in found["daily_breakdown"]] == [
        first.date().isoformat(),
        (end - HOUR).date().isoformat(),
    ]
    # Pace is of the whole flight, and not of the range.
    assert "pacing_index" in found["by_package"][0]


def test_a_range_that_is_not_over_ends_now(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server)
    before = timezone.now()

    body = report(
        buyer,
        media_buy_ids=[buy.media_buy_id],
        start_date=day_of(1).date().isoformat(),
        end_date=day_of(-9).date().isoformat(),
        time_granularity="daily",
        include_window_breakdown=True,
    )

    assert before <= at(body["reporting_period"]["end"]) <= timezone.now()
    assert len(body["media_buy_deliveries"][0]["windows"]) == (
        2 if timezone.now() < NOW + DAY else 3
    )


def test_days_of_buys_and_of_packages(
    buyer: Buyer, long_buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    package = long_buy.packages.get()
    imported(
        ad_server,
        told(package, hour=day_of(3), spend=Decimal("1.10")),
        told(package, hour=day_of(1), spend=Decimal("2.20")),
    )
    expected = [
        {"date": day_of(3).date().isoformat(), "impressions": 1000, "spend": 1.1},
        {"date": day_of(1).date().isoformat(), "impressions": 1000, "spend": 2.2},
    ]

    plain = entry(buyer, long_buy)
    broken_down = entry(buyer, long_buy, include_package_daily_breakdown=True)

    assert plain["daily_breakdown"] == broken_down["daily_breakdown"] == expected
    assert "daily_breakdown" not in plain["by_package"][0]
    assert broken_down["by_package"][0]["daily_breakdown"] == expected


def test_days_are_those_of_utc(
    buyer: Buyer, long_buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    package = long_buy.packages.get()
    imported(ad_server, told(package, hour=day_of(1)), told(package, hour=day_of(1) - HOUR))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'America/New_York'")

    days = entry(buyer, long_buy)["daily_breakdown"]

    assert [day["date"] for day in days] == [
        day_of(2).date().isoformat(),
        day_of(1).date().isoformat(),
    ]


@pytest.mark.parametrize(("granularity", "length"), [("hourly", HOUR), ("daily", DAY)])
def test_windows_are_contiguous_and_have_those_without_delivery(
    buyer: Buyer,
    long_buy: MediaBuy,
    ad_server: ScriptedAdServer,
    granularity: str,
    length: timedelta,
) -> None:
    package, first = long_buy.packages.get(), day_of(3)
    imported(ad_server, told(package, hour=first), told(package, hour=first + 71 * HOUR))

    found = entry(
        buyer,
        long_buy,
        start_date=first.date().isoformat(),
        end_date=day_of(0).date().isoformat(),
        time_granularity=granularity,
        include_window_breakdown=True,
    )

    windows = found["windows"]
    starts = [at(window["window_start"]) for window in windows]
    assert starts == [first + index * length for index in range(3 * DAY // length)]
    assert [at(window["window_end"]) for window in windows[:-1]] == starts[1:]
    assert at(windows[-1]["window_end"]) == day_of(0)
    delivered = [window["totals"]["impressions"] for window in windows]
    assert delivered == [1000, *[0] * (len(windows) - 2), 1000]
    assert windows[0]["by_package"] == [
        {
            "package_id": package.package_id,
            "impressions": 1000,
            "spend": 10,
            "clicks": 10,
            "ctr": 0.01,
            "cpm": 10,
            "cost_per_click": 1,
        }
    ]
    assert windows[1]["totals"] == {"impressions": 0, "spend": 0, "clicks": 0}


@pytest.mark.parametrize(
    "asked", [{"time_granularity": "daily"}, {"include_window_breakdown": True}]
)
def test_windows_need_both_words(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer, asked: dict[str, Any]
) -> None:
    assert "windows" not in entry(buyer, buy, **asked)


def test_creatives_share_a_package(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    account = buyer.account.account_id
    imported(
        ad_server,
        told(package, creative=f"{account}/small", impressions=250, spend=Decimal(1)),
        told(package, creative=f"{account}/large", impressions=500, spend=Decimal(9)),
        told(package, creative="", impressions=250, spend=Decimal(2)),
    )

    (line,) = entry(buyer, buy)["by_package"]

    # What no creative is named for is in the package alone.
    assert [
        (row["creative_id"], row["impressions"], row["weight"]) for row in line["by_creative"]
    ] == [("large", 500, 50), ("small", 250, 25)]
    assert line["impressions"] == 1000


def test_countries_are_there_when_asked_for(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    imported(
        ad_server,
        told(package, country="US", impressions=300, spend=Decimal(3)),
        told(package, country="GB", impressions=100, spend=Decimal(5)),
        told(package, country="", impressions=200, spend=Decimal(1)),
    )
    geo = {"geo_level": "country"}

    def countries(**asked: Any) -> tuple[list[str], bool]:
        body = entry(buyer, buy, reporting_dimensions={"geo": {**geo, **asked}})
        (line,) = body["by_package"]
        assert {row["geo_level"] for row in line["by_geo"]} == {"country"}
        return [row["geo_code"] for row in line["by_geo"]], line["by_geo_truncated"]

    assert countries() == (["GB", "US", "ZZ"], False)
    assert countries(sort_by="impressions") == (["US", "ZZ", "GB"], False)
    assert countries(sort_by="impressions", limit=2) == (["US", "ZZ"], True)
    # A metric that nobody measures: by spend, as the protocol says.
    assert countries(sort_by="reach") == (["GB", "US", "ZZ"], False)
    assert "by_geo" not in entry(buyer, buy)["by_package"][0]


@pytest.fixture
def films(buyer: Buyer) -> Product:
    return make_product("films", channel="ctv")


def test_completed_views_are_of_what_is_watched_to_its_end(
    buyer: Buyer, films: Product, ad_server: ScriptedAdServer
) -> None:
    line = {"pricing_option_id": "usd", "budget": 500}
    both = running_buy(
        buyer,
        packages=[{**line, "product_id": "films"}, {**line, "product_id": "run-of-site"}],
    )
    film, banner = both.packages.order_by("position")
    imported(
        ad_server,
        told(film, impressions=1000, completed_views=750, spend=Decimal(15)),
        told(banner, impressions=1000),
    )

    found = entry(buyer, both)

    watched, seen = found["by_package"]
    assert (watched["completed_views"], watched["completion_rate"]) == (750, 0.75)
    assert watched["cost_per_completed_view"] == 0.02
    assert not {"completed_views", "completion_rate"} & set(seen)
    # Together they have a number, and no rate: a banner's impressions complete nothing.
    assert found["totals"]["completed_views"] == 750
    assert "completion_rate" not in found["totals"]


def test_rates_are_absent_where_their_inputs_are(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(package, impressions=10, clicks=11, spend=Decimal(0)))

    totals = entry(buyer, buy)["totals"]

    # Eleven clicks of ten impressions are nothing that a share can say.
    assert totals == {
        "impressions": 10,
        "spend": 0,
        "clicks": 11,
        "cpm": 0,
        "cost_per_click": 0,
        "effective_rate": 0,
    }


@pytest.mark.parametrize(
    ("model", "rate", "effective"), [("cpm", 20, 20), ("cpc", 2, 2), ("vcpm", 9, None)]
)
def test_an_auctions_rate_is_what_it_came_to(
    buyer: Buyer,
    ad_server: ScriptedAdServer,
    model: str,
    rate: float,
    effective: float | None,
) -> None:
    make_product("auction", floor=Decimal(1))
    PricingOption.objects.filter(product__product_id="auction").update(pricing_model=model)
    order = {"product_id": "auction", "pricing_option_id": "usd", "budget": 900, "bid_price": 9}
    bid = running_buy(buyer, packages=[order])
    package = bid.packages.get()
    before = entry(buyer, bid)["by_package"][0]["rate"]

    imported(ad_server, told(package, impressions=1000, clicks=10, spend=Decimal(20)))
    found = entry(buyer, bid)

    assert before == 9
    assert found["by_package"][0]["rate"] == rate
    assert found["totals"].get("effective_rate") == effective


def test_a_restated_hour_makes_the_report_adjusted(
    buyer: Buyer, long_buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    package, hour = long_buy.packages.get(), day_of(2)
    imported(ad_server, told(package, hour=hour, impressions=1000))
    before = entry(buyer, long_buy)
    imported(ad_server, told(package, hour=hour, impressions=900, version=2))

    after = entry(buyer, long_buy)
    another_day = entry(
        buyer,
        long_buy,
        start_date=day_of(1).date().isoformat(),
        end_date=day_of(0).date().isoformat(),
    )

    assert (before["totals"]["impressions"], "is_adjusted" in before) == (1000, False)
    assert (after["totals"]["impressions"], after["is_adjusted"]) == (900, True)
    assert "is_adjusted" not in another_day


def test_an_hour_that_runs_is_told_again_without_an_adjustment(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    now = timezone.now()
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    imported(ad_server, told(package, hour=this_hour, impressions=10), as_of=now)
    imported(ad_server, told(package, hour=this_hour, impressions=20, version=2), as_of=now)

    found = entry(buyer, buy)

    assert found["totals"]["impressions"] == 20
    assert "is_adjusted" not in found


def test_figures_are_final_once_the_ad_server_is_past_the_end(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    # given a buy that is canceled, of which the ad server has told all but the last minute
    imported(ad_server, told(package))
    running = entry(buyer, buy)
    stopped = canceled(buy, by=CanceledBy.BUYER)
    minute = timedelta(seconds=60)
    assert stopped.canceled_at is not None
    just = entry(buyer, buy)
    imported(ad_server, as_of=stopped.canceled_at + minute - timedelta(seconds=1))
    early = entry(buyer, buy)

    imported(ad_server, as_of=stopped.canceled_at + minute)
    final = entry(buyer, buy)

    for found in (running, just, early):
        assert not {"is_final", "finalized_at"} & {*found, *found["by_package"][0]}
    for row in (final, final["by_package"][0]):
        assert (row["is_final"], at(row["finalized_at"])) == (True, stopped.canceled_at + minute)
    assert final["status"] == "canceled"


def test_a_row_is_final_only_when_each_of_its_packages_is(
    buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}
    both = running_buy(buyer, packages=[line, line])
    gone, _ = both.packages.order_by("position")
    Package.objects.filter(pk=gone.pk).update(
        is_canceled=True, canceled_at=NOW - HOUR, canceled_by="buyer"
    )
    imported(ad_server)

    found = entry(buyer, both)

    assert [row.get("is_final") for row in found["by_package"]] == [True, None]
    assert "is_final" not in found


def test_paused_says_that_the_package_is(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    Package.objects.filter(pk=package.pk).update(is_paused=True)
    imported(ad_server, told(package))

    (line,) = entry(buyer, buy)["by_package"]

    assert line["paused"] is True
    assert "delivery_status" not in line


def test_the_sandbox_says_so(sandbox_buyer: Buyer, ad_server: ScriptedAdServer) -> None:
    running_buy(sandbox_buyer)

    body = report(sandbox_buyer, account={"account_id": sandbox_buyer.account.account_id})

    assert body["sandbox"] is True
    assert body["aggregated_totals"] == {
        "impressions": 0, "spend": 0, "clicks": 0, "media_buy_count": 1,
    }  # fmt: skip
    assert "errors" not in body


def test_moments_are_utc(buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer) -> None:
    period = report(buyer, media_buy_ids=[buy.media_buy_id])["reporting_period"]

    assert {at(moment).tzinfo for moment in period.values()} == {UTC}
