"""Document 003, the buy: the seven statuses, each reached as it says, and what a buyer reads."""

from typing import Any

import pytest
from adcp.types import MediaBuyStatus as WireStatus
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import Event, MediaBuy
from mediabuys.services.endings import media_buy_refuse
from mediabuys.states import WIRE_BUY_STATUSES
from tasks_hitl.models import Task
from tests.documents.buys import (
    KEY,
    active,
    at_end,
    at_start,
    booked,
    call,
    change,
    completed,
    ordered,
    ready,
    reviewed,
    shown,
    with_creative,
)
from tests.people import Buyer, guaranteed_order, order_params, reviews_by_hand
from tests.trade.orders import end_by_staff
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

SEVEN = {
    "pending_creatives",
    "pending_start",
    "active",
    "paused",
    "completed",
    "rejected",
    "canceled",
}
TERMINAL = ("completed", "rejected", "canceled")


def declined(buy: MediaBuy) -> None:
    """Let staff of the source decline an accepted buy."""
    end_by_staff(buy, service=media_buy_refuse, reason="The advertiser is not licensed here.")
    buy.refresh_from_db()


def stopped(buy: MediaBuy) -> None:
    """Let staff of the source stop a buy."""
    end_by_staff(buy, reason="The site closes on Friday.")
    buy.refresh_from_db()


def ended(buyer: Buyer, status: str) -> MediaBuy:
    """Return a buy in one of the terminal statuses."""
    if status == "completed":
        return completed(buyer)
    buy = booked(ordered(buyer))
    if status == "rejected":
        declined(buy)
    else:
        stopped(buy)
    return buy


def test_it_is_one_of_seven_values() -> None:
    assert {status.value for status in WIRE_BUY_STATUSES} == SEVEN
    assert {status.value for status in WireStatus} == SEVEN


def test_an_accepted_buy_without_an_approved_creative_is_pending_creatives(buyer: Buyer) -> None:
    answer = ordered(buyer)

    assert answer["media_buy_status"] == "pending_creatives"
    buy = booked(answer)
    assert shown(buyer, buy)["status"] == "pending_creatives"


def test_pending_creatives_cannot_launch(buyer: Buyer) -> None:
    buy = booked(ordered(buyer))

    at_start(buy)

    assert shown(buyer, buy)["status"] == "pending_creatives"
    assert not Event.objects.filter(action="activated").exists()


def test_a_buy_waits_in_pending_creatives_until_one_is_approved_and_attached(buyer: Buyer) -> None:
    buy = booked(ordered(buyer))
    assert shown(buyer, buy)["status"] == "pending_creatives"

    with_creative(buyer, buy)

    assert shown(buyer, buy)["status"] == "pending_start"


def test_pending_start_has_its_creatives_and_waits_for_its_flight(buyer: Buyer) -> None:
    buy = ready(buyer)

    body = shown(buyer, buy)

    assert body["status"] == "pending_start"
    assert [row["approval_status"] for row in body["packages"][0]["creative_approvals"]] == [
        "approved"
    ]
    assert buy.start_time > timezone.now()


def test_pending_start_launches_by_itself_when_the_start_date_arrives(buyer: Buyer) -> None:
    buy = ready(buyer)

    at_start(buy, timezone.now())
    assert shown(buyer, buy)["status"] == "pending_start"
    at_start(buy)

    assert shown(buyer, buy)["status"] == "active"


def test_active_is_live_in_its_flight(buyer: Buyer) -> None:
    buy = active(buyer)

    body = shown(buyer, buy, include_history=1)

    assert body["status"] == "active"
    assert body["history"][0]["action"] == "activated"
    assert buy.confirmed_at is not None


def test_paused_by_the_buyer_is_resumable(buyer: Buyer) -> None:
    buy = active(buyer)

    paused = change(buyer, buy, 1, paused=True)
    assert shown(buyer, buy)["status"] == "paused"
    resumed = change(buyer, buy, 2, paused=False)

    assert (paused["media_buy_status"], resumed["media_buy_status"]) == ("paused", "active")
    assert shown(buyer, buy)["status"] == "active"


def test_paused_because_it_was_created_paused(buyer: Buyer) -> None:
    buy = active(buyer, paused=True)

    assert shown(buyer, buy)["status"] == "paused"
    assert change(buyer, buy, 1, paused=False)["media_buy_status"] == "active"


def test_completed_when_the_flight_finished(buyer: Buyer) -> None:
    buy = active(buyer)

    at_end(buy)

    assert shown(buyer, buy)["status"] == "completed"


def test_a_paused_buy_completes_with_its_flight_too(buyer: Buyer) -> None:
    buy = active(buyer, paused=True)

    at_end(buy)

    assert shown(buyer, buy)["status"] == "completed"


@pytest.mark.parametrize("status", TERMINAL)
def test_the_three_ends_are_terminal(buyer: Buyer, status: str) -> None:
    buy = ended(buyer, status)
    before = MediaBuy.objects.values().get()

    answer = change(buyer, buy, 1, paused=True)
    at_start(buy)
    at_end(buy)
    with_creative(buyer, buy, 2)

    assert answer["adcp_error"]["code"] == "INVALID_STATE"
    body = shown(buyer, buy)
    assert (body["status"], body["valid_actions"]) == (status, [])
    assert MediaBuy.objects.values().get() == before


@pytest.mark.parametrize("was", ["pending_creatives", "pending_start"])
def test_rejected_when_the_source_declines_with_the_reason(buyer: Buyer, was: str) -> None:
    buy = booked(ordered(buyer)) if was == "pending_creatives" else ready(buyer)
    assert buy.status == was

    declined(buy)

    body = shown(buyer, buy)
    assert body["status"] == "rejected"
    assert body["rejection_reason"] == "The advertiser is not licensed here."


def test_a_running_buy_is_stopped_and_never_rejected(buyer: Buyer) -> None:
    buy = active(buyer)

    stopped(buy)

    assert shown(buyer, buy)["status"] == "canceled"


@pytest.mark.parametrize("reach", [lambda buyer: booked(ordered(buyer)), ready, active])
def test_canceled_by_the_buyer_before_completion(buyer: Buyer, reach: Any) -> None:
    buy = reach(buyer)

    answer = change(buyer, buy, 1, canceled=True, cancellation_reason="The budget is gone.")

    assert answer["media_buy_status"] == "canceled"
    body = shown(buyer, buy)
    assert body["status"] == "canceled"
    assert body["cancellation"]["canceled_by"] == "buyer"
    assert body["cancellation"]["reason"] == "The budget is gone."


def test_canceled_by_the_source(buyer: Buyer) -> None:
    buy = active(buyer)

    stopped(buy)

    cancellation = shown(buyer, buy)["cancellation"]
    assert (cancellation["canceled_by"], cancellation["reason"]) == (
        "seller",
        "The site closes on Friday.",
    )


def test_there_is_no_pending_approval_value(buyer: Buyer) -> None:
    answer = call(buyer, "get_media_buys", {"status_filter": ["pending_approval"]})

    assert answer["adcp_error"]["code"] == "INVALID_REQUEST"
    assert answer["adcp_error"]["field"].startswith("status_filter")


def test_what_is_before_issuance_is_a_task_and_no_buy(buyer: Buyer) -> None:
    answer = call(buyer, "create_media_buy", guaranteed_order(buyer))

    assert answer["status"] == "submitted"
    assert not {"media_buy_id", "media_buy_status"} & set(answer)
    assert Task.objects.get().task_id == answer["task_id"]
    every = call(buyer, "get_media_buys", {"status_filter": sorted(SEVEN)})
    assert every["media_buys"] == []


def test_media_buy_status_is_on_create_and_on_update(buyer: Buyer) -> None:
    created = ordered(buyer)
    updated = change(buyer, booked(created), 1, paused=True)

    assert (created["status"], created["media_buy_status"]) == ("completed", "pending_creatives")
    assert (updated["status"], updated["media_buy_status"]) == ("completed", "pending_creatives")


def test_get_media_buys_nests_the_status_in_each_buy(buyer: Buyer) -> None:
    buy = active(buyer)

    answer = call(buyer, "get_media_buys", {})

    assert answer["status"] == "completed"
    assert [(row["media_buy_id"], row["status"]) for row in answer["media_buys"]] == [
        (buy.media_buy_id, "active")
    ]


def test_no_creative_is_assigned_yet(buyer: Buyer) -> None:
    buy = booked(ordered(buyer))

    body = shown(buyer, buy)

    assert body["status"] == "pending_creatives"
    assert body["packages"][0]["creative_approvals"] == []


def test_the_source_is_moderating_the_buy(buyer: Buyer) -> None:
    reviews_by_hand()
    buy = booked(ordered(buyer))

    with_creative(buyer, buy)

    body = shown(buyer, buy)
    assert body["status"] == "pending_creatives"
    [approval] = body["packages"][0]["creative_approvals"]
    assert approval == {"creative_id": "banner-1", "approval_status": "pending_review"}
    assert body["confirmed_at"] is not None


def test_while_the_review_is_outstanding_it_does_not_launch(buyer: Buyer) -> None:
    reviews_by_hand()
    buy = booked(ordered(buyer))
    with_creative(buyer, buy)

    at_start(buy)

    assert shown(buyer, buy)["status"] == "pending_creatives"


def test_the_review_clears_and_the_buy_goes_on(buyer: Buyer) -> None:
    reviews_by_hand()
    buy = booked(ordered(buyer))
    with_creative(buyer, buy)

    reviewed(approve=True)

    assert shown(buyer, buy)["status"] == "pending_start"


def test_a_review_that_declines_keeps_the_buy_open_for_another_creative(buyer: Buyer) -> None:
    reviews_by_hand()
    buy = booked(ordered(buyer))
    with_creative(buyer, buy)
    reviewed(approve=False, reason="The logo is cut off.")
    assert shown(buyer, buy)["status"] == "pending_creatives"

    with_creative(buyer, buy, 2)
    reviewed(approve=True)

    assert shown(buyer, buy)["status"] == "pending_start"


def test_pending_creatives_is_no_failure(buyer: Buyer) -> None:
    answer = ordered(buyer)

    assert answer["media_buy_status"] == "pending_creatives"
    assert not {"errors", "adcp_error"} & set(answer)
    body = shown(buyer, booked(answer))
    assert "rejection_reason" not in body
    assert "sync_creatives" in body["valid_actions"]


def test_resending_the_order_resolves_nothing(buyer: Buyer) -> None:
    params = order_params(buyer, KEY.format(1))
    first = call(buyer, "create_media_buy", params)

    again = call(buyer, "create_media_buy", params)

    assert (again["media_buy_id"], again["replayed"]) == (first["media_buy_id"], True)
    assert again["media_buy_status"] == "pending_creatives"
    assert MediaBuy.objects.count() == 1


def test_the_buyer_is_told_of_what_the_source_does(buyer: Buyer, approver: User) -> None:
    hook: dict[str, Any] = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}
    buy = active(buyer, **hook)
    launched = [row.kind for row in Delivery.objects.order_by("pk")]

    stopped(buy)

    assert launched == ["media_buy_status"]
    assert [row.kind for row in Delivery.objects.order_by("pk")] == ["media_buy_status"] * 2
