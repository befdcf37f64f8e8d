"""The ad server is told what a booked order has become: whole, in order, once it is committed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import MediaBuy
from mediabuys.services.clock import flights_complete
from mediabuys.services.creatives import creative_review
from mediabuys.services.flights import media_buy_complete
from mediabuys.services.telling import trafficking_drain, trafficking_tell
from mediabuys.services.trafficking import (
    order_traffic,
)
from mediabuys.states import BuyStatus
from tests.people import Buyer
from tests.trade.changes import active_buy, change
from tests.trade.orders import booked_buy, end_by_staff, give_creatives
from tests.trade.trafficking import held, live_lines, row_of, told_buy
from tests.wakeups import sent

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def test_a_booked_order_is_told_once_with_its_creatives(buyer: Buyer) -> None:
    buy = active_buy(buyer)

    assert trafficking_drain() == 1

    row, order = row_of(buy), held(buy)
    assert (row.wanted, row.told, row.next_attempt_at, row.behind_since) == (1, 1, None, None)
    assert (order.revision, order.is_paused) == (2, False)
    package = buy.packages.get()
    [line] = live_lines(buy).values()
    assert line["creatives"] == [f"{buy.account.account_id}/creative-{package.package_id}"]
    assert trafficking_drain() == 0


def test_an_order_that_lacks_a_creative_is_held_until_it_has_one(
    buyer: Buyer, reviewing: None
) -> None:
    buy = booked_buy(buyer)
    trafficking_drain()
    assert held(buy).is_paused
    give_creatives(buy)
    creative = buy.account.creatives.get()
    type(creative).objects.update(status="pending_review")

    creative_review(creative_pk=creative.pk, approve=True, reason="", reviewer="seller:approver")

    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_START
    assert trafficking_drain() == 1
    assert not held(buy).is_paused
    assert [len(line["creatives"]) for line in live_lines(buy).values()] == [1]


def test_a_pause_and_a_resumption_are_told(buyer: Buyer) -> None:
    buy = told_buy(buyer)

    change(buyer, buy, paused=True)
    trafficking_drain()
    assert (held(buy).is_paused, held(buy).revision) == (True, 3)

    change(buyer, buy, paused=False)
    trafficking_drain()
    assert (held(buy).is_paused, held(buy).revision) == (False, 4)


def test_an_order_that_the_buyer_holds_is_told_as_paused(buyer: Buyer) -> None:
    buy = booked_buy(buyer, paused=True)
    give_creatives(buy)
    buy.refresh_from_db()
    assert (buy.status, buy.is_held) == (BuyStatus.PENDING_CREATIVES, True)

    trafficking_drain()

    assert held(buy).is_paused


def test_many_changes_are_told_at_once_as_they_are_then(buyer: Buyer) -> None:
    buy = told_buy(buyer, packages=[LINE, LINE])
    kept, dropped = buy.packages.order_by("position")

    change(buyer, buy, packages=[{"package_id": kept.package_id, "budget": 700}])
    change(buyer, buy, packages=[{"package_id": dropped.package_id, "canceled": True}])
    change(buyer, buy, packages=[{"package_id": kept.package_id, "paused": True}])
    change(buyer, buy, new_packages=[LINE])

    assert trafficking_drain() == 1
    row, lines = row_of(buy), live_lines(buy)
    assert (row.wanted, row.told) == (5, 5)
    added = buy.packages.order_by("position").last()
    assert added is not None
    assert set(lines) == {kept.package_id, added.package_id}
    assert Decimal(lines[kept.package_id]["budget"]) == Decimal(700)
    assert lines[kept.package_id]["is_paused"] is True
    assert lines[added.package_id]["is_paused"] is False


def test_what_changes_nothing_is_not_told(buyer: Buyer) -> None:
    buy = told_buy(buyer)

    change(buyer, buy, paused=False)

    assert row_of(buy).wanted == 1
    assert trafficking_tell() is None


def test_a_revoked_creative_is_taken_off_the_order(buyer: Buyer) -> None:
    buy = told_buy(buyer)

    creative_review(
        creative_pk=buy.account.creatives.get().pk,
        approve=False,
        reason="Not this brand.",
        reviewer="seller:approver",
    )

    assert trafficking_drain() == 1
    assert [line["creatives"] for line in live_lines(buy).values()] == [[]]


def test_a_buy_that_is_canceled_is_canceled_there(buyer: Buyer) -> None:
    buy = told_buy(buyer)

    change(buyer, buy, canceled=True)

    assert trafficking_drain() == 1
    assert held(buy).canceled_at is not None
    assert row_of(buy).is_told


def test_what_the_seller_stops_is_canceled_there(buyer: Buyer) -> None:
    buy = end_by_staff(told_buy(buyer))

    assert trafficking_drain() == 1

    assert held(buy).canceled_at is not None


def test_a_sandbox_order_is_kept_in_step_in_its_table(sandbox_buyer: Buyer) -> None:
    buy = told_buy(sandbox_buyer)

    change(sandbox_buyer, buy, paused=True)
    trafficking_drain()
    assert held(buy).is_paused
    change(sandbox_buyer, MediaBuy.objects.get(pk=buy.pk), canceled=True)
    trafficking_drain()

    assert held(buy).canceled_at is not None


def test_a_buy_that_is_delivered_early_is_ended_there(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    media_buy_complete(buy=buy, now=timezone.now())

    order_traffic(buys=[buy], now=timezone.now())

    assert trafficking_drain() == 1
    assert held(buy).canceled_at is not None


def test_a_flight_that_is_over_leaves_the_order_as_it_is(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    over = timezone.now() - timedelta(minutes=1)
    MediaBuy.objects.update(start_time=over - timedelta(days=1), end_time=over)

    flights_complete(now=timezone.now())
    order_traffic(buys=[buy], now=timezone.now())

    assert trafficking_drain() == 1
    assert held(buy).canceled_at is None
    assert MediaBuy.objects.get().status == BuyStatus.COMPLETED


@pytest.mark.parametrize("number", [1, 8])
def test_a_change_wakes_a_worker_whatever_its_size(
    buyer: Buyer, number: int, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    buy = told_buy(buyer, packages=[LINE] * number)
    lines = [
        {"package_id": package.package_id, "budget": 900, "pacing": "asap"}
        for package in buy.packages.all()
    ]

    with django_capture_on_commit_callbacks(execute=True):
        change(buyer, buy, packages=lines)

    assert sent.count(("mediabuys.traffic",)) == 1
