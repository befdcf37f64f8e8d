"""A buyer's agent and its buy, over the wire alone: order, send creatives, read, change."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from mediabuys.models import Creative, MediaBuy
from mediabuys.services.clock import flights_activate, flights_complete
from mediabuys.services.creatives import creative_review
from tasks_hitl.services import book
from tests.creatives.library import item, sync_body, wish
from tests.people import Buyer, order_params
from tests.protocol.conftest import ask

KEY = "key-{:016d}"
A_MINUTE = timedelta(minutes=1)


def call(buyer: Buyer, task: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call one task over REST and return its body."""
    return ask(task, body, buyer.token).body


def ordered(buyer: Buyer, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Order a buy that is accepted at once; return the answer of `create_media_buy`."""
    body = call(buyer, "create_media_buy", order_params(buyer, KEY.format(number), **changes))
    assert body["status"] == "completed", body
    return body


def booked(answer: dict[str, Any]) -> MediaBuy:
    """Let the worker book the order of an answer; return the buy."""
    buy = MediaBuy.objects.get(media_buy_id=answer["media_buy_id"])
    book(booking_id=buy.booking.booking_id)
    buy.refresh_from_db()
    return buy


def with_creative(buyer: Buyer, buy: MediaBuy, key: int = 1) -> dict[str, Any]:
    """Send a creative and assign it to the buy's first package."""
    [package, *_] = buy.packages.all()
    name = f"banner-{key}"
    assignments = [wish(name, package.package_id)]
    return call(
        buyer, "sync_creatives", sync_body(buyer, item(name), key=key, assignments=assignments)
    )


def ready(buyer: Buyer, number: int = 1, **changes: Any) -> MediaBuy:
    """Return a booked buy with an approved creative, which only waits for its start."""
    buy = booked(ordered(buyer, number, **changes))
    with_creative(buyer, buy, number)
    buy.refresh_from_db()
    return buy


def active(buyer: Buyer, number: int = 1, **changes: Any) -> MediaBuy:
    """Return a buy whose start the clock has reached."""
    buy = ready(buyer, number, **changes)
    at_start(buy)
    return buy


def completed(buyer: Buyer, number: int = 1) -> MediaBuy:
    """Return a buy whose end the clock has reached."""
    buy = active(buyer, number)
    at_end(buy)
    return buy


def at_start(buy: MediaBuy, now: datetime | None = None) -> None:
    """Let the clock reach the start of the flight."""
    flights_activate(now=now or buy.start_time + A_MINUTE)
    buy.refresh_from_db()


def at_end(buy: MediaBuy) -> None:
    """Let the clock reach the end of the flight."""
    flights_complete(now=buy.end_time + A_MINUTE)
    buy.refresh_from_db()


def shown(buyer: Buyer, buy: MediaBuy, **asked: Any) -> dict[str, Any]:
    """Return the buy as `get_media_buys` shows it."""
    body = call(buyer, "get_media_buys", {"media_buy_ids": [buy.media_buy_id], **asked})
    [found] = body["media_buys"]
    return dict(found)


def change(buyer: Buyer, buy: MediaBuy, number: int = 1, **fields: Any) -> dict[str, Any]:
    """Call `update_media_buy` and return its body."""
    return call(
        buyer,
        "update_media_buy",
        {
            "idempotency_key": f"change-{number:016d}",
            "account": {"account_id": buyer.account.account_id},
            "media_buy_id": buy.media_buy_id,
            **fields,
        },
    )


def reviewed(*, approve: bool, reason: str = "") -> None:
    """Decide on the one creative that waits, as staff do."""
    creative = Creative.objects.get(status="pending_review")
    creative_review(
        creative_pk=creative.pk,
        approve=approve,
        reason=reason,
        reviewer="seller:rep",
        now=timezone.now(),
    )
