"""What is free of what a line wants, read in one statement whatever there is to read."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mediabuys.demand import Demand
from mediabuys.models import Booking, MediaBuy, Package, Product
from mediabuys.selectors.availability import Availability, availability_of
from tests.people import Buyer
from tests.trade.inventory import tell_inventory, wanting, whole_days
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
FIRST = date(2031, 3, 10)


@pytest.fixture
def homepage(catalog: dict[str, Product], settings: Any) -> Product:
    """A product of an ad server that tells its inventory, and has not yet."""
    settings.ADSERVER = "simulated"
    return catalog["homepage"]


def asked(product: Product, wanted: int | None = 1000, **changes: Any) -> Demand:
    """Return the demand of a guaranteed line from 10 to 20 March."""
    start = datetime(2031, 3, 10, tzinfo=UTC)
    flight = {"starts": start, "ends": start + timedelta(days=10)}
    return Demand(
        product_pk=product.pk, impressions=wanted, is_guaranteed=True, **{**flight, **changes}
    )


def one(demand: Demand, **changes: Any) -> Availability:
    [found] = availability_of([demand], **{"now": NOW, **changes})
    return found


def test_what_is_free_is_the_sum_of_the_days(homepage: Product) -> None:
    told_at = timezone.now()
    tell_inventory(homepage, 1000, first=FIRST, days=10, reserved=400, as_of=told_at)
    tell_inventory(homepage, 9999, first=FIRST + timedelta(days=10), days=5)
    tell_inventory(homepage, 9999, first=FIRST - timedelta(days=5), days=5)

    found = one(asked(homepage, 6000))

    assert (found.capacity, found.low, found.high) == (10_000, 9000, 11_000)
    assert (found.reserved, found.free, found.available) == (4000, 6000, 6000)
    assert (found.as_of, found.is_complete) == (told_at, True)
    assert (found.fits, found.short_by, found.blocks) == (True, 0, False)


def test_one_impression_more_does_not_fit(homepage: Product) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=10, reserved=400)

    found = one(asked(homepage, 6001))

    assert (found.fits, found.short_by, found.blocks) == (False, 1, True)


def test_a_day_counts_for_the_part_that_is_in_the_flight(homepage: Product) -> None:
    tell_inventory(homepage, 2400, first=FIRST, days=10)
    noon = datetime(2031, 3, 10, 12, tzinfo=UTC)

    found = one(asked(homepage, starts=noon, ends=noon + timedelta(hours=36, seconds=-90)))

    assert found.capacity == 1200 + 2398  # 90 seconds are 2.5 impressions
    assert found.is_complete


def test_what_is_over_of_a_flight_is_not_free(homepage: Product) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=10)

    found = one(asked(homepage), now=datetime(2031, 3, 18, tzinfo=UTC))

    assert found.capacity == 2000


def test_an_oversold_day_does_not_take_from_another(homepage: Product) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=9)
    tell_inventory(homepage, 1000, first=FIRST + timedelta(days=9), days=1, reserved=5000)

    found = one(asked(homepage))

    assert (found.reserved, found.free) == (5000, 9000)


def test_nothing_told_is_unknown_and_blocks_nothing(homepage: Product) -> None:
    found = one(asked(homepage))

    assert (found.is_known, found.fits, found.short_by, found.blocks) == (False, None, 0, False)


def test_days_that_are_missing_are_unknown_unless_the_others_do(homepage: Product) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=9)

    assert one(asked(homepage, 9000)).fits is True
    assert one(asked(homepage, 9001)).fits is None
    assert one(asked(homepage, None)).fits is None


def test_an_ad_server_without_inventory_is_not_asked_about(
    homepage: Product, settings: Any
) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=10)
    settings.ADSERVER = "inline"

    with CaptureQueriesContext(connection) as captured:
        found = availability_of([asked(homepage)], now=NOW)

    assert (found, len(captured)) == ((), 0)


@pytest.mark.parametrize(
    ("countries", "capacity"),
    [((), 10_000), (("US",), 6000), (("US", "CA"), 9000), (("FR",), 0)],
)
def test_only_the_countries_asked_for_count(
    homepage: Product, countries: tuple[str, ...], capacity: int
) -> None:
    for country, daily in {"US": 600, "CA": 300, "GB": 100}.items():
        tell_inventory(homepage, daily, first=FIRST, days=10, country=country)

    assert one(asked(homepage, countries=countries)).capacity == capacity


@pytest.mark.parametrize(
    ("countries", "free"),
    [((), 9000), (("US",), 5000), (("US", "CA"), 8000), (("US", "CA", "GB"), 8500)],
)
def test_what_is_told_everywhere_at_once_and_by_country_counts_once(
    homepage: Product, countries: tuple[str, ...], free: int
) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=10, reserved=100)
    for country, daily, reserved in (("US", 600, 100), ("CA", 300, 0), ("GB", 50, 0)):
        tell_inventory(homepage, daily, first=FIRST, days=10, country=country, reserved=reserved)

    found = one(asked(homepage, countries=countries))

    assert (found.free, found.is_complete) == (free, True)


def test_inventory_that_is_not_split_serves_any_country(homepage: Product) -> None:
    tell_inventory(homepage, 1000, first=FIRST, days=10)

    assert one(asked(homepage, countries=("FR",))).capacity == 10_000


def test_a_waiting_order_holds_what_of_it_is_in_the_flight(
    homepage_inventory: Product, buyer: Buyer
) -> None:
    waiting_task(buyer, packages=[wanting(100_000)], **whole_days(days=10))

    [half] = availability_of([days_from_today(homepage_inventory, 8, 10)], now=timezone.now())
    [beside] = availability_of([days_from_today(homepage_inventory, 13, 10)], now=timezone.now())

    assert (half.held, half.free, half.available) == (50_000, 1_000_000, 950_000)
    assert (beside.held, beside.available) == (0, 1_000_000)


def test_an_order_that_wants_more_than_there_is_holds_nothing(
    homepage_inventory: Product, buyer: Buyer
) -> None:
    flight = days_from_today(homepage_inventory, 3, 10)
    all_of_it, now = [wanting(1_000_000)], timezone.now()
    waiting_task(buyer, packages=all_of_it, **whole_days(days=10))
    before = one(flight, now=now).held
    more = {"idempotency_key": "key-0000000000000002", "packages": [wanting(44_000_000)]}
    waiting_task(buyer, **more, **whole_days(days=10))

    found = one(flight, now=now)

    assert (before, found.held) == (1_000_000, 1_000_000)
    assert (found.free, found.available) == (1_000_000, 0)


def days_from_today(product: Product, first: int, days: int, wanted: int = 1000) -> Demand:
    flight = whole_days(first, days)
    return asked(
        product,
        wanted,
        starts=datetime.fromisoformat(flight["start_time"]),
        ends=datetime.fromisoformat(flight["end_time"]),
    )


@pytest.mark.parametrize("is_whole_told", [False, True])
def test_a_hold_is_spread_over_countries_as_the_inventory_is(
    catalog: dict[str, Product], buyer: Buyer, settings: Any, is_whole_told: bool
) -> None:
    settings.ADSERVER = "simulated"
    if is_whole_told:
        tell_inventory(catalog["homepage"], 100_000)
    for country, daily in {"US": 60_000, "CA": 20_000, "GB": 20_000}.items():
        tell_inventory(catalog["homepage"], daily, country=country)
    overlay = {"targeting_overlay": {"geo_countries": ["US", "CA"]}}
    waiting_task(buyer, packages=[wanting(100_000, **overlay)], **whole_days())
    flight = days_from_today(catalog["homepage"], 3, 10)

    held = [
        one(Demand(**{**vars(flight), "countries": countries}), now=timezone.now()).held
        for countries in ((), ("US",), ("CA", "GB"), ("GB",))
    ]

    assert held == [100_000, 75_000, 25_000, 0]


def test_what_was_approved_counts_until_the_figures_have_it(
    homepage_inventory: Product, buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer, packages=[wanting(100_000)], **whole_days())
    approve(task, approver)
    flight, now = days_from_today(homepage_inventory, 3, 10), timezone.now()

    unsettled = one(flight, now=now)
    Booking.objects.update(settled_at=now)
    after = one(flight, now=now)
    homepage_inventory.inventory.update(as_of=now)
    in_the_figures = one(flight, now=now)

    assert [found.sold for found in (unsettled, after, in_the_figures)] == [100_000, 100_000, 0]
    assert [found.held for found in (unsettled, after)] == [0, 0]
    assert unsettled.free == 900_000


def test_a_hold_that_ran_out_counts_nothing(homepage_inventory: Product, buyer: Buyer) -> None:
    waiting_task(buyer, packages=[wanting(100_000)], **whole_days())
    ends = Package.objects.get().held_until
    assert ends is not None
    flight = days_from_today(homepage_inventory, 3, 10)

    assert one(flight, now=ends - timedelta(microseconds=1)).held == 100_000
    assert one(flight, now=ends).held == 0


def test_lines_of_one_order_compete_and_the_order_itself_does_not(
    homepage_inventory: Product, buyer: Buyer
) -> None:
    waiting_task(buyer, packages=[wanting(100_000)] * 2, **whole_days())
    buy = MediaBuy.objects.get()
    line = days_from_today(homepage_inventory, 3, 10, wanted=600_000)
    later = days_from_today(homepage_inventory, 8, 10, wanted=100_000)

    first, second = availability_of([line, later], now=timezone.now(), other_than=buy)

    assert (first.own, first.held, first.free) == (50_000, 0, 950_000)
    assert (second.own, second.held, second.free) == (300_000, 0, 700_000)


@pytest.mark.parametrize(("lines", "orders"), [(1, 0), (1, 3), (20, 3)])
def test_it_is_one_statement_whatever_there_is(
    homepage_inventory: Product, buyer: Buyer, lines: int, orders: int
) -> None:
    for number in range(orders):
        waiting_task(buyer, key=f"key-{number:016d}", packages=[wanting(1000)] * 3, **whole_days())

    with CaptureQueriesContext(connection) as captured:
        found = availability_of(
            [days_from_today(homepage_inventory, 3, 10)] * lines, now=timezone.now(), locked=True
        )

    assert (len(captured), len(found)) == (1, lines)
    assert {availability.held for availability in found} == {3000 * orders}
