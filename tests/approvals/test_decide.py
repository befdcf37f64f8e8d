"""decide(): one decision for each task, bound to what was shown."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import Booking, Event, MediaBuy
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.errors import (
    AlreadyDecided,
    NoLongerValid,
    NotPermitted,
    ReasonRequired,
    ShownStale,
    TaskNotFound,
)
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.services import book, tasks_expire
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests import wakeups
from tests.people import Buyer
from tests.trade.orders import approve, reject, waiting_task
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

HOOK = {"push_notification_config": {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}}


def assert_undecided(task: Task) -> None:
    task.refresh_from_db()
    assert task.status == TaskStatus.SUBMITTED
    assert task.version == 1
    assert MediaBuy.objects.get(pk=task.media_buy_id).status == BuyStatus.DRAFT
    assert Decision.objects.count() == 0
    assert Booking.objects.count() == 0
    assert Delivery.objects.count() == 0
    assert wakeups.sent == []


def test_a_guaranteed_order_waits_with_its_reason(buyer: Buyer) -> None:
    task = waiting_task(buyer)

    buy = MediaBuy.objects.get()
    assert (task.status, task.queue_state) == (TaskStatus.SUBMITTED, QueueState.PENDING_MANUAL)
    assert (buy.status, buy.media_buy_id) == (BuyStatus.DRAFT, None)
    assert task.reason == (
        "Campaign budget exceeds automatic approval threshold; "
        "Guaranteed inventory is confirmed by our sales team"
    )
    assert task.estimate == "2-4 hours during business hours"
    assert task.context_id == buy.context_id
    assert task.due_at > timezone.now()
    assert [rule["stopped"] for rule in buy.policy["rules"]] == [True, True, False]
    assert [event.action for event in task.events.all()] == ["submitted"]
    assert Event.objects.count() == 0


def test_approval_queues_the_booking_and_nothing_else(
    buyer: Buyer, approver: User, django_capture_on_commit_callbacks: Any
) -> None:
    task = waiting_task(buyer, **HOOK)

    with django_capture_on_commit_callbacks(execute=True):
        decision = approve(task, approver)

    task.refresh_from_db()
    booking = Booking.objects.get()
    assert (decision.outcome, decision.decided_by) == (Outcome.APPROVED, approver)
    assert (task.status, task.queue_state, task.version) == ("working", "booking", 2)
    assert booking.status == BookingStatus.QUEUED
    assert MediaBuy.objects.get().media_buy_id is None
    assert Delivery.objects.count() == 0
    assert wakeups.sent == [("tasks_hitl.book", booking.booking_id)]


def test_a_booked_order_completes_its_task_and_tells_the_buyer(
    buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer, **HOOK)
    approve(task, approver)

    book(booking_id=Booking.objects.get().booking_id)

    task.refresh_from_db()
    buy = MediaBuy.objects.get()
    delivery = Delivery.objects.get()
    assert task.status == TaskStatus.COMPLETED
    assert task.result is not None
    assert task.result["media_buy_id"] == buy.media_buy_id
    assert buy.status == BuyStatus.PENDING_CREATIVES
    assert buy.confirmed_at is not None
    assert delivery.kind == "task_status"
    assert b'"operation_id":"op-1"' in bytes(delivery.body)
    assert [event.action for event in task.events.all()] == ["submitted", "approved", "booked"]


def test_rejection_fails_the_task_and_leaves_no_buy(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **HOOK)

    reject(task, approver)

    task.refresh_from_db()
    buy = MediaBuy.objects.get()
    assert task.status == TaskStatus.FAILED
    assert task.error == {
        "code": "PRODUCT_UNAVAILABLE",
        "message": "March is sold out.",
        "suggestion": "Try other flight dates, a smaller budget or another product.",
        "recovery": "correctable",
    }
    assert (buy.status, buy.media_buy_id) == (BuyStatus.DECLINED, None)
    assert Booking.objects.count() == 0
    assert Delivery.objects.count() == 1


def test_a_second_click_finds_the_first_decision(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    token = uuid4()
    first = approve(task, approver, form_token=token)

    second = approve(task, approver, form_token=token)

    assert second == first
    assert Decision.objects.count() == 1
    assert Booking.objects.count() == 1


def test_the_loser_hears_who_decided_what(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    approve(task, approver)

    with pytest.raises(AlreadyDecided, match=r"^approver approved this order on "):
        reject(task, approver)

    assert Decision.objects.get().outcome == Outcome.APPROVED
    assert TaskEvent.objects.filter(task=task).count() == 2


def test_a_viewer_decides_nothing(buyer: Buyer, viewer: User) -> None:
    task = waiting_task(buyer)

    with pytest.raises(NotPermitted):
        approve(task, viewer)

    assert_undecided(task)


def test_nobody_and_no_policy_decide_nothing(buyer: Buyer) -> None:
    task = waiting_task(buyer)

    with pytest.raises(NotPermitted):
        approve(task, None)  # type: ignore[arg-type]

    assert_undecided(task)


def test_what_was_not_shown_is_not_decided(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)

    with pytest.raises(ShownStale):
        approve(task, approver, shown_digest="0" * 64)
    with pytest.raises(ShownStale):
        approve(task, approver, shown_version=2)

    assert_undecided(task)


@pytest.mark.parametrize("missing", [{"reason_code": ""}, {"note": "  "}, {"reason_code": "mood"}])
def test_a_rejection_says_why(missing: dict[str, str], buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)

    with pytest.raises(ReasonRequired):
        reject(task, approver, **missing)

    assert_undecided(task)


def test_an_unknown_task_is_not_decided(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)

    with pytest.raises(TaskNotFound):
        approve(task, approver, task_id="task_unknown")

    assert_undecided(task)


def test_a_flight_that_is_over_is_not_approved(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)

    with pytest.raises(NoLongerValid):
        approve(task, approver, now=timezone.now() + timedelta(days=60))

    assert_undecided(task)


def test_time_fails_an_approval_and_never_grants_it(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **HOOK)

    assert tasks_expire(now=timezone.now()) == 0
    assert tasks_expire(now=timezone.now() + timedelta(days=10)) == 1

    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    assert task.error is not None
    assert task.error["code"] == "SERVICE_UNAVAILABLE"
    assert MediaBuy.objects.get().status == BuyStatus.DECLINED
    assert Decision.objects.count() == 0
    assert Delivery.objects.count() == 1
    with pytest.raises(AlreadyDecided, match="already closed"):
        approve(task, approver)
