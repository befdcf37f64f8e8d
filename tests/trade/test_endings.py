"""Staff end a buy: what was accepted is rejected, what was sold is canceled, the buyer hears it."""

from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.errors import InvalidRequest, InvalidState, TradeError
from mediabuys.models import Booking, CreativeAssignment, Event, MediaBuy
from mediabuys.services.clock import flights_activate
from mediabuys.services.endings import media_buy_refuse, media_buy_stop
from tasks_hitl.services import book
from tests.concurrency import together
from tests.people import Buyer, order_params
from tests.trade.changes import ready_buy
from tests.trade.orders import booked_buy, place
from webhooks.models import Delivery

APPROVER = "seller:approver"
HOOK: dict[str, Any] = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}


def end(service: Any, buy: MediaBuy, **changes: Any) -> MediaBuy:
    arguments = {
        "media_buy_pk": buy.pk,
        "actor": APPROVER,
        "reason": "The site is closed.",
        "shown_revision": buy.revision,
        "now": timezone.now(),
        **changes,
    }
    ended: MediaBuy = service(**arguments)
    return ended


@pytest.mark.django_db
def test_a_rejected_buy_is_not_booked_any_more(buyer: Buyer) -> None:
    buy = place(buyer, order_params(buyer, **HOOK)).drafted.buy
    assert (buy.status, buy.confirmed_at) == ("pending_creatives", None)

    end(media_buy_refuse, buy)

    booking = Booking.objects.get()
    book(booking_id=booking.booking_id)
    buy.refresh_from_db()
    booking.refresh_from_db()
    assert (buy.status, buy.rejection_reason) == ("rejected", "The site is closed.")
    assert (booking.status, buy.confirmed_at) == ("failed", None)
    event = Event.objects.latest("pk")
    assert (event.action, event.actor) == ("rejected", APPROVER)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("service", "status"), [(media_buy_refuse, "rejected"), (media_buy_stop, "canceled")]
)
def test_the_buyer_hears_of_it_once_and_keeps_the_creatives(
    buyer: Buyer, service: Any, status: str
) -> None:
    buy = ready_buy(buyer, **HOOK)
    before = Delivery.objects.count()

    ended = end(service, buy)

    assert (ended.status, ended.revision) == (status, buy.revision + 1)
    [notice] = Delivery.objects.order_by("pk")[before:]
    assert (notice.kind, notice.sequence) == ("media_buy_status", ended.revision)
    assert CreativeAssignment.objects.count() == 0
    assert buy.account.creatives.count() == 1


@pytest.mark.django_db
def test_a_running_buy_is_canceled_by_the_seller(buyer: Buyer) -> None:
    buy = ready_buy(buyer)
    flights_activate(now=buy.start_time)
    buy.refresh_from_db()
    assert buy.status == "active"

    ended = end(media_buy_stop, buy)

    assert (ended.status, ended.canceled_by) == ("canceled", "seller")
    assert ended.cancellation_reason == "The site is closed."


@pytest.mark.django_db
def test_a_running_buy_is_never_rejected(buyer: Buyer) -> None:
    buy = ready_buy(buyer)
    flights_activate(now=buy.start_time)
    buy.refresh_from_db()
    before = MediaBuy.objects.values().get()

    with pytest.raises(InvalidState, match="active and cannot be rejected"):
        end(media_buy_refuse, buy)

    assert MediaBuy.objects.values().get() == before


@pytest.mark.django_db
@pytest.mark.parametrize("service", [media_buy_refuse, media_buy_stop])
def test_what_is_over_does_not_end_again(buyer: Buyer, service: Any) -> None:
    buy = end(media_buy_stop, booked_buy(buyer))
    events = Event.objects.count()

    with pytest.raises(InvalidState, match="canceled and cannot be"):
        end(service, buy)

    assert Event.objects.count() == events


@pytest.mark.django_db
@pytest.mark.parametrize("service", [media_buy_refuse, media_buy_stop])
@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"reason": "  "}, InvalidRequest, "reason"),
        ({"shown_revision": 99}, InvalidState, "revision"),
    ],
)
def test_a_blind_ending_is_refused(
    buyer: Buyer, service: Any, changes: dict[str, Any], error: type[TradeError], field: str
) -> None:
    buy = booked_buy(buyer)
    before = MediaBuy.objects.values().get()
    events = Event.objects.count()

    with pytest.raises(error) as refused:
        end(service, buy, **changes)

    assert refused.value.field == field
    assert MediaBuy.objects.values().get() == before
    assert Event.objects.count() == events


@pytest.mark.django_db(transaction=True)
def test_of_two_endings_at_once_one_wins(buyer: Buyer) -> None:
    buy = booked_buy(buyer, **HOOK)
    refused: list[str] = []

    def attempt(service: Any) -> None:
        try:
            end(service, buy)
        except InvalidState as error:
            refused.append(error.message)

    together(partial(attempt, media_buy_refuse), partial(attempt, media_buy_stop))

    assert len(refused) == 1
    buy.refresh_from_db()
    assert buy.revision == 2
    assert Event.objects.filter(action__in=("rejected", "canceled")).count() == 1
    assert Delivery.objects.filter(kind="media_buy_status").count() == 1
