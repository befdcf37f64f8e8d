"""The orders of the fault suite: what becomes of each is decided before anything dies."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import uuid4

from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import Booking, MediaBuy
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.models import Task
from tasks_hitl.states import TaskStatus
from tests import people
from tests.faults.ad_server import AdServerProcess
from tests.people import Buyer, order_params
from tests.trade.changes import ask_change
from tests.trade.orders import approve, place, reject

# What the simulator has of `scarce` on a day; an order of it wants far more.
SCARCE_DAILY = 10
PLENTY_DAILY = 10_000_000_000

# The older scheme: the signer of the other takes seconds to import.
AUTHENTICATION = {"schemes": ["HMAC-SHA256"], "credentials": "h" * 32}


class Fate(StrEnum):
    """What people and the ad server do with an order, whoever dies meanwhile."""

    APPROVED = "approved"
    ACCEPTED = "accepted at once"
    REJECTED = "rejected by a person"
    EXPIRED = "expired"
    CANCELED = "canceled while it is booked"
    DECLINED = "declined by the ad server"
    GIVEN_UP = "given up: the ad server cannot make its lines"
    # It was started again before that was so, and has forgotten its trouble.
    UNSURE = "given up, or booked after all"


# A product that waits for a person, or not; and one that the ad server has too little of.
PRODUCT_OF = dict.fromkeys(Fate, "homepage") | {
    Fate.ACCEPTED: "run-of-site",
    Fate.CANCELED: "run-of-site",
    Fate.DECLINED: "scarce",
}
LIVE = (Fate.APPROVED, Fate.ACCEPTED)
TASK_ENDS = {
    Fate.APPROVED: TaskStatus.COMPLETED,
    Fate.DECLINED: TaskStatus.COMPLETED,
    Fate.REJECTED: TaskStatus.FAILED,
    Fate.EXPIRED: TaskStatus.FAILED,
    Fate.GIVEN_UP: TaskStatus.FAILED,
}
BUY_ENDS = dict.fromkeys(Fate, BuyStatus.DECLINED) | {
    Fate.APPROVED: BuyStatus.PENDING_CREATIVES,
    Fate.ACCEPTED: BuyStatus.PENDING_CREATIVES,
    Fate.CANCELED: BuyStatus.CANCELED,
    Fate.DECLINED: BuyStatus.REJECTED,
}


@dataclass(frozen=True)
class Scene:
    """Who orders, who decides, where it is booked, and where the buyer hears of it."""

    buyer: Buyer
    approver: User
    ad_server: AdServerProcess
    hook: str


@dataclass(frozen=True)
class PlacedOrder:
    """One order and what must become of it."""

    fate: Fate
    buy_pk: int
    reference: str


def make_scene(ad_server: AdServerProcess, hook: str) -> Scene:
    """Fill an empty database, and tell the ad server what it has."""
    people.make_publisher()
    people.make_rules()
    for name in ("homepage", "scarce"):
        people.make_product(name, guaranteed=True, rate_card=Decimal("10.00"))
    people.make_product("run-of-site")
    daily = {"homepage": PLENTY_DAILY, "run-of-site": PLENTY_DAILY, "scarce": SCARCE_DAILY}
    ad_server.tell("inventory", products={name: {"daily": n} for name, n in daily.items()})
    buyer = people.make_buyer(f"Buyer{uuid4().hex[:8]}")
    return Scene(buyer, people.make_staff("approver", "approver"), ad_server, hook)


def place_order(scene: Scene, fate: Fate) -> PlacedOrder:
    """Order what will have this fate, and let the person decide; it is not booked yet."""
    package = {"product_id": PRODUCT_OF[fate], "pricing_option_id": "usd", "budget": 1000}
    placed = place(
        scene.buyer,
        order_params(
            scene.buyer,
            packages=[package],
            push_notification_config={
                "url": scene.hook,
                "operation_id": str(uuid4()),
                "authentication": AUTHENTICATION,
            },
        ),
    )
    buy = placed.drafted.buy
    if fate == Fate.GIVEN_UP:
        scene.ad_server.trouble(f"/v1/orders/{buy.reference}/line-items", kind="error")
    if placed.task is not None:
        _decide(scene, fate, placed.task)
    return PlacedOrder(fate, buy.pk, buy.reference)


def _decide(scene: Scene, fate: Fate, task: Task) -> None:
    if fate == Fate.EXPIRED:
        Task.objects.filter(pk=task.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    elif fate == Fate.REJECTED:
        reject(task, scene.approver)
    else:
        approve(task, scene.approver)


def cancel_order(scene: Scene, order: PlacedOrder) -> None:
    """Let the buyer cancel, wherever the booking stands."""
    buy = MediaBuy.objects.get(pk=order.buy_pk)
    ask_change(scene.buyer, buy, canceled=True, cancellation_reason="The launch was moved.")


def assert_fate(order: PlacedOrder, states: dict[str, str]) -> None:
    """Check what became of an order here, and on the ad server by its reference's state."""
    if order.fate == Fate.UNSURE:
        order = replace(order, fate=_what_it_became(order))
    buy = MediaBuy.objects.get(pk=order.buy_pk)
    task = Task.objects.filter(media_buy=buy).first()
    booking = Booking.objects.filter(media_buy=buy).first()
    ended = f"{order.reference} ({order.fate})"
    assert buy.status == BUY_ENDS[order.fate], f"{ended}: {buy.status}, {_story(booking)}"
    assert (task.status if task else None) == TASK_ENDS.get(order.fate), f"{ended}: {task}"
    if order.fate in LIVE:
        assert booking is not None, ended
        assert booking.status == BookingStatus.BOOKED, f"{ended}: {_story(booking)}"
        assert states.get(order.reference) == "confirmed", f"{ended}: {states}"
    else:
        assert states.get(order.reference) in (None, "canceled"), f"{ended} is still booked"


def _what_it_became(order: PlacedOrder) -> Fate:
    booked = Booking.objects.filter(media_buy=order.buy_pk, status=BookingStatus.BOOKED)
    return Fate.APPROVED if booked.exists() else Fate.GIVEN_UP


def _story(booking: Booking | None) -> str:
    if booking is None:
        return "no booking"
    return (
        f"booking {booking.status} at {booking.step}, attempt {booking.attempt_count}: "
        f"{booking.error_message}"
    )
