"""What goes wrong while the ad server is told: late workers, refusals, outages."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerRefused, AdServerUnavailable, OrderDeclined
from mediabuys.models import Event, InlineOrder, MediaBuy, Trafficking
from mediabuys.services import trafficking
from mediabuys.services.attempts import LEASE, REFUSED_DELAY, TELLING_DELAYS
from mediabuys.services.telling import Telling, trafficking_drain, trafficking_tell
from mediabuys.services.trafficking import (
    trafficking_claim,
    trafficking_failed,
    trafficking_hurry,
    trafficking_told,
)
from tests.people import Buyer
from tests.trade.changes import active_buy, change
from tests.trade.orders import booked_buy
from tests.trade.trafficking import held, live_lines, row_of, told_buy

pytestmark = pytest.mark.django_db


def failing(monkeypatch: pytest.MonkeyPatch, method: str, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(InlineAdServer, method, fail)


def test_what_changes_while_it_is_told_is_told_again(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    change(buyer, buy, paused=True)
    claim = trafficking_claim(now=timezone.now())
    assert claim is not None

    change(buyer, MediaBuy.objects.get(pk=buy.pk), paused=False)
    assert trafficking_told(claim=claim, now=timezone.now())

    row = row_of(buy)
    assert (row.wanted, row.told) == (3, 2)
    assert row.next_attempt_at is not None
    assert trafficking_drain() == 1
    assert not held(buy).is_paused


def test_a_row_is_told_by_one_worker_at_a_time(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    claim = trafficking_claim(now=timezone.now())
    assert claim is not None

    assert trafficking_tell() is None
    assert held(buy).revision == 1

    assert trafficking_tell(now=timezone.now() + LEASE + timedelta(seconds=1)) is Telling.TOLD
    before = Trafficking.objects.values().get()
    assert not trafficking_told(claim=claim, now=timezone.now())
    assert not trafficking_failed(
        claim=claim, error=AdServerUnavailable("Too late."), now=timezone.now()
    )
    assert Trafficking.objects.values().get() == before


def test_a_worker_that_comes_too_late_does_not_undo_what_is_newer(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    change(buyer, buy, paused=True)
    late = trafficking_claim(now=timezone.now())
    assert late is not None
    change(buyer, MediaBuy.objects.get(pk=buy.pk), paused=False)
    trafficking_tell(now=timezone.now() + LEASE + timedelta(seconds=1))

    answer = InlineAdServer("Ledger Ad Server").pause(buy.reference, revision=late.revision)

    assert (answer.is_paused, answer.revision) == (False, 4)


def test_an_ad_server_that_is_away_is_asked_again_and_the_others_wait(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = active_buy(buyer), active_buy(buyer, idempotency_key="key-0000000000000002")
    calls: list[str] = []

    def away(_: InlineAdServer, order: Any) -> None:
        calls.append(order.reference)
        raise AdServerUnavailable("It is down.")

    with monkeypatch.context() as patch:
        patch.setattr(InlineAdServer, "change", away)
        assert trafficking_drain() == 0

    row = row_of(first)
    assert calls == [first.reference]
    assert (row.attempt_count, row.error_code, row.error_message) == (
        1,
        "SERVICE_UNAVAILABLE",
        "It is down.",
    )
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now() + TELLING_DELAYS[0] - timedelta(seconds=3)
    assert row.behind_since is not None
    assert not Event.objects.filter(action=Event.Action.AD_SERVER_REFUSED).exists()
    assert trafficking_drain() == 1
    assert row_of(second).is_told
    assert trafficking_tell(now=timezone.now() + TELLING_DELAYS[0]) is Telling.TOLD
    row = row_of(first)
    assert (row.error_message, row.attempt_count, row.is_told) == ("", 0, True)


def test_orders_that_are_never_told_do_not_keep_others_from_it(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"key-000000000000000{number}" for number in range(3)]
    never = [active_buy(buyer, idempotency_key=key) for key in keys]
    now = timezone.now()
    Trafficking.objects.update(next_attempt_at=now - timedelta(hours=1), attempt_count=5)
    good = active_buy(buyer, idempotency_key="key-0000000000000009")

    with monkeypatch.context() as broken:
        failing(broken, "create_order", KeyError("a bug"))
        InlineOrder.objects.filter(reference__in=[buy.reference for buy in never]).delete()
        assert trafficking_drain() == 1

    assert row_of(good).is_told
    assert [row_of(buy).told for buy in never] == [0, 0, 0]


def test_an_attempt_that_can_no_longer_be_counted_is_made_all_the_same(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    Trafficking.objects.update(attempt_count=2**15 - 1)

    assert trafficking_drain() == 1

    assert row_of(buy).is_told


def test_a_slow_ad_server_does_not_take_every_worker(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trafficking, "WORKERS_AT_ONCE", 1)
    for number in range(2):
        active_buy(buyer, idempotency_key=f"key-000000000000000{number}")
    now = timezone.now()
    slow = trafficking_claim(now=now)
    assert slow is not None

    assert trafficking_claim(now=now) is None
    assert Trafficking.objects.filter(lease_token=None, attempt_count=0).count() == 1

    assert trafficking_told(claim=slow, now=now)
    assert trafficking_claim(now=now) is not None


@pytest.mark.parametrize(
    "error", [OrderDeclined("Sold out on these dates."), AdServerRefused("No such advertiser.")]
)
def test_what_it_does_not_take_is_said_once_and_asked_again_seldom(
    buyer: Buyer, error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy = told_buy(buyer)
    change(buyer, buy, end_time=(buy.end_time + timedelta(days=2)).isoformat())
    now = timezone.now()
    with monkeypatch.context() as patch:
        failing(patch, "change", error)
        assert trafficking_tell() is Telling.REFUSED
        assert trafficking_tell() is None
        assert trafficking_tell(now=now + REFUSED_DELAY * 1.01) is Telling.REFUSED

    row = row_of(buy)
    assert (row.error_code, row.error_message) == (error.code, error.message)
    assert (row.wanted, row.told) == (2, 1)
    event = Event.objects.get(action=Event.Action.AD_SERVER_REFUSED)
    assert (event.actor, event.from_status, event.to_status) == ("system", "active", "active")
    assert event.summary == f"The ad server has not taken this: {error.message}"
    trafficking_hurry(trafficking_pk=row.pk, actor="approver")
    assert trafficking_drain() == 1
    assert row_of(buy).is_told


def test_rubbish_from_the_adapter_is_not_told_to_anybody(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy = active_buy(buyer)

    failing(monkeypatch, "change", KeyError("secret"))
    assert trafficking_tell() is Telling.UNAVAILABLE

    row = row_of(buy)
    assert row.error_message == "The ad server's answer was not understood."
    assert row.next_attempt_at is not None


def test_an_order_that_the_ad_server_never_had_is_placed(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    InlineOrder.objects.all().delete()

    change(buyer, buy, paused=True)

    assert trafficking_drain() == 1
    order = held(buy)
    assert (order.confirmed_at is not None, order.is_paused) == (True, True)
    assert set(live_lines(buy)) == {buy.packages.get().package_id}


@pytest.mark.parametrize("last_call", ["create_line_items", "confirm"])
def test_an_order_whose_placing_broke_off_is_placed_to_its_end(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, last_call: str
) -> None:
    buy = told_buy(buyer)
    InlineOrder.objects.all().delete()
    change(buyer, buy, paused=True)
    with monkeypatch.context() as broken:
        failing(broken, last_call, AdServerUnavailable("Away."))
        assert trafficking_tell() is Telling.UNAVAILABLE
    assert held(buy).confirmed_at is None
    trafficking_hurry(trafficking_pk=row_of(buy).pk, actor="approver", now=timezone.now())

    assert trafficking_tell() is Telling.TOLD

    order = held(buy)
    assert (order.confirmed_at is not None, order.is_paused) == (True, True)
    assert set(live_lines(buy)) == {buy.packages.get().package_id}


def test_everything_is_told_again_after_the_ad_server_lost_it(buyer: Buyer) -> None:
    live = told_buy(buyer)
    other = told_buy(buyer, idempotency_key="key-0000000000000002")
    change(buyer, other, canceled=True)
    trafficking_drain()
    untold = booked_buy(buyer, idempotency_key="key-0000000000000003")
    Trafficking.objects.filter(media_buy=untold).delete()
    InlineOrder.objects.all().delete()
    said = StringIO()

    call_command("tell_ad_server", stdout=said)

    assert said.getvalue() == "2 orders are told by the worker.\n"
    assert trafficking_drain() == 2
    assert {order.reference for order in InlineOrder.objects.all()} == {
        live.reference,
        untold.reference,
    }


def test_an_order_that_was_canceled_there_is_not_placed_again(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    InlineAdServer("Ledger Ad Server").cancel(buy.reference)

    change(buyer, buy, paused=True)

    assert trafficking_tell() is Telling.REFUSED
    assert InlineOrder.objects.count() == 1
    assert held(buy).canceled_at is not None
    assert Event.objects.filter(action=Event.Action.AD_SERVER_REFUSED).count() == 1


def test_an_ad_server_that_is_ahead_is_caught_up_with(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    InlineOrder.objects.update(revision=40)
    change(buyer, buy, paused=True)

    assert trafficking_tell() is Telling.TOLD
    assert not held(buy).is_paused
    assert not row_of(buy).is_told

    assert trafficking_tell(now=timezone.now() + TELLING_DELAYS[0]) is Telling.TOLD
    assert (held(buy).is_paused, held(buy).revision) == (True, 41)
    assert row_of(buy).is_told


def test_a_revision_that_cannot_be_is_refused(buyer: Buyer) -> None:
    buy = told_buy(buyer)
    InlineOrder.objects.update(revision=2_000_000_000)
    change(buyer, buy, paused=True)

    assert trafficking_tell() is Telling.REFUSED

    assert row_of(buy).wanted == 2
