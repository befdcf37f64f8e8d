"""Moving buys through their flight, one locked buy at a time."""

from datetime import datetime

from mediabuys.flights import package_is_ready
from mediabuys.models import Event, MediaBuy, Package
from mediabuys.services.events import event_record
from mediabuys.services.notices import buy_notice_enqueue
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import BuyStatus, CanceledBy

SYSTEM = "system"


def media_buy_refresh(*, buy: MediaBuy, now: datetime, notify: bool = True) -> None:
    """Move a buy as far as its creatives and its clock allow.

    `pending_creatives` becomes `pending_start` when every package has an approved creative, and a
    confirmed buy whose flight has begun goes on to `active`. There is no way back. The caller
    holds the row.
    """
    if buy.status == BuyStatus.PENDING_CREATIVES and _creatives_are_ready(buy):
        _move(buy, Event.Action.MADE_READY, now, summary="Every package has an approved creative")
    if buy.status == BuyStatus.PENDING_START and _may_start(buy, now):
        media_buy_activate(buy=buy, now=now, notify=notify)


def _creatives_are_ready(buy: MediaBuy) -> bool:
    packages = Package.objects.filter(media_buy=buy, is_canceled=False)
    live = list(packages.prefetch_related("assignments__creative"))
    # A buy whose packages were all canceled has nothing to start.
    return bool(live) and all(package_is_ready(one, one.assignments.all()) for one in live)


def _may_start(buy: MediaBuy, now: datetime) -> bool:
    return buy.confirmed_at is not None and buy.start_time <= now


def media_buy_activate(*, buy: MediaBuy, now: datetime, notify: bool = True) -> None:
    """Start the flight; a buy that the buyer holds becomes `paused` instead."""
    _move(
        buy,
        Event.Action.PAUSED if buy.is_held else Event.Action.ACTIVATED,
        now,
        summary="The flight has begun; held by the buyer"
        if buy.is_held
        else "The flight has begun",
    )
    if notify:
        buy_notice_enqueue(buy=buy, now=now)


def media_buy_complete(
    *, buy: MediaBuy, now: datetime, summary: str = "The flight is over"
) -> None:
    """End the flight of a running or paused buy; `summary` says why in its history."""
    _move(buy, Event.Action.COMPLETED, now, summary=summary)


def media_buy_end(*, buy: MediaBuy, now: datetime) -> None:
    """End whatever is left of a buy whose flight is over.

    A ready and confirmed buy that missed its start (nothing ran the clock) is started and then
    completed, so that its history reads in order; one that never became ready is canceled.
    """
    if buy.status == BuyStatus.PENDING_START and buy.confirmed_at is not None:
        media_buy_activate(buy=buy, now=now)
    if buy.status in (BuyStatus.ACTIVE, BuyStatus.PAUSED):
        media_buy_complete(buy=buy, now=now)
    else:
        media_buy_cancel(
            buy=buy,
            actor=SYSTEM,
            canceled_by=CanceledBy.SELLER,
            reason="The flight ended before the buy could start.",
            now=now,
        )


def _move(buy: MediaBuy, action: Event.Action, now: datetime, *, summary: str) -> None:
    before = buy.status
    {
        Event.Action.MADE_READY: buy.make_ready,
        Event.Action.ACTIVATED: buy.activate,
        Event.Action.PAUSED: buy.activate_held,
        Event.Action.COMPLETED: buy.complete,
    }[action]()
    buy.revision += 1
    buy.save(update_fields=["status", "revision", "updated_at"])
    event_record(buy=buy, action=action, from_status=before, actor=SYSTEM, now=now, summary=summary)
