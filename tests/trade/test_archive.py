"""The archive: only what is over goes in, and AdCP shows the same as before."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from adcp_sales.protocol.dispatch import run_task
from mediabuys.errors import InvalidState
from mediabuys.models import Event, MediaBuy
from mediabuys.services.archive import media_buy_archive, media_buy_unarchive
from mediabuys.services.clock import flights_complete
from mediabuys.services.flights import media_buy_refresh
from tests.interchange import read
from tests.people import Buyer
from tests.trade.orders import booked_buy, give_creatives, waiting_task

pytestmark = pytest.mark.django_db

REP = "seller:rep"


def completed_buy(buyer: Buyer) -> MediaBuy:
    buy = booked_buy(buyer)
    give_creatives(buy)
    media_buy_refresh(buy=buy, now=buy.start_time)
    flights_complete(now=buy.end_time + timedelta(minutes=1))
    buy.refresh_from_db()
    assert buy.status == "completed"
    return buy


def archive(buy: MediaBuy, reason: str = "") -> MediaBuy:
    return media_buy_archive(media_buy_pk=buy.pk, actor=REP, reason=reason, now=timezone.now())


def over_adcp(buyer: Buyer, buy: MediaBuy) -> dict[str, Any]:
    params = {"media_buy_ids": [buy.media_buy_id], "include_history": 100}
    return run_task("get_media_buys", params, buyer.principal).body


def test_an_archived_buy_reads_archived_and_its_adcp_side_is_the_same(buyer: Buyer) -> None:
    buy = completed_buy(buyer)
    before = over_adcp(buyer, buy)

    archived = archive(buy, "The campaign is billed.")

    body = read(f"media-buys/{buy.media_buy_id}", buyer.token).body
    assert (body["status"], body["adcp_status"]) == ("ARCHIVED", "completed")
    assert archived.archived_at is not None
    assert body["archived_at"] == body["updated_at"] == archived.archived_at.isoformat()
    assert over_adcp(buyer, buy) == before
    event = Event.objects.latest("pk")
    assert (event.action, event.actor, event.summary) == (
        "archived",
        REP,
        "The campaign is billed.",
    )
    assert (event.from_status, event.to_status) == ("completed", "completed")


def test_out_of_the_archive_it_has_its_status_again(buyer: Buyer) -> None:
    buy = completed_buy(buyer)
    archive(buy)

    media_buy_unarchive(media_buy_pk=buy.pk, actor=REP, reason="", now=timezone.now())

    body = read(f"media-buys/{buy.media_buy_id}", buyer.token).body
    assert (body["status"], body["adcp_status"]) == ("COMPLETED", "completed")
    assert "archived_at" not in body
    buy.refresh_from_db()
    assert (buy.archived_at, buy.archived_by) == (None, "")
    assert [*Event.objects.values_list("action", flat=True)][-2:] == ["archived", "unarchived"]


@pytest.mark.parametrize("status", ["pending_creatives", "active", "draft"])
def test_only_what_is_over_is_archived(buyer: Buyer, status: str) -> None:
    buy = waiting_task(buyer).media_buy if status == "draft" else booked_buy(buyer)
    if status == "active":
        give_creatives(buy)
        media_buy_refresh(buy=buy, now=buy.start_time)
    assert buy.status == status
    before = MediaBuy.objects.values().get()
    events = Event.objects.count()

    with pytest.raises(InvalidState, match="only what is over is archived") as refused:
        archive(buy)

    assert refused.value.code == "INVALID_STATE"
    assert MediaBuy.objects.values().get() == before
    assert Event.objects.count() == events


def test_nothing_is_archived_or_taken_out_twice(buyer: Buyer) -> None:
    buy = completed_buy(buyer)
    with pytest.raises(InvalidState, match="not in the archive"):
        media_buy_unarchive(media_buy_pk=buy.pk, actor=REP, reason="", now=timezone.now())
    archive(buy)
    events = Event.objects.count()

    with pytest.raises(InvalidState, match="in the archive already"):
        archive(buy)

    assert Event.objects.count() == events


def test_the_database_keeps_live_buys_out_of_the_archive(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    with pytest.raises(IntegrityError, match="archived_when_over"), transaction.atomic():
        MediaBuy.objects.filter(pk=buy.pk).update(archived_at=timezone.now())
