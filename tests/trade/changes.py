"""Short ways to a buy that can be changed, and to a change of it, through the real services."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from mediabuys.models import MediaBuy
from mediabuys.services.changes import AppliedChange
from mediabuys.services.clock import flights_activate
from mediabuys.services.flights import media_buy_refresh
from mediabuys.states import BuyStatus
from tasks_hitl.models import Task
from tests.people import Buyer
from tests.trade import parked
from tests.trade.orders import booked_buy, give_creatives


def ready_buy(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return a confirmed buy with an approved creative, which only waits for its start."""
    buy = booked_buy(buyer, **changes)
    give_creatives(buy)
    media_buy_refresh(buy=buy, now=timezone.now())
    assert buy.status == BuyStatus.PENDING_START
    return buy


def active_buy(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return a buy that runs since an hour ago, with an approved creative on every package."""
    buy = booked_buy(buyer, **changes)
    give_creatives(buy)
    return started(buy)


def started(buy: MediaBuy) -> MediaBuy:
    """Let the clock start a booked buy with creatives, and return it as it is then."""
    with transaction.atomic():
        media_buy_refresh(buy=MediaBuy.objects.get(pk=buy.pk), now=timezone.now())
    flights_activate(now=buy.start_time)
    return MediaBuy.objects.get(pk=buy.pk)


def change(
    buyer: Buyer, buy: MediaBuy, *, now: datetime | None = None, **fields: Any
) -> AppliedChange:
    """Apply a change at once; one that waits is a mistake of the test."""
    placed = ask_change(buyer, buy, now=now, **fields)
    assert isinstance(placed, AppliedChange)
    return placed


def ask_change(
    buyer: Buyer, buy: MediaBuy, *, now: datetime | None = None, **fields: Any
) -> AppliedChange | Task:
    """Ask for a change, which may have to wait."""
    return parked.change(buyer, {"media_buy_id": buy.media_buy_id, **fields}, now)
