"""Completion before the end of the flight: by goals and budgets, of all live packages, once."""

from decimal import Decimal
from typing import Any

import pytest

from mediabuys.models import DeliverySnapshot, Event, MediaBuy, Package, Trafficking
from mediabuys.services import completion
from mediabuys.services.claims import POISON_DELAY
from mediabuys.services.completion import buys_complete
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.notices import buy_notice_enqueue
from mediabuys.services.trafficking import trafficking_begin
from mediabuys.states import BuyStatus
from tests.bench.statements import statements
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import changed, running_buy
from tests.people import Buyer
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

# At $10 for a thousand, $1,000 buy a hundred thousand impressions.
LINE: dict[str, Any] = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}
GOAL = {"impressions": 50_000}
HOOK = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}


def running(buyer: Buyer, *lines: dict[str, Any], **changes: Any) -> tuple[MediaBuy, list[Package]]:
    packages = [{**LINE, **line} for line in lines]
    buy = running_buy(buyer, packages=packages, **changes)
    return buy, list(buy.packages.order_by("position"))


def deliver(package: Package, *, impressions: int = 0, spend: Any = 0) -> None:
    figures = {"impressions": impressions, "spend": Decimal(spend), "as_of": NOW, "currency": "USD"}
    DeliverySnapshot.objects.update_or_create(package=package, defaults=figures)


def ended(buy: MediaBuy) -> str | None:
    """Let completion look, and return what the buy's history says of it."""
    buys_complete(now=NOW)
    buy.refresh_from_db()
    entry = Event.objects.filter(media_buy=buy, action="completed").first()
    assert (entry is not None) == (buy.status == BuyStatus.COMPLETED)
    return entry.summary if entry else None


def test_a_buy_whose_goal_is_reached_is_completed_by_the_import_that_tells_it(
    buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    buy, [package] = running(buyer, GOAL, **HOOK)
    trafficking_begin(buy=buy, now=NOW)
    wanted = Trafficking.objects.get(media_buy=buy).wanted
    ad_server.tell(told(package, impressions=49_999))
    ad_server.tell(told(package, impressions=2, hour=FIRST_HOUR + HOUR))

    delivery_import(now=NOW)
    delivery_import(now=NOW)

    buy.refresh_from_db()
    assert (buy.status, buy.revision) == (BuyStatus.COMPLETED, 4)
    [entry] = Event.objects.filter(media_buy=buy, action="completed")
    assert (entry.from_status, entry.summary) == ("active", "The package has reached its goal")
    [notice] = Delivery.objects.filter(kind="media_buy_status", sequence=buy.revision)
    assert b'"media_buy_status":"completed"' in bytes(notice.body)
    assert Trafficking.objects.get(media_buy=buy).wanted == wanted + 1


@pytest.mark.parametrize(
    ("line", "impressions", "spend", "summary"),
    [
        (GOAL, 50_000, 500, "The package has reached its goal"),
        (GOAL, 49_999, "999.99", None),
        (GOAL, 0, 1000, "The package has spent its budget"),
        ({}, 100_000, "999.99", "The package has spent its budget"),
        ({}, 99_998, "999.98", None),
        ({}, 99_999, "999.995", "The package has spent its budget"),
        ({}, 0, "1000.01", "The package has spent its budget"),
        ({}, 0, 0, None),
    ],
)
def test_a_package_is_done_at_its_goal_or_its_budget(
    buyer: Buyer, line: dict[str, Any], impressions: int, spend: Any, summary: str | None
) -> None:
    buy, [package] = running(buyer, line)
    deliver(package, impressions=impressions, spend=spend)

    assert ended(buy) == summary


def test_a_budget_that_buys_no_more_clicks_is_spent(buyer: Buyer) -> None:
    buy, [package] = running(buyer, {})
    package.pricing_option.pricing_model = "cpc"
    package.pricing_option.save()
    Package.objects.update(unit_price=Decimal("0.30"))
    deliver(package, impressions=9, spend="999.60")
    assert ended(buy) is None

    deliver(package, impressions=9, spend="999.90")

    assert ended(buy) == "The package has spent its budget"


@pytest.mark.parametrize(("model", "price", "spend"), [("flat_rate", 1000, 1), ("cpm", 10, 995)])
def test_what_is_nearly_done_keeps_no_other_from_its_end(
    buyer: Buyer, model: str, price: int, spend: int
) -> None:
    nearly, [first] = running(buyer, {})
    first.pricing_option.pricing_model = model
    first.pricing_option.save()
    Package.objects.update(unit_price=price)
    deliver(first, impressions=9, spend=spend)
    done, [second] = running(buyer, GOAL, key="key-0000000000000002")
    deliver(second, impressions=50_000)

    assert buys_complete(now=NOW, limit=1) == 1

    assert ended(done) == "The package has reached its goal"
    nearly.refresh_from_db()
    assert nearly.status == BuyStatus.ACTIVE


def test_one_package_alone_does_not_complete_the_buy(buyer: Buyer) -> None:
    buy, [first, second] = running(buyer, GOAL, {})
    deliver(first, impressions=60_000)
    assert ended(buy) is None
    deliver(second, spend=10)
    assert ended(buy) is None

    deliver(second, spend=1000)

    expected = "Of 2 packages, 1 reached their goal and 1 spent their budget"
    assert ended(buy) == expected


def test_canceled_packages_are_not_waited_for_and_are_not_enough(buyer: Buyer) -> None:
    buy, [first, second] = running(buyer, GOAL, GOAL)
    deliver(first, impressions=50_000)
    canceled = {"is_canceled": True, "canceled_at": NOW}
    Package.objects.filter(pk=second.pk).update(**canceled)
    other, packages = running(buyer, GOAL, key="key-0000000000000002")
    deliver(packages[0], impressions=50_000)
    Package.objects.filter(media_buy=other).update(**canceled)

    assert ended(buy) == "The package has reached its goal"
    assert ended(other) is None


def test_a_paused_buy_is_completed_and_one_that_is_over_stays_as_it_is(buyer: Buyer) -> None:
    paused, [one] = running(buyer, GOAL)
    changed(paused, lambda row: (row.pause(), row.save()))
    deliver(one, impressions=50_000)

    assert ended(paused) == "The package has reached its goal"
    assert ended(paused) == "The package has reached its goal"
    assert Event.objects.filter(action="completed").count() == 1
    assert MediaBuy.objects.get(pk=paused.pk).revision == paused.revision


def test_a_buy_that_cannot_be_completed_stops_no_other(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, [first] = running(buyer, GOAL)
    good, [second] = running(buyer, GOAL, key="key-0000000000000002")
    for package in (first, second):
        deliver(package, impressions=50_000)

    def poisoned(*, buy: MediaBuy, **rest: Any) -> None:
        if buy.pk == bad.pk:
            raise RuntimeError("poison")
        buy_notice_enqueue(buy=buy, **rest)

    monkeypatch.setattr(completion, "buy_notice_enqueue", poisoned)
    assert buys_complete(now=NOW) == 1

    bad.refresh_from_db()
    assert (bad.status, bad.flight_failures) == (BuyStatus.ACTIVE, 1)
    assert ended(good) is not None
    monkeypatch.undo()
    assert buys_complete(now=NOW) == 0
    assert buys_complete(now=NOW + POISON_DELAY) == 1


def test_looking_for_what_is_done_costs_one_query(buyer: Buyer) -> None:
    for number in range(4):
        running(buyer, GOAL, {}, key=f"key-{number:016}")

    assert len(statements(lambda: buys_complete(now=NOW))) == 1
