"""Booking and telling on the real simulated ad server: seen steps, lost answers, one order."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.adservers.requests import creative_reference
from mediabuys.adservers.simulated_client import SimulatedAdServer
from mediabuys.models import Booking, MediaBuy, Trafficking
from mediabuys.services.attempts import BOOKING_DELAYS
from mediabuys.services.telling import trafficking_drain
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.models import Task
from tasks_hitl.services import book
from tests.people import Buyer
from tests.protocol.conftest import ask
from tests.simulator import Simulator
from tests.trade.changes import active_buy, change
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db

ORDERS = "/v1/orders/*"


@pytest.fixture
def approved(simulator: Simulator, buyer: Buyer, approver: User) -> Task:
    """An approved order whose booking is queued; there is plenty of inventory."""
    simulator.stock("homepage", 1_000_000)
    simulator.stock("run-of-site", 1_000_000)
    task = waiting_task(buyer)
    approve(task, approver)
    return task


def try_at(later: timedelta = timedelta()) -> Booking:
    booking = Booking.objects.get()
    book(booking_id=booking.booking_id, now=timezone.now() + later)
    booking.refresh_from_db()
    return booking


# Which call fails, and the step that is then shown.
STEPS = [
    ("POST", "/v1/orders/*/validate", "order_validation", 1),
    ("POST", "/v1/orders/*/validate", "inventory_validation", 2),
    ("PUT", "/v1/orders/ord_*[0-9a-f]", "order_creation", 3),
    ("PUT", "/v1/orders/*/line-items", "line_item_creation", 4),
    ("POST", "/v1/orders/*/confirm", "confirmation", 5),
]


@pytest.mark.parametrize(("method", "path", "step", "number"), STEPS)
def test_the_buyer_sees_the_step_that_the_booking_is_at_between_attempts(
    simulator: Simulator,
    approved: Task,
    buyer: Buyer,
    method: str,
    path: str,
    step: str,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if step == "inventory_validation":
        # Both are one call there: let the first of the two through.
        monkeypatch.setattr(SimulatedAdServer, "validate_order", lambda *_: None)
    simulator.fail(method, path, "error", status=503)

    booking = try_at()

    assert (booking.status, booking.step) == (BookingStatus.QUEUED, step)
    answer = ask("get_task_status", {"task_id": approved.task_id}, buyer.token).body
    assert answer["status"] == "working"
    assert answer["progress"] == {
        "current_step": step,
        "step_number": number,
        "total_steps": 5,
        "percentage": 20 * (number - 1),
    }
    context = {"context_id": booking.media_buy.context_id}
    older = ask("create_media_buy_status", context, buyer.token).body
    assert (older["status"], older["progress"]["completed"]) == ("processing", number)
    booking = try_at(BOOKING_DELAYS[0])
    assert booking.status == BookingStatus.BOOKED


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", ORDERS), ("PUT", "/v1/orders/*/line-items"), ("POST", "/v1/orders/*/confirm")],
)
def test_an_answer_that_is_lost_leaves_one_order(
    simulator: Simulator, approved: Task, buyer: Buyer, method: str, path: str
) -> None:
    simulator.fail(method, path, "drop_answer")
    assert try_at().status == BookingStatus.QUEUED

    booking = try_at(BOOKING_DELAYS[0])

    [order] = simulator.orders().values()
    assert (order["reference"], order["state"]) == (booking.media_buy.reference, "confirmed")
    assert booking.status == BookingStatus.BOOKED
    assert [line["package_id"] for line in order["line_items"]] == [
        line["package_id"] for line in booking.line_items
    ]
    approved.refresh_from_db()
    assert approved.status == "completed"


def test_inventory_that_is_gone_ends_the_buy_rejected(
    simulator: Simulator, approved: Task, buyer: Buyer
) -> None:
    simulator.stock("homepage", 10)

    booking = try_at()
    assert trafficking_drain() == 1

    assert booking.status == BookingStatus.FAILED
    assert MediaBuy.objects.get().status == BuyStatus.REJECTED
    assert [order["state"] for order in simulator.orders().values()] == ["canceled"]
    answer = ask("get_task_status", {"task_id": approved.task_id}, buyer.token).body
    assert answer["status"] == "completed"


def test_a_booked_order_is_changed_paused_and_canceled_there(
    simulator: Simulator, buyer: Buyer
) -> None:
    simulator.stock("run-of-site", 1_000_000)
    buy = active_buy(buyer)
    package = buy.packages.get()

    def there() -> dict[str, Any]:
        # The order, and the creative that the ad server has not seen yet.
        assert trafficking_drain() in (1, 2)
        order: dict[str, Any] = simulator.orders()[buy.reference]
        return order

    [line] = there()["line_items"]
    assert line["package_id"] == package.package_id
    [creative] = line["creatives"]
    assert creative_reference(buy.account.creatives.get()) in str(creative)
    lines = [{"package_id": package.package_id, "budget": 700}]
    change(buyer, buy, packages=lines, paused=True)
    order = there()
    assert (order["is_paused"], float(order["line_items"][0]["budget"])) == (True, 700)
    change(buyer, MediaBuy.objects.get(), paused=False)
    assert there()["is_paused"] is False
    simulator.fail("POST", "/v1/orders/*/cancel", "drop_answer")
    change(buyer, MediaBuy.objects.get(), canceled=True)
    assert trafficking_drain() == 0
    assert not Trafficking.objects.get(media_buy=buy).is_told
    Trafficking.objects.update(next_attempt_at=timezone.now())
    assert there()["state"] == "canceled"
    assert all(row.is_told for row in Trafficking.objects.all())


def test_an_order_of_before_this_ad_server_is_placed_on_it(
    simulator: Simulator, buyer: Buyer, settings: Any
) -> None:
    simulator.stock("run-of-site", 1_000_000)
    settings.ADSERVER = "inline"
    buy = active_buy(buyer)
    trafficking_drain()
    settings.ADSERVER = "simulated"
    assert simulator.orders() == {}

    change(buyer, buy, packages=[{"package_id": buy.packages.get().package_id, "budget": 700}])
    assert trafficking_drain() == 2

    order = simulator.orders()[buy.reference]
    assert (order["state"], order["is_paused"]) == ("confirmed", False)
    assert [state["review"] for state in creative_states(simulator)] == ["approved"]


def creative_states(simulator: Simulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulator.ask("GET", "/v1/creative-states")["states"]
    return found
