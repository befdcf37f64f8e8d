"""Imports and completions that meet: each hour counts once, each buy ends once."""

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, transaction

from mediabuys.errors import TradeError
from mediabuys.locks import media_buy_locked
from mediabuys.models import AdServerFeed, DeliverySnapshot, Event, MediaBuy, Package
from mediabuys.services.clock import flights_complete
from mediabuys.services.completion import buys_complete
from mediabuys.services.delivery_import import delivery_import
from mediabuys.states import BuyStatus
from tests.concurrency import in_rounds, together
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, ScriptedAdServer, told, totals
from tests.documents.scenes import running_buy
from tests.people import Buyer
from tests.trade.changes import change

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

ROUNDS = 6


def test_two_importers_at_once_count_every_hour_once(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    for number in range(20):
        ad_server.tell(told(package, hour=FIRST_HOUR + number % 5 * HOUR, version=number))

    def work(number: int) -> None:
        # A lease that ended while its reader was at work: another takes the feed from it.
        AdServerFeed.objects.update(leased_until=NOW - HOUR)
        delivery_import(now=NOW)

    in_rounds(ROUNDS, work, work, work)
    AdServerFeed.objects.update(leased_until=None)
    delivery_import(now=NOW)

    assert AdServerFeed.objects.get().cursor == "20"
    assert totals(package) == (5000, 50, 0, Decimal(50))


def test_a_buy_is_completed_once_whoever_looks(buyer: Buyer) -> None:
    buys = [running_buy(buyer, key=f"key-{number:016}") for number in range(ROUNDS)]
    for package in Package.objects.all():
        DeliverySnapshot.objects.create(
            package=package, as_of=NOW, impressions=1, spend=2000, currency="USD"
        )
    over = NOW + timedelta(days=2)

    completed = together(
        partial(buys_complete, now=NOW),
        partial(buys_complete, now=NOW),
        partial(flights_complete, now=over),
    )

    assert sum(completed) == ROUNDS
    assert Event.objects.filter(action="completed").count() == ROUNDS
    assert set(MediaBuy.objects.values_list("status", flat=True)) == {BuyStatus.COMPLETED}
    assert {buy.revision for buy in MediaBuy.objects.all()} == {buys[0].revision + 1}


def test_a_budget_that_is_raised_meanwhile_lets_the_buy_run_on_or_comes_too_late(
    buyer: Buyer,
) -> None:
    buys = [running_buy(buyer, key=f"key-{number:016}") for number in range(ROUNDS)]
    for package in Package.objects.all():
        DeliverySnapshot.objects.create(
            package=package, as_of=NOW, impressions=1, spend=1000, currency="USD"
        )

    def raise_budget(number: int) -> str:
        package_id = buys[number].packages.get().package_id
        try:
            change(buyer, buys[number], packages=[{"package_id": package_id, "budget": 1100}])
        except TradeError:
            return "refused"
        return "raised"

    def complete(number: int) -> int:
        return buys_complete(now=NOW)

    rounds = in_rounds(ROUNDS, raise_budget, complete)

    for buy, (raised, _) in zip(buys, rounds, strict=True):
        buy.refresh_from_db()
        budget = buy.packages.get().budget
        was_raised = raised == "raised"
        assert buy.status == (BuyStatus.ACTIVE if was_raised else BuyStatus.COMPLETED)
        assert budget == (1100 if was_raised else 1000)
        assert Event.objects.filter(media_buy=buy, action="completed").count() == (
            buy.status == BuyStatus.COMPLETED
        )


def test_a_buy_that_somebody_changes_is_left_to_the_next_import(buy: MediaBuy) -> None:
    package = buy.packages.get()
    DeliverySnapshot.objects.create(
        package=package, as_of=NOW, impressions=1, spend=1000, currency="USD"
    )

    def complete() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        return buys_complete(now=NOW)

    with transaction.atomic():
        media_buy_locked(buy.pk)
        Package.objects.update(budget=1100)
        assert together(complete) == [0]

    assert buys_complete(now=NOW) == 0
    buy.refresh_from_db()
    assert (buy.status, buy.flight_failures) == (BuyStatus.ACTIVE, 0)
