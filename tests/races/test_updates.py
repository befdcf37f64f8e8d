"""Two at once on one buy: a change against another, against the clock, against the booking."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from mediabuys.errors import TradeError
from mediabuys.models import Booking, Event, InlineOrder, MediaBuy
from mediabuys.services.changes import AppliedChange
from mediabuys.services.clock import flights_activate
from mediabuys.services.flights import media_buy_refresh
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.services import book
from tests.concurrency import in_rounds
from tests.people import Buyer, order_params
from tests.trade.changes import active_buy, ask_change
from tests.trade.orders import booked_buy, give_creatives, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

ROUNDS = 20


def at_once(*moves: Callable[[int], Any]) -> Sequence[tuple[Any, ...]]:
    """Run the moves of each round together; return each round's answers, refusals as their code."""

    def guarded(move: Callable[[int], Any]) -> Callable[[int], Any]:
        def answer(number: int) -> Any:
            try:
                return move(number)
            except TradeError as refused:
                return refused.code

        return answer

    return in_rounds(ROUNDS, *map(guarded, moves))


def test_of_two_changes_of_one_revision_one_wins(buyer: Buyer) -> None:
    buys = [active_buy(buyer) for _ in range(ROUNDS)]

    def raised_to(budget: int) -> Callable[[int], Any]:
        def move(number: int) -> Any:
            buy = buys[number]
            line = {"package_id": buy.packages.get().package_id, "budget": budget}
            return ask_change(buyer, buy, revision=buy.revision, packages=[line])

        return move

    answers = at_once(raised_to(1100), raised_to(1200))

    for buy, pair in zip(buys, answers, strict=True):
        [won] = [answer for answer in pair if isinstance(answer, AppliedChange)]
        assert [answer for answer in pair if answer is not won] == ["CONFLICT"]
        after = MediaBuy.objects.get(pk=buy.pk)
        assert after.revision == buy.revision + 1
        assert after.total_budget == won.buy.total_budget
        assert after.total_budget in (Decimal(1100), Decimal(1200))
        assert Event.objects.filter(media_buy=buy, revision=after.revision).count() == 1


def test_a_change_against_the_clock_loses_nothing(buyer: Buyer) -> None:
    buys = [booked_buy(buyer) for _ in range(ROUNDS)]
    for buy in buys:
        give_creatives(buy)
        with transaction.atomic():
            media_buy_refresh(buy=buy, now=timezone.now())
        assert buy.status == BuyStatus.PENDING_START
    # Due for the clock's time of day, and not yet for the buyer's own.
    soon, later = (timezone.now() + timedelta(minutes=minutes) for minutes in (10, 11))
    MediaBuy.objects.update(start_time=soon)

    def pause(number: int) -> Any:
        return ask_change(buyer, buys[number], paused=True)

    answers = at_once(pause, lambda _: flights_activate(now=later, limit=1))
    flights_activate(now=later)

    assert all(isinstance(pair[0], AppliedChange) for pair in answers)
    for buy in buys:
        # Held before the clock came or paused after it: both end paused, with a whole history.
        after = MediaBuy.objects.get(pk=buy.pk)
        assert after.status == BuyStatus.PAUSED
        moves = Event.objects.filter(media_buy=buy).order_by("pk")
        chain = [(e.from_status, e.to_status) for e in moves if e.from_status != e.to_status]
        assert all(one[1] == two[0] for one, two in pairwise(chain))
        assert chain[-1][1] == "paused"
        assert after.revision == max(event.revision for event in moves)


def test_canceling_against_booking_has_one_outcome(buyer: Buyer) -> None:
    buys = [place(buyer, order_params(buyer)).drafted.buy for _ in range(ROUNDS)]

    def cancel(number: int) -> Any:
        return ask_change(buyer, buys[number], canceled=True)

    def work(number: int) -> None:
        book(booking_id=buys[number].booking.booking_id)

    answers = at_once(cancel, work)

    assert all(isinstance(pair[0], AppliedChange) for pair in answers)
    for buy in buys:
        after = MediaBuy.objects.get(pk=buy.pk)
        booking = Booking.objects.get(media_buy=buy)
        assert after.status == BuyStatus.CANCELED
        # Whoever came first: booked and confirmed, or neither.
        assert (booking.status == BookingStatus.BOOKED) == (after.confirmed_at is not None)
        assert booking.status in (BookingStatus.BOOKED, BookingStatus.FAILED)
        assert InlineOrder.objects.filter(reference=buy.reference).count() <= 1
