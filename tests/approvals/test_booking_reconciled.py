"""One order for each approved buy and none for the others, whatever died or was decided between."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerRefused, AdServerUnavailable, OrderDeclined
from mediabuys.adservers.registry import ad_server_for
from mediabuys.models import Booking, Event, InlineOrder, MediaBuy, Trafficking
from mediabuys.services.attempts import ATTEMPTS_LIMIT, LEASE
from mediabuys.services.endings import media_buy_refuse, media_buy_stop
from mediabuys.services.telling import trafficking_drain
from mediabuys.states import BookingStatus, BookingStep, BuyStatus
from tasks_hitl.services import book
from tasks_hitl.states import TaskStatus
from tests.people import Buyer, order_params
from tests.trade.orders import approve, end_by_staff, give_creatives, place, waiting_task

pytestmark = pytest.mark.django_db

CALLS = ("find", "validate_order", "validate_inventory", "create_order", "create_line_items")
HOOK: dict[str, Any] = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}
LATER = LEASE + timedelta(seconds=1)


class Died(BaseException):
    """The worker's process ends here; nothing catches it."""


def approved_booking(buyer: Buyer, approver: User, **changes: Any) -> Booking:
    approve(waiting_task(buyer, **HOOK, **changes), approver)
    return Booking.objects.get()


def accepted_booking(buyer: Buyer) -> Booking:
    """Return the queued booking of an order that was accepted without a person."""
    return place(buyer, order_params(buyer, **HOOK)).drafted.buy.booking


def around(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    *,
    before: Callable[[], Any] = lambda: None,
    after: Callable[[], Any] = lambda: None,
) -> None:
    """Do something right before, or right after, the ad server has done what it was asked."""
    real = getattr(InlineAdServer, method)

    def call(*arguments: Any, **named: Any) -> Any:
        before()
        answer = real(*arguments, **named)
        after()
        return answer

    monkeypatch.setattr(InlineAdServer, method, call)


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


def end(service: Any, buy: MediaBuy) -> None:
    buy.refresh_from_db()
    end_by_staff(buy, service=service)


def recovery(buy: MediaBuy) -> str:
    """Return whether the buyer is told that it may try again."""
    error = buy.tasks.get().error
    assert error is not None
    return str(error["recovery"])


def orders_there() -> list[bool]:
    """Return for every order of the ad server whether it is confirmed, and not canceled."""
    return [
        order.confirmed_at is not None and order.canceled_at is None
        for order in InlineOrder.objects.all()
    ]


@pytest.mark.parametrize("method", [*CALLS, "confirm"])
def test_a_worker_that_dies_after_any_call_leaves_one_order(
    method: str, buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    with monkeypatch.context() as patch:
        around(patch, method, after=raising(Died()))
        with pytest.raises(Died):
            book(booking_id=booking.booking_id)

    book(booking_id=booking.booking_id, now=timezone.now() + LATER)

    booking.refresh_from_db()
    buy = booking.media_buy
    assert orders_there() == [True]
    assert (booking.status, booking.attempt_count) == (BookingStatus.BOOKED, 2)
    assert [line["package_id"] for line in booking.line_items] == [buy.packages.get().package_id]
    assert buy.tasks.get().status == TaskStatus.COMPLETED


def test_a_confirmed_order_is_settled_without_asking_again(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    with monkeypatch.context() as patch:
        around(patch, "confirm", after=raising(AdServerUnavailable("The answer was lost.")))
        book(booking_id=booking.booking_id)
    booking.refresh_from_db()
    assert (booking.status, booking.step) == (BookingStatus.QUEUED, BookingStep.CONFIRMATION)

    around(monkeypatch, "validate_inventory", before=raising(OrderDeclined("Sold out: by itself.")))
    book(booking_id=booking.booking_id, now=timezone.now() + LATER)

    assert Booking.objects.get().status == BookingStatus.BOOKED
    assert MediaBuy.objects.get().status == BuyStatus.PENDING_CREATIVES


def test_a_draft_goes_on_at_its_line_items(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    steps: list[str] = []
    with monkeypatch.context() as patch:
        around(patch, "create_order", after=raising(AdServerUnavailable("The answer was lost.")))
        book(booking_id=booking.booking_id)

    for method in CALLS[1:]:
        around(
            monkeypatch,
            method,
            before=lambda: steps.append(Booking.objects.get().step),
        )
    book(booking_id=booking.booking_id, now=timezone.now() + LATER)

    assert steps == [BookingStep.LINE_ITEM_CREATION]
    assert orders_there() == [True]


def test_an_order_that_was_canceled_there_is_given_up(buyer: Buyer, approver: User) -> None:
    booking = approved_booking(buyer, approver)
    buy = booking.media_buy
    ad_server_for(buy.account).cancel(buy.reference)

    book(booking_id=booking.booking_id)

    booking.refresh_from_db()
    buy.refresh_from_db()
    assert (booking.status, booking.attempt_count) == (BookingStatus.FAILED, 1)
    assert (buy.status, buy.tasks.get().status) == (BuyStatus.DECLINED, TaskStatus.FAILED)
    assert recovery(buy) == "terminal"


@pytest.mark.parametrize("service", [media_buy_stop, media_buy_refuse])
@pytest.mark.parametrize("method", [*CALLS[1:], "confirm"])
def test_a_buy_that_ends_while_it_is_booked_has_no_order(
    method: str, service: Any, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = accepted_booking(buyer)
    around(monkeypatch, method, after=partial(end, service, booking.media_buy))

    book(booking_id=booking.booking_id)
    trafficking_drain()

    booking.refresh_from_db()
    buy = MediaBuy.objects.get()
    assert orders_there() == [False]
    assert (booking.status, buy.confirmed_at) == (BookingStatus.FAILED, None)
    assert buy.status in (BuyStatus.CANCELED, BuyStatus.REJECTED)
    assert not Event.objects.filter(action=Event.Action.CONFIRMED).exists()
    assert Trafficking.objects.get().is_told


def test_a_worker_that_comes_after_the_end_creates_nothing(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = accepted_booking(buyer)

    def end_and_tell() -> None:
        end(media_buy_stop, booking.media_buy)
        assert trafficking_drain() == 1

    around(monkeypatch, "create_order", before=end_and_tell)
    book(booking_id=booking.booking_id)

    assert orders_there() == [False]
    assert Booking.objects.get().error_message == "The buy was canceled before it was booked."


def test_a_buy_that_ends_before_any_attempt_is_nobodys_business(buyer: Buyer) -> None:
    booking = accepted_booking(buyer)

    end(media_buy_stop, booking.media_buy)
    book(booking_id=booking.booking_id)

    assert (InlineOrder.objects.count(), Trafficking.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("confirm", OrderDeclined("Sold out on these dates.")),
        ("create_line_items", AdServerRefused("No such product.")),
        ("confirm", AdServerUnavailable("The answer was lost.")),
    ],
)
def test_what_is_given_up_is_canceled_there(
    method: str, error: Any, buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    Booking.objects.update(attempt_count=ATTEMPTS_LIMIT - 1)
    around(monkeypatch, method, after=raising(error))

    book(booking_id=booking.booking_id)
    assert trafficking_drain() == 1

    assert orders_there() == [False]
    assert Booking.objects.get().status == BookingStatus.FAILED
    assert MediaBuy.objects.get().status in (BuyStatus.DECLINED, BuyStatus.REJECTED)


def test_an_order_that_every_worker_died_of_is_given_up(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = approved_booking(buyer, approver)
    Booking.objects.update(attempt_count=ATTEMPTS_LIMIT)
    around(monkeypatch, "find", before=raising(Died()))

    book(booking_id=booking.booking_id)

    booking.refresh_from_db()
    task = booking.media_buy.tasks.get()
    assert (booking.status, task.status) == (BookingStatus.FAILED, TaskStatus.FAILED)
    assert recovery(booking.media_buy) == "transient"


def test_what_changes_while_it_is_booked_is_told_next(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = accepted_booking(buyer)
    buy = booking.media_buy
    around(monkeypatch, "create_line_items", after=partial(give_creatives, buy))

    book(booking_id=booking.booking_id)
    [line] = InlineOrder.objects.get().line_items
    assert line["creatives"] == []
    assert trafficking_drain() == 1

    [line] = InlineOrder.objects.get().line_items
    creative_id = f"creative-{buy.packages.get().package_id}"
    assert line["creatives"] == [f"{buy.account.account_id}/{creative_id}"]
    assert MediaBuy.objects.get().status == BuyStatus.PENDING_START
