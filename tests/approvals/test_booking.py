"""Booking: claimed, stepped, settled once, whatever the ad server or the worker does."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerRefused, AdServerUnavailable, OrderDeclined
from mediabuys.adservers.requests import order_request
from mediabuys.models import Booking, InlineOrder, MediaBuy
from mediabuys.services.attempts import ATTEMPTS_LIMIT, LEASE
from mediabuys.services.bookings import booking_claim, booking_step
from mediabuys.states import BookingStatus, BookingStep, BuyStatus
from tasks_hitl.services import book
from tasks_hitl.services.bookings import settle_booked
from tasks_hitl.states import TaskStatus
from tests.people import Buyer
from tests.trade.orders import approve, booked_buy, give_creatives, waiting_task
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

HOOK = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}


def approved_booking(buyer: Buyer, approver: User) -> Booking:
    approve(waiting_task(buyer, **HOOK), approver)
    return Booking.objects.get()


def test_the_five_steps_are_persisted_in_order(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    seen: list[str] = []
    monkeypatch.setattr(
        InlineAdServer, "_take_time", lambda _: seen.append(Booking.objects.get().step)
    )

    book(booking_id=booking.booking_id)

    booking.refresh_from_db()
    assert seen == list(BookingStep.values)
    assert (booking.status, booking.attempt_count) == (BookingStatus.BOOKED, 1)
    assert booking.order_id == InlineOrder.objects.get().order_id


def test_an_ad_server_that_is_down_is_asked_again_later(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    with monkeypatch.context() as patch:
        patch.setattr(InlineAdServer, "create_order", _raising(AdServerUnavailable("It is down.")))
        book(booking_id=booking.booking_id)

    booking.refresh_from_db()
    assert (booking.status, booking.error_message) == (BookingStatus.QUEUED, "It is down.")
    assert booking.next_attempt_at > timezone.now()
    book(booking_id=booking.booking_id)
    assert InlineOrder.objects.count() == 0
    book(booking_id=booking.booking_id, now=timezone.now() + timedelta(minutes=1))
    assert MediaBuy.objects.get().status == BuyStatus.PENDING_CREATIVES
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    "error", [AdServerRefused("The advertiser is unknown."), AdServerUnavailable("It is down.")]
)
def test_a_final_failure_fails_the_task_and_tells_the_buyer(
    error: Exception, buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    Booking.objects.update(attempt_count=ATTEMPTS_LIMIT - 1)
    monkeypatch.setattr(InlineAdServer, "create_order", _raising(error))

    book(booking_id=booking.booking_id)

    booking.refresh_from_db()
    buy = MediaBuy.objects.get()
    task = buy.tasks.get()
    assert (booking.status, task.status) == (BookingStatus.FAILED, TaskStatus.FAILED)
    assert (buy.status, buy.media_buy_id) == (BuyStatus.DECLINED, None)
    assert Delivery.objects.count() == 1


def test_an_order_that_the_ad_server_declines_ends_rejected(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    monkeypatch.setattr(
        InlineAdServer, "validate_inventory", _raising(OrderDeclined("Sold out on these dates."))
    )

    book(booking_id=booking.booking_id)

    buy = MediaBuy.objects.get()
    task = buy.tasks.get()
    assert task.status == TaskStatus.COMPLETED
    assert task.result["media_buy_status"] == "rejected"
    assert task.result["rejection_reason"] == "Sold out on these dates."
    assert buy.status == BuyStatus.REJECTED
    assert Delivery.objects.count() == 1


def test_a_buy_that_was_accepted_at_once_ends_rejected_when_booking_fails(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InlineAdServer, "create_order", _raising(AdServerRefused("No.")))

    buy = booked_buy(buyer, **HOOK)

    assert buy.status == BuyStatus.REJECTED
    assert buy.confirmed_at is None
    assert Delivery.objects.get().kind == "media_buy_status"


def test_a_worker_that_died_is_taken_over_and_books_once(buyer: Buyer, approver: User) -> None:
    booking = approved_booking(buyer, approver)
    dead = booking_claim(booking_id=booking.booking_id, now=timezone.now())
    assert dead is not None
    server = InlineAdServer("Ledger Ad Server")
    server.create_order(order_request(MediaBuy.objects.get()))

    book(booking_id=booking.booking_id)
    assert Booking.objects.get().status == BookingStatus.BOOKING
    book(booking_id=booking.booking_id, now=timezone.now() + LEASE + timedelta(seconds=1))

    assert Booking.objects.get().status == BookingStatus.BOOKED
    assert InlineOrder.objects.count() == 1
    assert Delivery.objects.count() == 1


def test_a_worker_that_was_taken_for_dead_changes_nothing(buyer: Buyer, approver: User) -> None:
    booking = approved_booking(buyer, approver)
    slow = booking_claim(booking_id=booking.booking_id, now=timezone.now())
    assert slow is not None
    book(booking_id=booking.booking_id, now=timezone.now() + LEASE + timedelta(seconds=1))
    before = Booking.objects.values().get()

    order = InlineAdServer("Ledger Ad Server").find(MediaBuy.objects.get().reference)
    assert order is not None
    assert not booking_step(claim=slow, step=BookingStep.ORDER_CREATION, now=timezone.now())
    settle_booked(claim=slow, order=order)

    assert Booking.objects.values().get() == before
    assert Delivery.objects.count() == 1


def test_a_buy_with_creatives_is_ready_when_it_is_booked(buyer: Buyer, approver: User) -> None:
    booking = approved_booking(buyer, approver)
    give_creatives(MediaBuy.objects.get())

    book(booking_id=booking.booking_id)

    assert MediaBuy.objects.get().status == BuyStatus.PENDING_START


def _raising(error: Exception) -> Any:
    def fail(*_: Any) -> None:
        raise error

    return fail
