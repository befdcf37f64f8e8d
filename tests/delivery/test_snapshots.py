"""What a page of buys shows of the import: zeros, age, and what a broken import withholds."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.adservers.port import AdServerUnavailable
from mediabuys.models import AdServerFeed, Event, MediaBuy, Package
from mediabuys.selectors.snapshots import snapshots_of
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.events import event_record
from mediabuys.snapshots import DeliveryStatus, Snapshot, Unavailable
from tests.bench.statements import statements
from tests.delivery.scripted import NOW, ScriptedAdServer, told
from tests.documents.scenes import only, running_buy
from tests.people import Buyer, order_params
from tests.trade.orders import place

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def shown(buy: MediaBuy, *, now: datetime = NOW) -> Snapshot | Unavailable:
    """Return what the buy's agent sees of its one package."""
    (found,) = snapshots_of([buy], principal=buy.principal, now=now).values()
    return found


def imported(ad_server: ScriptedAdServer, *, at: datetime) -> None:
    ad_server.as_of = ad_server.clock = at
    delivery_import(now=at)


def test_figures_are_as_old_as_the_import_and_not_as_their_last_change(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package))
    imported(ad_server, at=NOW)
    imported(ad_server, at=NOW + 10 * MINUTE)

    found = shown(buy, now=NOW + 12 * MINUTE)

    assert isinstance(found, Snapshot)
    assert round((found.figures.as_of - NOW).total_seconds()) == 600
    assert found.staleness_seconds == 120
    assert found.delivery_status == DeliveryStatus.DELIVERING
    assert (found.figures.impressions, found.figures.spend) == (1000, Decimal(10))


def test_a_package_that_nothing_was_told_of_has_delivered_nothing(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, at=timezone.now())

    [entry] = only(buyer, buy, include_snapshot=True)["packages"]

    snapshot = entry["snapshot"]
    assert (snapshot["impressions"], snapshot["spend"], snapshot["clicks"]) == (0, 0, 0)
    assert (snapshot["pacing_index"], snapshot["delivery_status"]) == (0, "not_delivering")
    assert snapshot["staleness_seconds"] == 60


@pytest.mark.parametrize(
    ("after", "status"),
    [(0 * SECOND, None), (58 * SECOND, None), (60 * SECOND, DeliveryStatus.NOT_DELIVERING)],
)
def test_not_delivering_needs_a_full_cycle_of_the_import_since_it_could_deliver(
    buy: MediaBuy,
    ad_server: ScriptedAdServer,
    after: timedelta,
    status: DeliveryStatus | None,
) -> None:
    event_record(
        buy=buy, action=Event.Action.RESUMED, from_status="paused", actor="agent:pinnacle", now=NOW
    )
    imported(ad_server, at=NOW + after)

    # However late it is read: what counts is what was imported.
    found = shown(buy, now=NOW + after + 3 * MINUTE)

    assert isinstance(found, Snapshot)
    assert found.delivery_status == status


def test_before_the_first_import_nothing_is_known(
    buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    assert shown(buy) == Unavailable.TEMPORARILY_UNAVAILABLE
    ad_server.failure = AdServerUnavailable("It is down.")
    delivery_import(now=NOW)

    assert AdServerFeed.objects.get().as_of is None
    assert shown(buy) == Unavailable.TEMPORARILY_UNAVAILABLE


def test_half_of_the_first_import_is_not_shown_as_the_whole(
    buy: MediaBuy,
    package: Package,
    ad_server: ScriptedAdServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mediabuys.services.delivery_import.PAGES", 1)
    ad_server.tell(told(package))
    ad_server.tell(told(package, country="GB"))

    delivery_import(now=NOW)
    assert shown(buy) == Unavailable.TEMPORARILY_UNAVAILABLE
    delivery_import(now=NOW)

    found = shown(buy)
    assert isinstance(found, Snapshot)
    assert found.figures.impressions == 2000


def test_an_order_that_is_not_booked_has_no_figures(
    buyer: Buyer, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    placed = place(buyer, order_params(buyer, "key-0000000000000002"))
    imported(ad_server, at=NOW)

    assert shown(placed.drafted.buy) == Unavailable.TEMPORARILY_UNAVAILABLE


def test_a_broken_import_withholds_the_figures_and_a_whole_one_shows_them_again(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package))
    imported(ad_server, at=NOW)
    ad_server.failure = AdServerUnavailable("It is down.")
    for minutes in range(1, 6):
        imported(ad_server, at=NOW + minutes * MINUTE)

    feed = AdServerFeed.objects.get()
    assert (feed.failure_count, feed.error_message) == (5, "It is down.")
    last = shown(buy, now=NOW + 4 * MINUTE)
    assert isinstance(last, Snapshot)
    assert last.staleness_seconds == 240
    assert shown(buy, now=NOW + 4 * MINUTE + SECOND) == Unavailable.TEMPORARILY_UNAVAILABLE
    ad_server.failure = None
    imported(ad_server, at=NOW + 6 * MINUTE)

    found = shown(buy, now=NOW + 6 * MINUTE)
    assert isinstance(found, Snapshot)
    assert (found.figures.impressions, found.staleness_seconds) == (1000, 60)
    assert AdServerFeed.objects.get().failure_count == 0


@pytest.mark.parametrize("skew", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_a_clock_that_is_wrong_is_noted_and_makes_figures_neither_older_nor_newer(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer, skew: timedelta
) -> None:
    ad_server.tell(told(package))
    ad_server.clock, ad_server.as_of = NOW + skew, NOW + skew - 5 * SECOND

    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert round(feed.clock_skew_seconds or 0) == skew.total_seconds()
    assert feed.as_of is not None
    assert round((NOW - feed.as_of).total_seconds()) == 5
    assert isinstance(shown(buy), Snapshot)


def test_figures_are_never_of_the_future(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package))
    ad_server.as_of = NOW + timedelta(days=1)

    delivery_import(now=NOW)

    found = shown(buy, now=NOW + 2 * MINUTE)
    assert isinstance(found, Snapshot)
    assert found.staleness_seconds in (119, 120)


def test_snapshots_cost_one_query_for_any_page(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer, settings: Any
) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 100}
    buys = [
        running_buy(buyer, key=f"key-{number:016}", packages=[line] * 3) for number in range(2, 12)
    ]
    ad_server.tell(told(package))
    imported(ad_server, at=NOW)
    loaded = list(
        MediaBuy.objects.filter(pk__in=[one.pk for one in [buy, *buys]])
        .select_related("account")
        .prefetch_related("packages")
    )
    found: dict[int, Snapshot | Unavailable] = {}

    def read() -> None:
        found.update(snapshots_of(loaded, principal=buyer.principal, now=NOW))

    assert len(statements(read)) == 1
    shown_impressions = [
        one.figures.impressions for one in found.values() if isinstance(one, Snapshot)
    ]
    assert sorted(shown_impressions) == [0] * 30 + [1000]
