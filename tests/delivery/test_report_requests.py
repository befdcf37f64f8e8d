"""get_media_buy_delivery: whose buys it is about, what is refused, and what it cannot tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mediabuys import delivery_limits
from mediabuys.models import AccountAccess, MediaBuy, Package
from tests.delivery.reports import advice, imported, refusal, report
from tests.delivery.scripted import HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import buy_by_staff, buy_in_status, running_buy
from tests.people import Buyer, make_account
from tests.protocol.conftest import ask
from tests.trade.orders import booked_buy, waiting_task

pytestmark = pytest.mark.django_db

UNKNOWN = "mb_0000000000000000000000000000000000000000"
DAY = timedelta(days=1)


def reported(body: dict[str, Any]) -> list[str]:
    return [found["media_buy_id"] for found in body["media_buy_deliveries"]]


def test_without_ids_and_status_it_is_the_active_ones(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    waits = booked_buy(buyer, idempotency_key="key-0000000000000002")
    waiting_task(buyer, idempotency_key="key-0000000000000003")
    imported(ad_server)

    assert reported(report(buyer)) == [buy.media_buy_id]
    assert reported(report(buyer, status_filter="pending_creatives")) == [waits.media_buy_id]
    assert reported(report(buyer, status_filter=["pending_creatives", "active"])) == [
        waits.media_buy_id,
        buy.media_buy_id,
    ]
    assert reported(report(buyer, media_buy_ids=[waits.media_buy_id])) == [waits.media_buy_id]


@pytest.mark.parametrize("status", ["pending_start", "paused", "completed", "rejected", "canceled"])
def test_every_status_is_reported(buyer: Buyer, ad_server: ScriptedAdServer, status: str) -> None:
    found = buy_in_status(buyer, status)
    imported(ad_server)

    (entry,) = report(buyer, status_filter=status)["media_buy_deliveries"]

    assert (entry["media_buy_id"], entry["status"]) == (found.media_buy_id, status)


def test_an_account_narrows_the_report(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server)
    other = make_account(buyer.principal, brand_domain="other.example")

    def of(account_id: str) -> list[str]:
        return reported(report(buyer, account={"account_id": account_id}))

    assert of(buyer.account.account_id) == [buy.media_buy_id]
    assert of(other.account_id) == []
    named = {"media_buy_ids": [buy.media_buy_id], "account": {"account_id": other.account_id}}
    # It is the agent's own, and of another account than the one it named.
    assert reported(report(buyer, **named)) == []


def test_a_report_of_no_buys_is_empty(buyer: Buyer, ad_server: ScriptedAdServer) -> None:
    body = report(buyer)

    assert body["media_buy_deliveries"] == []
    assert body["aggregated_totals"] == {
        "impressions": 0, "spend": 0, "clicks": 0, "media_buy_count": 0,
    }  # fmt: skip
    assert body["currency"] == "USD"
    assert "errors" not in body


def test_unknown_and_foreign_ids_read_the_same_beside_the_rest(
    buyer: Buyer, stranger: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(buy.packages.get()))
    own = buy_by_staff(stranger)

    unknown = report(stranger, media_buy_ids=[UNKNOWN, own.media_buy_id])
    foreign = report(stranger, media_buy_ids=[buy.media_buy_id, own.media_buy_id])

    assert unknown["errors"] == foreign["errors"]
    assert advice(foreign) == [("MEDIA_BUY_NOT_FOUND", "media_buy_ids[0]")]
    assert reported(foreign) == [own.media_buy_id]
    assert foreign["aggregated_totals"]["media_buy_count"] == 1


def test_nothing_but_unknown_ids_is_refused(
    buyer: Buyer, stranger: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    draft = waiting_task(stranger, idempotency_key="key-0000000000000002").media_buy
    answers = [
        ask("get_media_buy_delivery", {"media_buy_ids": [name]}, stranger.token)
        for name in (UNKNOWN, buy.media_buy_id, draft.reference)
    ]

    assert {answer.status for answer in answers} == {404}
    assert [answer.error for answer in answers] == [answers[0].error] * 3
    assert answers[0].error["code"] == "MEDIA_BUY_NOT_FOUND"
    assert answers[0].error["field"] == "media_buy_ids[0]"


def test_an_agent_that_may_not_see_delivery_sees_no_figure(
    buyer: Buyer, stranger: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(buy.packages.get(), impressions=77_777))
    AccountAccess.objects.create(
        account=buy.account, principal=stranger.principal, may_see_delivery=False
    )
    own = buy_by_staff(stranger)

    named = ask("get_media_buy_delivery", {"media_buy_ids": [buy.media_buy_id]}, stranger.token)
    beside = report(stranger, media_buy_ids=[own.media_buy_id, buy.media_buy_id])
    active = report(stranger)

    assert (named.status, named.error["code"]) == (403, "PERMISSION_DENIED")
    assert named.error["field"] == "media_buy_ids[0]"
    assert reported(beside) == reported(active) == [own.media_buy_id]
    assert advice(beside) == [("PERMISSION_DENIED", "media_buy_ids[1]")]
    assert advice(active) == [("PERMISSION_DENIED", "account")]
    for body in (named.body, beside, active):
        assert "77777" not in str(body)
    assert report(buyer)["aggregated_totals"]["impressions"] == 77_777


def test_a_report_is_in_one_currency(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    # given another buy, in euro, that is newer
    euro = running_buy(buyer, key="key-0000000000000002")
    MediaBuy.objects.filter(pk=euro.pk).update(currency="EUR")
    Package.objects.filter(media_buy=euro).update(currency="EUR")
    package, paid = Package.objects.get(media_buy=euro), buy.packages.get()
    imported(ad_server, told(package, impressions=5), told(paid, impressions=7))

    both = report(buyer)
    dollars = report(buyer, media_buy_ids=[buy.media_buy_id])

    assert (both["currency"], reported(both)) == ("EUR", [euro.media_buy_id])
    assert both["aggregated_totals"]["impressions"] == 5
    (word,) = both["errors"]
    assert (word["code"], word["field"]) == ("UNSUPPORTED_FEATURE", "media_buy_ids")
    assert word["details"] == {
        "currency": "USD", "media_buy_ids": [buy.media_buy_id], "left_out": 1,
    }  # fmt: skip
    assert (dollars["currency"], reported(dollars)) == ("USD", [buy.media_buy_id])
    assert "errors" not in dollars


@pytest.mark.parametrize(
    ("dates", "field"),
    [
        ({"start_date": "2027-03-01"}, "end_date"),
        ({"end_date": "2027-03-01"}, "start_date"),
        ({"start_date": "2027-03-02", "end_date": "2027-03-02"}, "end_date"),
        ({"start_date": "2027-03-02", "end_date": "2027-03-01"}, "end_date"),
        ({"start_date": "2027-02-29", "end_date": "2027-03-01"}, "start_date"),
        ({"start_date": "2027-02-01", "end_date": "2027-13-01"}, "end_date"),
        ({"start_date": "0000-01-01", "end_date": "2027-03-01"}, "start_date"),
        ({"start_date": "9999-12-31", "end_date": "9999-12-31"}, "end_date"),
        ({"start_date": "1 March", "end_date": "2027-03-01"}, "start_date"),
    ],
)
def test_dates_that_make_no_sense(buyer: Buyer, dates: dict[str, str], field: str) -> None:
    assert refusal(buyer, **dates) == (400, "INVALID_REQUEST", field)


def test_a_range_that_lies_ahead_has_zeros(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(buy.packages.get()))

    body = report(buyer, start_date="9999-12-30", end_date="9999-12-31")

    assert body["reporting_period"] == {
        "start": "9999-12-30T00:00:00+00:00", "end": "9999-12-31T00:00:00+00:00",
    }  # fmt: skip
    assert body["aggregated_totals"]["impressions"] == 0
    assert body["media_buy_deliveries"][0]["daily_breakdown"] == []


def test_a_granularity_that_is_not_offered(buyer: Buyer) -> None:
    answer = ask("get_media_buy_delivery", {"time_granularity": "monthly"}, buyer.token)

    assert (answer.status, answer.error["code"]) == (422, "UNSUPPORTED_GRANULARITY")
    assert answer.error["field"] == "time_granularity"
    assert answer.error["details"] == {"supported_granularities": ["hourly", "daily"]}
    assert refusal(buyer, time_granularity="weekly") == (
        400, "INVALID_REQUEST", "time_granularity",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"reporting_dimensions": {"device_type": {}}}, "reporting_dimensions.device_type"),
        ({"reporting_dimensions": {"device_platform": {}}}, "reporting_dimensions.device_platform"),
        ({"reporting_dimensions": {"audience": {}}}, "reporting_dimensions.audience"),
        ({"reporting_dimensions": {"placement": {}}}, "reporting_dimensions.placement"),
        (
            {"reporting_dimensions": {"geo": {"geo_level": "region"}}},
            "reporting_dimensions.geo.geo_level",
        ),
        ({"attribution_window": {"model": "last_touch"}}, "attribution_window"),
    ],
)
def test_what_is_not_told_is_said_and_the_rest_answered(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer, asked: dict[str, Any], field: str
) -> None:
    imported(ad_server, told(buy.packages.get()))

    body = report(buyer, **asked)

    assert advice(body) == [("UNSUPPORTED_FEATURE", field)]
    assert body["aggregated_totals"]["impressions"] == 1000
    (line,) = body["media_buy_deliveries"][0]["by_package"]
    assert [name for name in line if name.startswith("by_")] == ["by_creative"]


def test_old_figures_are_shown_with_their_age(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(buy.packages.get()), as_of=timezone.now() - HOUR)

    body = report(buyer)

    (word,) = body["errors"]
    assert (word["code"], word["recovery"]) == ("STALE_RESPONSE", "transient")
    assert word["details"]["served_from_cache"] is True
    assert 3600 <= word["details"]["cache_age_seconds"] <= 3660
    assert body["aggregated_totals"]["impressions"] == 1000
    assert "delivery_status" not in body["media_buy_deliveries"][0]["by_package"][0]


def test_an_ad_server_that_has_never_reported(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    body = report(buyer)

    assert advice(body) == [("SERVICE_UNAVAILABLE", "")]
    assert body["aggregated_totals"]["impressions"] == 0


def test_what_is_not_running_is_never_late(buyer: Buyer, ad_server: ScriptedAdServer) -> None:
    buy_in_status(buyer, "pending_start")

    assert "errors" not in report(buyer, status_filter="pending_start")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (
            {"time_granularity": "hourly", "include_window_breakdown": True},
            "include_window_breakdown",
        ),
        ({"include_package_daily_breakdown": True}, "include_package_daily_breakdown"),
    ],
)
def test_a_breakdown_with_too_many_rows_is_refused_before_it_is_read(
    buyer: Buyer, asked: dict[str, Any], field: str
) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 10}
    running_buy(buyer, packages=[line] * 30, started=100 * DAY, length=400 * DAY)

    with CaptureQueriesContext(connection) as captured:
        assert refusal(buyer, **asked) == (400, "INVALID_REQUEST", field)

    assert not [query for query in captured if "deliveryrow" in query["sql"]]


def test_windows_of_a_thousand_years_are_refused(buyer: Buyer, buy: MediaBuy) -> None:
    asked = {"time_granularity": "hourly", "include_window_breakdown": True}

    refused = refusal(buyer, start_date="1027-01-01", end_date="9999-01-01", **asked)

    assert refused == (400, "INVALID_REQUEST", "include_window_breakdown")


def test_days_of_buys_give_way_where_there_are_too_many(
    buyer: Buyer, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given room for three days, and a buy that has run for two or three
    monkeypatch.setattr(delivery_limits, "BREAKDOWN_NODES", 3 * delivery_limits.DAY_NODES)
    buy = running_buy(buyer, started=DAY, length=9 * DAY)
    imported(ad_server, told(buy.packages.get()))
    one = report(buyer)
    running_buy(buyer, key="key-0000000000000002", started=DAY, length=9 * DAY)

    two = report(buyer)

    assert len(one["media_buy_deliveries"][0]["daily_breakdown"]) == 1
    assert advice(two) == [("UNSUPPORTED_FEATURE", "media_buy_ids")]
    assert not any("daily_breakdown" in found for found in two["media_buy_deliveries"])
    assert two["aggregated_totals"]["impressions"] == 1000


@pytest.mark.parametrize("limit", ["BUYS_LIMIT", "NODE_LIMIT"])
def test_buys_beyond_one_answer_are_left_to_another(
    buyer: Buyer, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    first = running_buy(buyer)
    second = running_buy(buyer, key="key-0000000000000002")
    imported(ad_server, told(first.packages.get()), told(second.packages.get(), impressions=5))
    monkeypatch.setattr(delivery_limits, limit, 1)
    monkeypatch.setattr(
        "adcp_sales.protocol.usecases.get_media_buy_delivery.BUYS_LIMIT",
        delivery_limits.BUYS_LIMIT,
    )

    body = report(buyer)
    rest = report(buyer, media_buy_ids=[first.media_buy_id])

    # The totals are of what is shown.
    assert reported(body) == [second.media_buy_id]
    assert body["aggregated_totals"]["impressions"] == 5
    assert body["aggregated_totals"]["media_buy_count"] == 1
    (word,) = body["errors"]
    assert (word["code"], word["field"]) == ("UNSUPPORTED_FEATURE", "media_buy_ids")
    assert word["details"] == {"returned": 1}
    assert reported(rest) == [first.media_buy_id]
    assert "errors" not in rest


def test_as_the_document_compares_it_with_snapshots(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    # A period that can be chosen, days, and neither creative approvals nor what is missing.
    imported(ad_server, told(buy.packages.get()))
    today = NOW.date()

    body = report(
        buyer,
        media_buy_ids=[buy.media_buy_id],
        start_date=(today - DAY).isoformat(),
        end_date=(today + DAY).isoformat(),
    )

    (found,) = body["media_buy_deliveries"]
    assert [day["impressions"] for day in found["daily_breakdown"]] == [1000]
    assert found["status"] == "active"
    (line,) = found["by_package"]
    assert not {"creative_approvals", "format_ids_pending", "snapshot"} & {*found, *line}
