"""Reading what the ad server can deliver, from its real simulator and from one that lies."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mediabuys.adservers.port import AdServerUnavailable, ProductDay
from mediabuys.demand import demands_of
from mediabuys.models import AdServerFeed, InventoryDay, Product
from mediabuys.selectors.availability import availability_of
from mediabuys.services import inventory_import as module
from mediabuys.services.inventory_import import HORIZON_DAYS, inventory_import, inventory_refresh
from tests.people import Buyer, make_product
from tests.simulator import Simulator
from tests.trade.inventory import tell_inventory, wanting, whole_days
from tests.trade.orders import approve, book_order, waiting_task

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date()


def feed() -> AdServerFeed:
    return AdServerFeed.objects.get(name=AdServerFeed.Name.INVENTORY)


def test_every_product_on_sale_is_read_half_a_year_ahead(
    catalog: dict[str, Product], simulator: Simulator
) -> None:
    simulator.stock("homepage", 1000, countries={"US": 0.75})
    simulator.contend("homepage", 200, first=TODAY, last=TODAY)
    retired = make_product("retired")
    Product.objects.filter(pk=retired.pk).update(is_live=False)
    now = timezone.now()

    told = inventory_import(now=now)

    days = InventoryDay.objects.filter(product=catalog["homepage"])
    assert told == InventoryDay.objects.count()
    assert days.filter(country="").count() == HORIZON_DAYS
    first = days.get(day=TODAY, country="")
    assert (first.capacity, first.reserved) == (1000, 200)
    assert days.get(day=TODAY, country="US").capacity == 750
    assert max(days.values_list("day", flat=True)) == TODAY + timedelta(days=HORIZON_DAYS - 1)
    assert not retired.inventory.exists()
    assert (feed().cursor, feed().failure_count, feed().lease_token) == ("", 0, None)
    assert feed().read_at is not None


def test_it_is_read_once_in_ten_minutes_and_after_a_failure_at_once(
    catalog: dict[str, Product], simulator: Simulator
) -> None:
    now = timezone.now()
    simulator.fail("GET", "/v1/availability", "error", times=1)

    assert inventory_import(now=now) == 0
    assert (feed().failure_count, InventoryDay.objects.count()) == (1, 0)
    assert feed().error_message
    assert inventory_import(now=now) > 0
    assert (feed().failure_count, feed().error_message) == (0, "")
    assert inventory_import(now=now + timedelta(minutes=9)) == 0
    assert inventory_import(now=now + timedelta(minutes=11)) > 0


class Told:
    """An ad server that says what the test says, one answer a call."""

    name = "Told"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def availability(self, product_ids: list[str], **days: date) -> tuple[ProductDay, ...]:
        assert days.keys() == {"first", "last"}
        self.asked.append(list(product_ids))
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer)


@pytest.fixture
def says(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the ad server give these answers, one a call."""
    settings.ADSERVER = "simulated"

    def set_up(*answers: Any) -> Told:
        server = Told(*answers)
        monkeypatch.setattr(module, "publishers_ad_server", lambda *_, **__: server)
        return server

    return set_up


def day(product_id: str = "homepage", number: int = 0, **values: Any) -> ProductDay:
    numbers = {"country": "", "capacity": 100, "low": 90, "high": 110, "reserved": 10}
    return ProductDay(product_id, TODAY + timedelta(days=number), **{**numbers, **values})


LIES = {
    "another product": {"product_id": "somebody-elses"},
    "a day that was not asked for": {"number": HORIZON_DAYS},
    "a negative number": {"low": -1},
    "a negative reservation": {"reserved": -1},
    "a range that is none": {"high": 99},
    "more than there are people": {"high": 10**14},
    "no country": {"country": "USA"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_answer_with_a_lie_in_it_changes_nothing(
    catalog: dict[str, Product], says: Any, lie: dict[str, Any]
) -> None:
    tell_inventory(catalog["homepage"], 77, days=1)
    says([day(number=1), day(**lie)])

    assert inventory_import(now=timezone.now()) == 0

    assert list(InventoryDay.objects.values_list("capacity", flat=True)) == [77]
    assert feed().error_message == "What it tells of its inventory was not understood."


def test_the_same_day_twice_counts_once(catalog: dict[str, Product], says: Any) -> None:
    says([day(capacity=91), day(capacity=92)])

    inventory_import(now=timezone.now())

    assert [one.capacity for one in InventoryDay.objects.all()] == [92]


def test_what_is_told_no_more_and_what_is_over_is_forgotten(
    catalog: dict[str, Product], says: Any
) -> None:
    tell_inventory(catalog["homepage"], 77, first=TODAY - timedelta(days=1), days=4)
    tell_inventory(catalog["run-of-site"], 55, days=1)
    says([day(number=1), day("run-of-site")])

    inventory_import(now=timezone.now())

    found = InventoryDay.objects.order_by("capacity", "product_id")
    assert [(one.product.product_id, one.day, one.capacity) for one in found] == [
        ("homepage", TODAY + timedelta(days=1), 100),
        ("run-of-site", TODAY, 100),
    ]


def test_products_that_cannot_be_read_do_not_keep_others_from_it(
    catalog: dict[str, Product], says: Any
) -> None:
    more = [make_product(f"product-{number}") for number in range(7)]
    server = says(AdServerUnavailable("Not now."), [day(more[-1].product_id)])

    assert inventory_import(now=timezone.now()) == 1

    assert [len(some) for some in server.asked] == [5, 4]
    assert (feed().failure_count, feed().error_message) == (1, "Not now.")
    assert InventoryDay.objects.get().product == more[-1]


def test_products_at_the_end_that_are_never_read_do_not_keep_the_first_from_it(
    catalog: dict[str, Product], says: Any
) -> None:
    for number in range(7):
        make_product(f"product-{number}")
    now = timezone.now()
    server = says()

    for minute in range(3):
        server.answers = [[day(capacity=100 + minute)], AdServerUnavailable("Not that one.")]
        inventory_import(now=now + timedelta(minutes=minute))

    assert [len(some) for some in server.asked] == [5, 4, 5, 4, 5, 4]
    assert InventoryDay.objects.get(product=catalog["homepage"]).capacity == 102
    assert (feed().failure_count, feed().read_at) == (3, None)


def test_an_ad_server_that_is_down_is_not_asked_for_ever(
    catalog: dict[str, Product], says: Any
) -> None:
    for number in range(30):
        make_product(f"product-{number}")
    server = says(*[AdServerUnavailable("It is down.")] * 3)
    now = timezone.now()

    inventory_import(now=now)
    assert [len(some) for some in server.asked] == [5, 5, 5]
    first = feed()
    assert (first.failure_count, first.cursor) == (1, str(Product.objects.order_by("pk")[14].pk))

    # What lies behind is read next, and what failed after it: only then is all well.
    inventory_import(now=now + timedelta(minutes=1))
    assert [len(some) for some in server.asked[3:]] == [5, 5, 5, 2]
    assert (feed().cursor, feed().failing_since) == ("", first.failing_since)
    inventory_import(now=now + timedelta(minutes=2))
    assert [len(some) for some in server.asked[7:]] == [5, 5, 5, 5, 5, 5, 2]
    assert (feed().failing_since, feed().failure_count, feed().lease_token) == (None, 0, None)


def test_a_pass_goes_on_where_the_last_one_died(catalog: dict[str, Product], says: Any) -> None:
    for number in range(6):
        make_product(f"product-{number}")
    server = says([day()], KeyError("a bug"))
    with pytest.raises(KeyError):
        inventory_import(now=timezone.now())
    later = timezone.now() + timedelta(minutes=3)
    assert feed().cursor != ""

    inventory_import(now=later)

    assert [len(some) for some in server.asked] == [5, 3, 3]
    assert feed().cursor == ""


def test_two_at_once_read_once(catalog: dict[str, Product], says: Any) -> None:
    server = says([day()])
    AdServerFeed.objects.create(
        name=AdServerFeed.Name.INVENTORY, leased_until=timezone.now() + timedelta(seconds=30)
    )

    assert inventory_import(now=timezone.now()) == 0

    assert server.asked == []


def test_what_was_asked_for_later_is_not_undone(catalog: dict[str, Product], says: Any) -> None:
    ahead = timezone.now() + timedelta(seconds=5)
    tell_inventory(catalog["homepage"], 77, days=1, as_of=ahead)
    says([day()])

    inventory_import(now=timezone.now())

    assert [(one.capacity, one.as_of) for one in InventoryDay.objects.all()] == [(77, ahead)]


def test_one_orders_inventory_is_asked_for_when_it_is_old(
    catalog: dict[str, Product], buyer: Buyer, simulator: Simulator
) -> None:
    simulator.stock("homepage", 1000)
    buy = waiting_task(buyer, packages=[wanting(100)], **whole_days()).media_buy

    assert inventory_refresh(buy=buy, now=timezone.now()) == ""
    assert [one.capacity for one in InventoryDay.objects.all()] == [1000] * 11
    simulator.stock("homepage", 2000)
    inventory_refresh(buy=buy, now=timezone.now())
    assert InventoryDay.objects.filter(capacity=2000).count() == 0
    InventoryDay.objects.update(as_of=timezone.now() - timedelta(seconds=61))
    inventory_refresh(buy=buy, now=timezone.now())
    assert InventoryDay.objects.filter(capacity=2000).count() == 11


def test_what_was_approved_is_counted_once_from_the_hold_to_the_ad_servers_own_figures(
    catalog: dict[str, Product], buyer: Buyer, approver: User, simulator: Simulator
) -> None:
    simulator.stock("homepage", 100_000)
    task = waiting_task(buyer, packages=[wanting(300_000)], **whole_days())
    demands = demands_of(task.media_buy, list(task.media_buy.packages.all()))

    def counted() -> tuple[int, int, int, int]:
        [found] = availability_of(demands, now=timezone.now())
        return found.reserved, found.sold, found.held, found.available

    def asked_again() -> None:
        InventoryDay.objects.update(as_of=timezone.now() - timedelta(minutes=2))
        assert inventory_refresh(buy=task.media_buy, now=timezone.now()) == ""

    asked_again()
    waiting = counted()
    approve(task, approver)
    approved = counted()
    book_order(task)
    booked = counted()
    asked_again()
    in_the_figures = counted()

    assert waiting == (0, 0, 300_000, 700_000)
    assert approved == booked == (0, 300_000, 0, 700_000)
    assert in_the_figures == (300_000, 0, 0, 700_000)


def test_an_order_of_an_ad_server_that_hangs_is_not_waited_for(
    catalog: dict[str, Product],
    buyer: Buyer,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    tell_inventory(catalog["homepage"], 77, as_of=timezone.now() - timedelta(minutes=5))
    simulator.fail("GET", "/v1/availability", "hang", seconds=5)
    buy = waiting_task(buyer, packages=[wanting(100)], **whole_days()).media_buy

    error = inventory_refresh(buy=buy, now=timezone.now())

    assert error == "The ad server did not answer in time."
    assert set(InventoryDay.objects.values_list("capacity", flat=True)) == {77}


@pytest.mark.parametrize("products", [1, 4])
def test_writing_costs_the_same_however_much_was_told(
    catalog: dict[str, Product], says: Any, products: int
) -> None:
    ids = ["homepage", *(make_product(f"product-{n}").product_id for n in range(products - 1))]
    says([day(one, number) for one in ids for number in range(60)])

    with CaptureQueriesContext(connection) as captured:
        inventory_import(now=timezone.now())

    written = [query["sql"] for query in captured if "inventoryday" in query["sql"]]
    # what is over; what was told, what was told no more
    assert [sql.split()[0] for sql in written] == ["DELETE", "INSERT", "DELETE"]
