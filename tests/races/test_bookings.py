"""A booking, its end and the telling of changes, all at once: one order for each buy, or none."""

import pytest
from django.utils import timezone

from mediabuys.adservers.registry import ad_server_for
from mediabuys.adservers.requests import order_request
from mediabuys.errors import InvalidState
from mediabuys.models import Event, InlineOrder, MediaBuy, Trafficking
from mediabuys.services.bookings import booking_claim
from mediabuys.services.endings import media_buy_stop
from mediabuys.services.telling import trafficking_drain
from mediabuys.states import BuyStatus
from tasks_hitl.services import book
from tasks_hitl.services.bookings import settle_booked
from tests.concurrency import in_rounds, together
from tests.people import Buyer, order_params
from tests.trade.changes import change
from tests.trade.orders import give_creatives, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

ROUNDS = 8


def stop(pk: int) -> None:
    """Cancel the buy as the seller, who looks again where the buy has moved on."""
    arguments = {"actor": "seller:approver", "reason": "The site is closed."}
    while True:
        shown = MediaBuy.objects.get(pk=pk).revision
        try:
            media_buy_stop(media_buy_pk=pk, shown_revision=shown, now=timezone.now(), **arguments)
        except InvalidState:
            continue
        return


def test_of_a_settlement_and_an_end_at_once_no_order_is_left(buyer: Buyer) -> None:
    buys, claims = [], []
    for number in range(ROUNDS):
        params = order_params(buyer, f"key-00000000000000{number:02}")
        buy = place(buyer, params).drafted.buy
        claim = booking_claim(booking_id=buy.booking.booking_id, now=timezone.now())
        assert claim is not None
        server, order = ad_server_for(buy.account), order_request(buy)
        server.create_order(order)
        server.create_line_items(order)
        buys.append((buy, server.confirm(buy.reference)))
        claims.append(claim)

    in_rounds(
        ROUNDS,
        lambda number: settle_booked(claim=claims[number], order=buys[number][1]),
        lambda number: stop(buys[number][0].pk),
    )
    trafficking_drain()

    assert InlineOrder.objects.filter(canceled_at=None).count() == 0
    assert InlineOrder.objects.count() == ROUNDS
    for buy, _ in buys:
        buy.refresh_from_db()
        assert buy.status == BuyStatus.CANCELED
        # Confirmed before it was canceled, or never: the history says which.
        confirmed = buy.events.filter(action=Event.Action.CONFIRMED).count()
        assert confirmed == (buy.confirmed_at is not None)


def test_two_tellers_and_a_change_at_once_end_with_what_was_changed_last(buyer: Buyer) -> None:
    buys = []
    for number in range(4):
        buy = place(buyer, order_params(buyer, f"key-00000000000000{number:02}")).drafted.buy
        book(booking_id=buy.booking.booking_id)
        give_creatives(buy)
        buys.append(MediaBuy.objects.get(pk=buy.pk))

    def pause_all() -> None:
        for buy in buys:
            change(buyer, MediaBuy.objects.get(pk=buy.pk), paused=True)

    together(pause_all, trafficking_drain, trafficking_drain)
    trafficking_drain()

    assert [order.is_paused for order in InlineOrder.objects.all()] == [True] * 4
    assert all(row.is_told and row.error_message == "" for row in Trafficking.objects.all())
    assert [row.wanted for row in Trafficking.objects.all()] == [2] * 4
