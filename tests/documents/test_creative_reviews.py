"""Document 004 on creatives after they were sent: review, revocation, deadlines, the buy's end.

Each test is named after the sentence that it shows.
"""

from datetime import timedelta

import pytest
from django.test import Client

from mediabuys.models import Creative, MediaBuy
from mediabuys.services.clock import flights_activate
from tests.creatives.library import call, item, sync, wish
from tests.documents.creative_calls import LINE, approvals, on, read, review, send
from tests.people import Buyer, in_wire, make_staff
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    """An accepted buy of one package that has no creative."""
    return booked_buy(buyer)


# Staff approve, reject and revoke.


@pytest.mark.usefixtures("reviewing")
def test_staff_review_in_the_admin_and_the_buyer_reads_their_reason(
    client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    client.force_login(make_staff("rep", "rep"))
    queue = client.get("/admin/creative-review/")
    door = f"/admin/mediabuys/creative/{Creative.objects.get().pk}"

    client.post(f"{door}/reject/", {"shown_revision": 1, "reason": "Too loud."})

    assert [row.creative.creative_id for row in queue.context["page"].rows] == ["banner"]
    assert approvals(buy, buyer)[0]["rejection_reason"] == "Too loud."


def test_a_revoked_creative_reads_rejected_and_the_live_buy_keeps_its_status(
    buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    revision = read(buy, buyer)["revision"]

    review(reason="The brand withdrew it.")

    body = read(buy, buyer)
    assert (body["status"], body["revision"]) == ("pending_start", revision)
    assert body["packages"][0]["creative_approvals"] == [
        {
            "creative_id": "banner",
            "approval_status": "rejected",
            "rejection_reason": "The brand withdrew it.",
        }
    ]
    assert (body["health"], len(body["impairments"])) == ("impaired", 1)


def test_a_buy_does_not_become_ready_through_a_revoked_creative(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[LINE, LINE])
    first, second = buy.packages.order_by("position")
    sync(buyer, item("one"), assignments=[wish("one", first.package_id)])
    review("one", reason="The brand withdrew it.")

    sync(buyer, item("two"), assignments=[wish("two", second.package_id)])
    not_ready = read(buy, buyer)["status"]
    sync(buyer, item("one", name="Corrected"))

    assert (not_ready, read(buy, buyer)["status"]) == ("pending_creatives", "pending_start")


def test_a_buy_that_lost_its_creative_starts_impaired(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    review(reason="The brand withdrew it.")

    flights_activate(now=buy.start_time + timedelta(seconds=1))

    body = read(buy, buyer)
    assert (body["status"], body["health"]) == ("active", "impaired")


# Deadlines.


def test_the_creative_deadline_is_told_and_kept(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    body = read(buy, buyer)
    assert buy.creative_deadline is not None
    MediaBuy.objects.update(creative_deadline=buy.creative_deadline - timedelta(days=30))

    refused = send(buyer, item(name="Too late"), key=2)

    assert body["creative_deadline"] == buy.creative_deadline.isoformat()
    assert refused["action"] == "failed"
    [error] = refused["errors"]
    assert (error["code"], error["field"], error["recovery"]) == (
        "CREATIVE_DEADLINE_EXCEEDED",
        "creatives[0].creative_id",
        "correctable",
    )
    assert error["suggestion"]
    assert (Creative.objects.get().name, Creative.objects.get().revision) == ("Banner", 1)


def test_a_package_has_its_own_deadline_where_it_starts_at_its_own_time(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    assert buy.creative_deadline is not None
    later = booked_buy(
        buyer,
        idempotency_key="key-0000000000000002",
        start_time=in_wire(buy.start_time),
        end_time=in_wire(buy.end_time),
        packages=[LINE, LINE | {"start_time": in_wire(buy.start_time + timedelta(days=2))}],
    )

    with_buy, own = read(later, buyer)["packages"]

    assert "creative_deadline" not in with_buy
    assert own["creative_deadline"] == (buy.creative_deadline + timedelta(days=2)).isoformat()


def test_after_the_deadline_a_rejected_creative_can_still_be_corrected(
    buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    review(reason="The brand withdrew it.")
    assert buy.creative_deadline is not None
    MediaBuy.objects.update(creative_deadline=buy.creative_deadline - timedelta(days=30))

    corrected = send(buyer, item(name="With another slogan"), key=2)

    assert (corrected["action"], corrected["status"]) == ("updated", "approved")
    assert read(buy, buyer)["health"] == "ok"


# The end of a buy.


def test_a_canceled_buy_gives_its_creatives_back(client: Client, buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    send(buyer, item(), key=1, assignments=[on(buy)])
    cancel = {
        "idempotency_key": "cancel-000000000000001",
        "account": {"account_id": buyer.account.account_id},
        "media_buy_id": buy.media_buy_id,
        "canceled": True,
    }

    status, body = call("update_media_buy", cancel, buyer)

    assert (status, body["media_buy_status"]) == (200, "canceled")
    assert approvals(buy, buyer) == []
    [kept] = call("list_creatives", {}, buyer)[1]["creatives"]
    assert (kept["status"], kept["assignments"]["assignment_count"]) == ("approved", 0)
    event = buy.events.get(action="canceled")
    assert event.data["released_creatives"] == ["banner"]
    again = booked_buy(buyer, idempotency_key="key-0000000000000002")
    send(buyer, item(), key=2, assignments=[on(again)])
    assert read(again, buyer)["status"] == "pending_start"
