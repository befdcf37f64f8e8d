"""Buys in the states that the documents speak of, reached through the real services."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from mediabuys.locks import media_buy_locked
from mediabuys.models import DeliverySnapshot, MediaBuy, Package, PricingOption, Product
from mediabuys.services.flights import media_buy_complete, media_buy_refresh
from mediabuys.services.orders import media_buy_cancel, media_buy_reject
from mediabuys.states import CanceledBy
from tasks_hitl.services import book
from tests.people import Buyer, in_wire, order_params
from tests.protocol.conftest import ask
from tests.trade.orders import booked_buy, give_creatives, place

STATUSES = (
    "pending_creatives",
    "pending_start",
    "active",
    "paused",
    "completed",
    "rejected",
    "canceled",
)
HOUR = timedelta(hours=1)
# A start within two hours would wait for a person.
LEAD = 3 * HOUR


def running_buy(
    buyer: Buyer,
    *,
    key: str = "key-0000000000000001",
    started: timedelta = 6 * HOUR,
    length: timedelta = 24 * HOUR,
    **changes: Any,
) -> MediaBuy:
    """Return an active buy whose flight of that length began so long ago."""
    start = timezone.now() - started
    times = {"start_time": in_wire(start), "end_time": in_wire(start + length)}
    placed = place(buyer, order_params(buyer, key, **{**times, **changes}), now=start - LEAD)
    buy = placed.drafted.buy
    book(booking_id=buy.booking.booking_id, now=start - LEAD)
    give_creatives(buy)
    return changed(buy, lambda row: media_buy_refresh(buy=row, now=start))


def changed(buy: MediaBuy, change: Callable[[MediaBuy], object]) -> MediaBuy:
    """Apply one verb to the locked buy, as the services do."""
    with transaction.atomic():
        change(media_buy_locked(buy.pk))
    return MediaBuy.objects.get(pk=buy.pk)


def canceled(buy: MediaBuy, *, by: CanceledBy, reason: str = "") -> MediaBuy:
    """Return the buy canceled."""
    now = timezone.now()
    return changed(
        buy,
        lambda row: media_buy_cancel(
            buy=row, actor="seller:viewer", canceled_by=by, reason=reason, now=now
        ),
    )


def delivered(
    buy: MediaBuy, *, age: timedelta = timedelta(0), impressions: int = 1000, **figures: Any
) -> DeliverySnapshot:
    """Write what an import would: the first package's totals as of so long ago."""
    package = Package.objects.filter(media_buy=buy).earliest("position")
    found, _ = DeliverySnapshot.objects.update_or_create(
        package=package,
        defaults={
            "as_of": timezone.now() - age,
            "impressions": impressions,
            "clicks": None,
            "spend": Decimal(0),
            "currency": "USD",
            **figures,
        },
    )
    return found


def shown(buyer: Buyer, **params: Any) -> dict[str, Any]:
    """Return the answer of get_media_buys, which the strict schema has judged too."""
    answer = ask("get_media_buys", params, buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def only(buyer: Buyer, buy: MediaBuy, **params: Any) -> dict[str, Any]:
    """Return the one entry of this buy."""
    (entry,) = shown(buyer, media_buy_ids=[buy.media_buy_id], **params)["media_buys"]
    return entry


def at(moment: str) -> datetime:
    """Return the moment of the wire."""
    return datetime.fromisoformat(moment)


def buy_in_status(buyer: Buyer, status: str, number: int = 1) -> MediaBuy:
    """Return a buy that the services brought to this status."""
    now = timezone.now()
    key = f"key-{number:016d}"
    if status in ("active", "paused", "completed"):
        buy = running_buy(buyer, key=key)
        if status == "paused":
            changed(buy, _pause)
        if status == "completed":
            changed(buy, lambda row: media_buy_complete(buy=row, now=now))
        return MediaBuy.objects.get(pk=buy.pk)
    buy = booked_buy(buyer, key=key)
    if status == "pending_start":
        changed(buy, _make_ready)
    if status == "rejected":
        changed(
            buy,
            lambda row: media_buy_reject(
                buy=row, actor="seller:viewer", reason="Sold out.", now=now, notify=False
            ),
        )
    if status == "canceled":
        canceled(buy, by=CanceledBy.BUYER, reason="Changed plans")
    return MediaBuy.objects.get(pk=buy.pk)


def _pause(row: MediaBuy) -> None:
    row.pause()
    row.revision += 1
    row.save()


def _make_ready(row: MediaBuy) -> None:
    row.make_ready()
    row.save()


def buy_by_staff(buyer: Buyer) -> MediaBuy:
    """Return a buy as staff enter one: no agent asked for it, and it came over no API."""
    product = Product.objects.get(product_id="run-of-site")
    start = timezone.now() - HOUR
    buy = MediaBuy(
        principal=buyer.principal,
        account=buyer.account,
        media_buy_id="mb_entered_by_hand",
        brand_domain="acmeoutdoor.example",
        currency="USD",
        total_budget=Decimal(250),
        start_time=start,
        end_time=start + timedelta(days=5),
        confirmed_at=start,
    )
    for move in (buy.accept, buy.make_ready, buy.activate):
        move()
    buy.save()
    Package.objects.create(
        media_buy=buy, position=0, product=product, budget=Decimal(250), currency="USD",
        pricing_option=PricingOption.objects.get(product=product),
    )  # fmt: skip
    return buy
