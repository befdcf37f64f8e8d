"""Importing delivery: every hour counts once, as it was told last, whatever is told how often."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mediabuys.adservers.port import DeliveredHour
from mediabuys.models import (
    AdServerFeed,
    DeliveryRevision,
    DeliveryRow,
    DeliverySnapshot,
    MediaBuy,
    Package,
)
from mediabuys.services import delivery_import as importing
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.flights import media_buy_complete
from tests.bench.statements import statements
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, THIS_HOUR, ScriptedAdServer, told, totals
from tests.documents.scenes import changed, running_buy
from tests.people import Buyer

pytestmark = pytest.mark.django_db


def test_hours_are_stored_under_the_buyers_own_creative_id(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(
        told(package, completed_views=4),
        told(package, country="GB", impressions=500, spend=Decimal("5.005"), clicks=0),
        told(package, creative="", hour=FIRST_HOUR + HOUR),
    )

    assert delivery_import(now=NOW) == 3

    rows = DeliveryRow.objects.order_by("hour", "country").values_list(
        "package_id", "hour", "creative_ref", "country", "impressions", "spend", "revision"
    )
    assert list(rows) == [
        (package.pk, FIRST_HOUR, "banner", "GB", 500, Decimal("5.0050"), 1),
        (package.pk, FIRST_HOUR, "banner", "US", 1000, Decimal("10.0000"), 1),
        (package.pk, FIRST_HOUR + HOUR, "", "US", 1000, Decimal("10.0000"), 1),
    ]
    assert totals(package) == (2500, 20, 4, Decimal("25.0050"))
    assert DeliverySnapshot.objects.get().currency == "USD"


def test_the_feed_moves_on_with_what_was_written(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.as_of = NOW - HOUR
    ad_server.tell(told(package))
    ad_server.tell(told(package, hour=FIRST_HOUR + HOUR))

    delivery_import(now=NOW)
    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert ad_server.asked == ["", "1", "2"]
    assert (feed.cursor, feed.lease_token, feed.failure_count) == ("2", None, 0)
    assert abs((feed.as_of or NOW) - (NOW - HOUR)).total_seconds() < 1
    assert totals(package) == (2000, 20, 0, Decimal(20))


def test_a_page_that_is_told_twice_counts_once(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    page = [told(package), told(package, country="GB")]
    ad_server.tell(*page)
    ad_server.tell(*page, *page)

    delivery_import(now=NOW)
    AdServerFeed.objects.update(cursor="")
    delivery_import(now=NOW)

    assert totals(package) == (2000, 20, 0, Decimal(20))
    assert DeliveryRow.objects.count() == 2
    assert not DeliveryRevision.objects.exists()


@pytest.mark.parametrize("impressions", [1500, 400])
def test_a_later_version_takes_the_place_of_an_hour_that_was_over_and_keeps_it(
    package: Package, ad_server: ScriptedAdServer, impressions: int
) -> None:
    ad_server.tell(told(package), told(package, country="GB"))
    delivery_import(now=NOW)
    ad_server.tell(told(package, version=7, impressions=impressions, clicks=2, spend=Decimal(4)))

    delivery_import(now=NOW)

    row = DeliveryRow.objects.get(country="US")
    assert (row.impressions, row.version, row.revision) == (impressions, 7, 2)
    assert totals(package) == (1000 + impressions, 12, 0, Decimal(14))
    kept = DeliveryRevision.objects.get()
    assert (kept.package, kept.hour, kept.creative_ref, kept.country) == (
        package, FIRST_HOUR, "banner", "US",
    )  # fmt: skip
    assert (kept.revision, kept.version, kept.impressions, kept.spend) == (1, 1, 1000, Decimal(10))


def test_each_restatement_of_an_hour_is_kept_within_a_page_too(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    for page in ([1, 2, 4, 3], [4, 5]):
        ad_server.tell(*(told(package, version=version, clicks=version) for version in page))

    delivery_import(now=NOW)

    kept = DeliveryRevision.objects.order_by("revision").values_list("revision", "clicks")
    assert list(kept) == [(1, 1), (2, 2), (3, 4)]
    row = DeliveryRow.objects.get()
    assert (row.clicks, row.revision) == (5, 4)
    assert totals(package) == (1000, 5, 0, Decimal(10))


@pytest.mark.parametrize("version", [3, 2, 0])
def test_a_version_that_is_not_later_changes_nothing(
    package: Package, ad_server: ScriptedAdServer, version: int
) -> None:
    ad_server.tell(told(package, version=3))
    delivery_import(now=NOW)
    ad_server.tell(told(package, version=version, impressions=9, spend=Decimal(900)))

    delivery_import(now=NOW)

    assert DeliveryRow.objects.get().version == 3
    assert totals(package) == (1000, 10, 0, Decimal(10))
    assert not DeliveryRevision.objects.exists()


def test_an_hour_that_still_runs_grows_and_is_no_restatement(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    for version in (1, 2, 3):
        ad_server.tell(told(package, hour=THIS_HOUR, version=version, impressions=100 * version))
        delivery_import(now=NOW)

    assert DeliveryRow.objects.get().revision == 1
    assert totals(package) == (300, 10, 0, Decimal(10))
    assert not DeliveryRevision.objects.exists()


def test_what_is_told_after_an_hour_ended_is_a_restatement_only_once_all_of_it_was_told(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package, hour=THIS_HOUR, impressions=100))
    delivery_import(now=NOW)
    for version, after in ((2, HOUR), (3, HOUR + HOUR)):
        ad_server.as_of = ad_server.clock = NOW + after
        ad_server.tell(told(package, hour=THIS_HOUR, impressions=50, version=version))
        delivery_import(now=NOW + after)

    kept = DeliveryRevision.objects.get()
    assert (kept.version, kept.impressions, kept.revision) == (2, 50, 1)


def test_an_import_that_dies_between_two_pages_goes_on_where_it_was(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad_server.tell(told(package))
    ad_server.tell(told(package, country="GB"))

    def die(cursor: str) -> None:
        if cursor == "1":
            raise SystemExit

    ad_server.before_page = die
    with pytest.raises(SystemExit):
        delivery_import(now=NOW)
    ad_server.before_page = None
    assert totals(package) == (1000, 10, 0, Decimal(10))
    assert delivery_import(now=NOW) == 0
    assert delivery_import(now=NOW + HOUR) == 1

    assert ad_server.asked == ["", "1", "1"]
    assert totals(package) == (2000, 20, 0, Decimal(20))


def test_a_page_is_written_whole_or_not_at_all(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad_server.tell(told(package), told(package, package_id="unknown"))

    def fail(**page: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(importing, "strays_keep", fail)
    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count, feed.as_of) == ("", 1, None)
    assert feed.error_message == importing.NOT_STORED
    assert not DeliveryRow.objects.exists()
    assert totals(package) is None


def test_one_import_reads_so_many_pages_and_the_next_goes_on(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PAGES", 2)
    for hours in range(5):
        ad_server.tell(told(package, hour=FIRST_HOUR + hours * HOUR))

    assert [delivery_import(now=NOW) for _ in range(3)] == [2, 2, 1]

    assert totals(package) == (5000, 50, 0, Decimal(50))


def test_what_is_told_late_of_a_completed_buy_still_counts(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    changed(buy, lambda row: media_buy_complete(buy=row, now=NOW))
    ad_server.tell(told(package))

    delivery_import(now=NOW)

    assert totals(package) == (1000, 10, 0, Decimal(10))


def test_two_buys_that_name_the_same_creative_are_counted_apart(
    buyer: Buyer, package: Package, ad_server: ScriptedAdServer
) -> None:
    other = running_buy(buyer, key="key-0000000000000002").packages.get()
    ad_server.tell(told(package), replace(told(other), impressions=7))

    delivery_import(now=NOW)

    assert (totals(package), totals(other)) == (
        (1000, 10, 0, Decimal(10)),
        (7, 10, 0, Decimal(10)),
    )


def test_an_ad_server_without_delivery_is_not_asked(
    package: Package, ad_server: ScriptedAdServer, settings: Any
) -> None:
    settings.ADSERVER = "inline"

    assert delivery_import(now=NOW) == 0

    assert ad_server.asked == []
    assert not AdServerFeed.objects.exists()


def page_of(package: Package, number: int, *, version: int) -> list[DeliveredHour]:
    """Return so many hours of the past in two countries, and half as many strays."""
    hours = [FIRST_HOUR - ago * HOUR for ago in range(number)]
    good = [
        told(package, hour=hour, country=country, version=version, impressions=version)
        for hour in hours
        for country in ("US", "GB")
    ]
    return [*good, *(told(package, hour=hour, currency="EUR", version=version) for hour in hours)]


def test_a_page_costs_the_same_whatever_its_size(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    costs = []
    for number in (2, 60):
        ad_server.tell(*page_of(package, number, version=number))
        delivery_import(now=NOW)
        ad_server.tell(*page_of(package, number + 1, version=number + 1))
        costs.append(statements(lambda: delivery_import(now=NOW)))

    # To claim the feed (its row is there), what is to be tried again, what is done; and of the
    # page: the feed, the packages, stored hours, new, rewritten and replaced ones, totals, strays.
    assert [len(cost) for cost in costs] == [16, 16]
    assert totals(package) == (61 * 122, 1220, 0, Decimal(1220))


def test_a_reader_that_was_taken_for_dead_writes_nothing_more(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    for hours in range(4):
        ad_server.tell(told(package, hour=FIRST_HOUR + hours * HOUR))

    def be_overtaken(cursor: str) -> None:
        if cursor == "1":
            ad_server.before_page = None
            AdServerFeed.objects.update(leased_until=NOW - HOUR)
            assert delivery_import(now=NOW) == 3

    ad_server.before_page = be_overtaken

    assert delivery_import(now=NOW) == 1

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count) == ("4", 0)
    assert totals(package) == (4000, 40, 0, Decimal(40))
