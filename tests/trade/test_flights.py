"""The clock: flights start and end by themselves, in order, once, whatever one bad row does."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import Event, MediaBuy
from mediabuys.services import flights
from mediabuys.services.claims import POISON_DELAY
from mediabuys.services.clock import flights_activate, flights_complete, oldest_overdue
from mediabuys.states import BuyStatus
from tests.concurrency import together
from tests.people import Buyer, in_wire
from tests.trade.changes import ready_buy
from tests.trade.orders import booked_buy


def in_days(days: float) -> Any:
    return timezone.now() + timedelta(days=days)


@pytest.mark.django_db
def test_a_flight_starts_and_ends_by_the_clock(buyer: Buyer) -> None:
    buy = ready_buy(buyer)

    assert flights_activate(now=in_days(2)) == 0
    assert flights_activate(now=in_days(4)) == 1
    buy.refresh_from_db()
    assert (buy.status, buy.revision) == (BuyStatus.ACTIVE, 3)
    assert flights_complete(now=in_days(4)) == 0
    assert flights_complete(now=in_days(40)) == 1
    buy.refresh_from_db()
    assert (buy.status, buy.revision) == (BuyStatus.COMPLETED, 4)
    moves = [(event.from_status, event.to_status) for event in Event.objects.order_by("pk")]
    assert moves == [
        ("draft", "pending_creatives"),
        ("pending_creatives", "pending_creatives"),
        ("pending_creatives", "pending_start"),
        ("pending_start", "active"),
        ("active", "completed"),
    ]


@pytest.mark.django_db
def test_a_clock_that_was_down_catches_up_in_order(buyer: Buyer) -> None:
    buy = ready_buy(buyer)

    assert flights_complete(now=in_days(60)) == 1

    actions = list(Event.objects.order_by("pk").values_list("action", flat=True))
    buy.refresh_from_db()
    assert buy.status == BuyStatus.COMPLETED
    assert actions[-2:] == ["activated", "completed"]


@pytest.mark.django_db
def test_a_held_buy_starts_paused(buyer: Buyer) -> None:
    buy = ready_buy(buyer, paused=True)

    flights_activate(now=in_days(4))

    buy.refresh_from_db()
    assert buy.status == BuyStatus.PAUSED


@pytest.mark.django_db
def test_a_buy_without_creatives_is_canceled_when_its_flight_is_over(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    assert flights_activate(now=in_days(4)) == 0
    assert flights_complete(now=in_days(60)) == 1

    buy.refresh_from_db()
    assert (buy.status, buy.canceled_by) == (BuyStatus.CANCELED, "seller")


@pytest.mark.django_db
def test_an_unconfirmed_buy_does_not_start(buyer: Buyer) -> None:
    buy = ready_buy(buyer)
    MediaBuy.objects.filter(pk=buy.pk).update(confirmed_at=None)

    assert flights_activate(now=in_days(4)) == 0

    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_START


@pytest.mark.django_db
def test_one_bad_buy_never_stops_the_others(buyer: Buyer, monkeypatch: Any) -> None:
    bad = ready_buy(buyer, start_time=in_wire(in_days(1)))
    good = ready_buy(buyer, key="key-0000000000000002")
    honest = flights.media_buy_activate

    def poisoned(*, buy: MediaBuy, **rest: Any) -> None:
        honest(buy=buy, **rest)
        if buy.pk == bad.pk:
            raise RuntimeError("poison")

    monkeypatch.setattr(flights, "media_buy_activate", poisoned)
    assert flights_activate(now=in_days(4)) == 1

    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, bad.flight_failures) == (BuyStatus.PENDING_START, 1)
    assert good.status == BuyStatus.ACTIVE
    monkeypatch.undo()
    assert flights_activate(now=in_days(4) + POISON_DELAY) == 1
    assert Event.objects.filter(media_buy=bad, action="activated").count() == 1


@pytest.mark.django_db
def test_the_lag_of_the_clock_is_the_oldest_due_buy(buyer: Buyer) -> None:
    buy = ready_buy(buyer)

    assert oldest_overdue(now=in_days(2)) is None
    assert oldest_overdue(now=in_days(4)) == buy.start_time


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_two_clocks_start_each_flight_once(buyer: Buyer) -> None:
    for number in range(12):
        ready_buy(buyer, key=f"key-00000000000000{number:02}")

    started = together(*[partial(flights_activate, now=in_days(4))] * 4)

    assert sum(started) == 12
    assert Event.objects.filter(action="activated").count() == 12
    assert MediaBuy.objects.filter(status=BuyStatus.ACTIVE).count() == 12
