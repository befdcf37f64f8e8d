"""Id 3: a page of fifty buys against fifty bare single-row queries."""

from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mediabuys.models import AdServerFeed, DeliverySnapshot, MediaBuy, Package
from tests.bench import scenery
from tests.bench.measuring import Run, compare, own_clock
from tests.bench.rows import Row, at_most
from tests.bench.statements import statements
from tests.people import Buyer
from webhooks.models import Attempt, Delivery
from webhooks.services import delivery_enqueue, destination_upsert, new_idempotency_key

BUYS = 60
PAGE = 50
PACKAGES = 2
REPORTS = 3
CALLS = 4
ROUNDS = 12


def measure() -> list[Row]:
    """Return the page's processor time, and its queries whatever the page."""
    buyer = scenery.new_buyer()
    buys = scenery.running_buys(buyer, number=BUYS, packages=PACKAGES)
    _deliver(buys, buyer)
    keys = [buy.pk for buy in buys[:PAGE]]

    def page(times: int) -> Run:
        return lambda: [_page(PAGE, buyer.token) for _ in range(times)]

    def bare(times: int) -> Run:
        return lambda: [MediaBuy.objects.get(pk=key) for _ in range(times) for key in keys]

    found = compare(ours=page, bare=bare, repetitions=CALLS, rounds=ROUNDS, clock=own_clock())
    counts = [len(statements(partial(_page, size, buyer.token))) for size in (1, 10, PAGE)]
    without = len(statements(partial(_page, PAGE, buyer.token, include_snapshot=False)))
    settings.ADSERVER = "inline"
    return [
        at_most(
            3,
            "get_media_buys, page of 50 with packages, creatives, history, snapshots, activity",
            found.ratio,
            1.0,
            baseline="50 bare single-row queries",
            detail=f"{found.in_words}; {PACKAGES} packages a buy, {REPORTS} reports",
        ),
        at_most(
            3,
            "get_media_buys, queries",
            max(counts),
            12,
            detail=f"pages of 1, 10 and {PAGE}: {counts}",
        ),
        at_most(13, f"snapshots of a page of {PAGE}, more queries", counts[-1] - without, 1),
    ]


def _deliver(buys: list[MediaBuy], buyer: Buyer) -> None:
    """Give every package figures, and every buy an endpoint that took its reports."""
    settings.ADSERVER = "batch"
    owner, now = buyer.principal.principal_id, timezone.now()
    sink = destination_upsert(owner_key=owner, kind="signed_http", url="https://127.0.0.1:9/hooks")
    MediaBuy.objects.filter(pk__in=[buy.pk for buy in buys]).update(destination=sink)
    figures = {"as_of": now, "impressions": 1000, "spend": Decimal("12.34"), "currency": "USD"}
    AdServerFeed.objects.update_or_create(
        name=AdServerFeed.Name.DELIVERY, defaults={"as_of": now, "read_at": now}
    )
    DeliverySnapshot.objects.bulk_create(
        DeliverySnapshot(package=package, clicks=number, **figures)
        for number, package in enumerate(Package.objects.filter(media_buy__in=buys))
    )
    with transaction.atomic():
        for buy in buys:
            for number in range(1, REPORTS + 1):
                delivery_enqueue(
                    owner_key=owner,
                    subject_key=f"media_buy:{buy.reference}",
                    destination_id=sink.pk,
                    kind="scheduled",
                    sequence=number,
                    body={"sequence_number": number},
                    idempotency_key=new_idempotency_key(),
                )
    sent = Delivery.objects.filter(destination=sink)
    Attempt.objects.bulk_create(
        Attempt(
            delivery=delivery, number=1, started_at=now, completed_at=now, outcome="success",
            http_status=200, response_ms=20, payload_bytes=100,
        )
        for delivery in sent
    )  # fmt: skip
    sent.update(status="delivered", settled_at=now, attempt_count=1)


def _page(size: int, token: str, **changes: bool) -> bytes:
    body: dict[str, Any] = {
        "status_filter": ["pending_creatives", "pending_start", "active"],
        "include_history": 10,
        "include_snapshot": True,
        "include_webhook_activity": True,
        "pagination": {"max_results": size},
        **changes,
    }
    return scenery.call("get_media_buys", body, token)
