"""Document 004: delivery snapshots, their freshness, and why one is missing."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from mediabuys.models import AccountAccess, MediaBuy, Package
from mediabuys.services.flights import media_buy_complete
from mediabuys.states import CanceledBy
from tests.documents.scenes import HOUR, at, canceled, changed, delivered, only, running_buy, shown
from tests.people import Buyer, in_wire

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def buy(buyer: Buyer, settings: Settings) -> MediaBuy:
    """A buy of $1,000, six hours into a flight of a day, on the simulated ad server."""
    found = running_buy(buyer)
    settings.ADSERVER = "simulated"
    return found


def package_of(buyer: Buyer, buy: MediaBuy, **params: Any) -> dict[str, Any]:
    (package,) = only(buyer, buy, include_snapshot=True, **params)["packages"]
    return package


def status_of(buyer: Buyer, buy: MediaBuy) -> str | None:
    return package_of(buyer, buy)["snapshot"].get("delivery_status")


def set_package(buy: MediaBuy, **fields: Any) -> None:
    Package.objects.filter(media_buy=buy).update(**fields)


def test_snapshot_carries_every_figure(buyer: Buyer, buy: MediaBuy) -> None:
    row = delivered(buy, impressions=12_500, clicks=37, spend=Decimal("200.50"))

    package = package_of(buyer, buy)

    snapshot = package["snapshot"]
    assert at(snapshot.pop("as_of")) == row.as_of
    assert snapshot == {
        "staleness_seconds": 60,
        "impressions": 12_500,
        "spend": 200.5,
        "clicks": 37,
        "pacing_index": 0.802,
        "delivery_status": "delivering",
    }
    assert "snapshot_unavailable_reason" not in package


def test_snapshots_are_absent_unless_asked_for(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy)

    for params in ({}, {"include_snapshot": False}):
        (package,) = only(buyer, buy, **params)["packages"]
        assert not {"snapshot", "snapshot_unavailable_reason"} & set(package)


def test_clicks_are_absent_where_they_are_not_known(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, clicks=None)

    assert "clicks" not in package_of(buyer, buy)["snapshot"]


def test_every_package_has_a_snapshot_or_a_reason(buyer: Buyer, settings: Settings) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}
    both = running_buy(buyer, packages=[line, line])
    settings.ADSERVER = "simulated"
    delivered(both)

    first, second = only(buyer, both, include_snapshot=True)["packages"]

    assert "snapshot" in first
    assert "snapshot_unavailable_reason" not in first
    assert second["snapshot_unavailable_reason"] == "SNAPSHOT_TEMPORARILY_UNAVAILABLE"
    assert "snapshot" not in second


def test_money_is_in_the_snapshots_own_currency_else_the_packages(
    buyer: Buyer, buy: MediaBuy
) -> None:
    delivered(buy, spend=Decimal(10))
    same = package_of(buyer, buy)
    delivered(buy, spend=Decimal(9), currency="EUR")
    other = package_of(buyer, buy)

    assert "currency" not in same["snapshot"]
    assert same["currency"] == "USD"
    assert other["snapshot"]["currency"] == "EUR"
    # What was spent in another currency is not held against the budget.
    assert "pacing_index" not in other["snapshot"]


@pytest.mark.parametrize(
    ("spend", "expected"), [(Decimal(125), 0.5), (Decimal(250), 1), (Decimal(375), 1.5)]
)
def test_pacing_index_is_one_on_track(
    buyer: Buyer, buy: MediaBuy, spend: Decimal, expected: float
) -> None:
    # A quarter of the flight is over.
    delivered(buy, spend=spend)

    assert package_of(buyer, buy)["snapshot"]["pacing_index"] == pytest.approx(expected, abs=0.001)


def test_delivery_status_delivering(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, impressions=1)

    assert status_of(buyer, buy) == "delivering"


def test_delivery_status_not_delivering(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, impressions=0)

    assert status_of(buyer, buy) == "not_delivering"


def test_delivery_status_goal_met(buyer: Buyer, buy: MediaBuy) -> None:
    set_package(buy, impressions=5000)
    delivered(buy, impressions=5000)

    assert status_of(buyer, buy) == "goal_met"


def test_delivery_status_budget_exhausted(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, spend=Decimal(1000))

    assert status_of(buyer, buy) == "budget_exhausted"


def test_delivery_status_flight_ended(buyer: Buyer, buy: MediaBuy) -> None:
    set_package(buy, end_time=timezone.now() - MINUTE)
    delivered(buy)

    assert status_of(buyer, buy) == "flight_ended"


def test_delivery_status_completed(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy)
    changed(buy, lambda row: media_buy_complete(buy=row, now=timezone.now()))

    assert status_of(buyer, buy) == "completed"


@pytest.mark.parametrize("started", [timedelta(seconds=5), timedelta(seconds=55)])
def test_a_new_package_without_impressions_is_no_problem_yet(
    buyer: Buyer, settings: Settings, started: timedelta
) -> None:
    fresh = running_buy(buyer, started=started)
    settings.ADSERVER = "simulated"
    delivered(fresh, impressions=0)

    assert status_of(buyer, fresh) is None


def test_not_delivering_counts_from_the_activation_and_not_from_the_planned_start(
    buyer: Buyer, buy: MediaBuy
) -> None:
    # given a buy that was resumed half a minute ago, and was to start six hours ago
    def pause_and_resume(row: MediaBuy) -> None:
        row.pause()
        row.resume()
        row.revision += 2
        row.save()
        row.events.create(
            action="resumed", from_status="paused", to_status="active", revision=row.revision,
            actor="agent", at=timezone.now() - MINUTE / 2,
        )  # fmt: skip

    changed(buy, pause_and_resume)

    delivered(buy, impressions=0)

    assert status_of(buyer, buy) is None


def test_not_delivering_is_only_said_inside_the_flight(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, impressions=0)
    set_package(buy, start_time=timezone.now() + HOUR)

    before = package_of(buyer, buy)

    assert "delivery_status" not in before["snapshot"]
    assert at(before["start_time"]) > timezone.now()


def test_what_is_paused_is_not_called_undelivered(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, impressions=0)
    set_package(buy, is_paused=True)

    package = package_of(buyer, buy)

    assert package["paused"] is True
    assert "delivery_status" not in package["snapshot"]


@pytest.mark.parametrize(
    ("ad_server", "seconds"), [("simulated", 60), ("batch", 14_400), ("google_ad_manager", 900)]
)
def test_staleness_is_the_ad_servers_own(
    buyer: Buyer, buy: MediaBuy, settings: Settings, ad_server: str, seconds: int
) -> None:
    settings.ADSERVER = ad_server
    delivered(buy)

    assert package_of(buyer, buy)["snapshot"]["staleness_seconds"] == seconds


def test_staleness_is_never_less_than_the_age_of_the_data(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, age=timedelta(seconds=150))

    staleness = package_of(buyer, buy)["snapshot"]["staleness_seconds"]

    assert 150 <= staleness <= 155


def test_batch_reporting_shows_the_last_cached_numbers(
    buyer: Buyer, buy: MediaBuy, settings: Settings
) -> None:
    settings.ADSERVER = "batch"
    delivered(buy, age=5 * HOUR, impressions=4321)

    snapshot = package_of(buyer, buy)["snapshot"]

    assert snapshot["impressions"] == 4321
    assert 18_000 <= snapshot["staleness_seconds"] <= 18_005


def test_snapshot_unsupported_on_an_ad_server_without_figures(
    buyer: Buyer, buy: MediaBuy, settings: Settings
) -> None:
    delivered(buy)
    settings.ADSERVER = "inline"

    package = package_of(buyer, buy)

    assert package["snapshot_unavailable_reason"] == "SNAPSHOT_UNSUPPORTED"
    assert "snapshot" not in package


def test_snapshot_unsupported_in_the_sandbox_whatever_the_ad_server(
    sandbox_buyer: Buyer, settings: Settings
) -> None:
    sandboxed = running_buy(sandbox_buyer)
    settings.ADSERVER = "simulated"
    delivered(sandboxed)

    package = package_of(sandbox_buyer, sandboxed)

    assert package["snapshot_unavailable_reason"] == "SNAPSHOT_UNSUPPORTED"


@pytest.mark.parametrize("age", [None, 5 * MINUTE], ids=["nothing imported", "a broken import"])
def test_snapshot_temporarily_unavailable(
    buyer: Buyer, buy: MediaBuy, age: timedelta | None
) -> None:
    if age is not None:
        delivered(buy, age=age)

    package = package_of(buyer, buy)

    assert package["snapshot_unavailable_reason"] == "SNAPSHOT_TEMPORARILY_UNAVAILABLE"
    assert "snapshot" not in package


def test_snapshot_permission_denied(buyer: Buyer, stranger: Buyer, buy: MediaBuy) -> None:
    # given a second agent on the account that may not see delivery
    delivered(buy, impressions=777_777)
    AccountAccess.objects.create(
        account=buy.account, principal=stranger.principal, may_see_delivery=False
    )

    denied, allowed = package_of(stranger, buy), package_of(buyer, buy)

    assert denied["snapshot_unavailable_reason"] == "SNAPSHOT_PERMISSION_DENIED"
    assert "snapshot" not in denied
    assert "777777" not in str(denied)
    assert allowed["snapshot"]["impressions"] == 777_777


def test_a_canceled_buy_keeps_its_last_figures(buyer: Buyer, buy: MediaBuy) -> None:
    delivered(buy, impressions=900)
    canceled(buy, by=CanceledBy.SELLER, reason="The site closes.")

    snapshot = package_of(buyer, buy)["snapshot"]

    assert snapshot["impressions"] == 900
    assert "delivery_status" not in snapshot


def test_snapshots_are_totals_since_the_packages_start(buyer: Buyer, buy: MediaBuy) -> None:
    # A later import replaces the totals; the buyer never adds up periods.
    delivered(buy, impressions=1000, age=MINUTE)
    first = package_of(buyer, buy)["snapshot"]["impressions"]
    delivered(buy, impressions=1500)
    second = package_of(buyer, buy)["snapshot"]["impressions"]

    assert (first, second) == (1000, 1500)


@pytest.mark.parametrize("number", [1, 3])
def test_snapshots_cost_one_query_whatever_the_page(
    buyer: Buyer, settings: Settings, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(number):
        delivered(running_buy(buyer, key=f"key-00000000000000{index:02d}"), impressions=0)
    settings.ADSERVER = "simulated"
    shown(buyer)

    # token, buys, accounts, packages, products, formats, assignments; snapshots
    with django_assert_num_queries(7):
        found = shown(buyer)
    with django_assert_num_queries(8):
        found = shown(buyer, include_snapshot=True)

    assert len(found["media_buys"]) == number
    assert all(buy["packages"][0]["snapshot"] for buy in found["media_buys"])


def test_flights_are_in_the_answer_beside_the_figures(buyer: Buyer, buy: MediaBuy) -> None:
    start = timezone.now() - 2 * HOUR
    set_package(buy, start_time=start, end_time=start + 4 * HOUR)
    delivered(buy, spend=Decimal(500))

    package = package_of(buyer, buy)

    assert package["start_time"] == in_wire(start).replace("Z", "+00:00")
    assert package["snapshot"]["pacing_index"] == pytest.approx(1, abs=0.001)
