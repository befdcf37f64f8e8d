"""A change of a buy that waits: applied at once on approval, refused whole when it is stale."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.errors import Conflict
from mediabuys.models import AccountAccess, Booking, Event, MediaBuy, MediaBuyChange
from mediabuys.states import ChangeStatus
from tasks_hitl.errors import AlreadyDecided, ChangeOutdated
from tasks_hitl.models import Approval, Decision, Task
from tasks_hitl.services import stale_changes_end, tasks_expire
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests.people import Buyer, make_buyer
from tests.trade.orders import approve, end_by_staff, reject, send_back
from tests.trade.parked import budget_change, change, sold_buy, waiting_change
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

HOOK: dict[str, Any] = {
    "push_notification_config": {"url": "http://127.0.0.1:9/hook", "operation_id": "op-2"}
}


@pytest.fixture
def buy(buyer: Buyer, approver: User) -> MediaBuy:
    return sold_buy(buyer, approver)


def notices(task: Task) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(subject_key=f"task:{task.task_id}").order_by("pk")
    return [json.loads(bytes(row.body)) for row in rows]


def assert_unchanged(buy: MediaBuy) -> None:
    """Assert that the buy is as it was sold."""
    fresh = MediaBuy.objects.get(pk=buy.pk)
    assert (fresh.total_budget, fresh.revision) == (buy.total_budget, buy.revision)
    assert [package.budget for package in fresh.packages.all()] == [Decimal(50_000)]


def test_a_change_waits_and_leaves_the_buy_alone(buyer: Buyer, buy: MediaBuy) -> None:
    task = waiting_change(buyer, buy, context={"trace": 2}, **HOOK)

    parked = MediaBuyChange.objects.get()
    assert (task.task_type, task.change) == ("update_media_buy", parked)
    assert (task.status, task.queue_state) == (TaskStatus.SUBMITTED, QueueState.PENDING_MANUAL)
    assert (parked.status, parked.base_revision) == (ChangeStatus.WAITING, buy.revision)
    assert parked.budget_after == Decimal(75_000)
    assert task.title == "Change of acmeoutdoor.example · $50,000 → $75,000"
    assert task.request_context == {"trace": 2}
    assert task.context_id == buy.context_id
    assert "push_notification_config" not in task.request
    assert task.expires_at <= buy.end_time
    assert [event.action for event in task.events.all()] == ["submitted"]
    assert_unchanged(buy)


def test_nobody_is_asked_for_longer_than_the_flight(buyer: Buyer, buy: MediaBuy) -> None:
    almost_over = timezone.now() + timedelta(hours=1)
    MediaBuy.objects.filter(pk=buy.pk).update(
        start_time=timezone.now() - timedelta(days=9), end_time=almost_over
    )
    buy.refresh_from_db()

    task = waiting_change(buyer, buy)

    assert task.expires_at == almost_over
    assert task.due_at <= almost_over


def test_approval_applies_the_change_at_once(buyer: Buyer, buy: MediaBuy, approver: User) -> None:
    task = waiting_change(buyer, buy, **HOOK)

    decision = approve(task, approver)

    task.refresh_from_db()
    fresh = MediaBuy.objects.get(pk=buy.pk)
    parked = MediaBuyChange.objects.get()
    assert (decision.outcome, decision.decided_by) == (Outcome.APPROVED, approver)
    assert (fresh.total_budget, fresh.revision) == (Decimal(75_000), buy.revision + 1)
    assert (parked.status, parked.applied_revision) == (ChangeStatus.APPLIED, fresh.revision)
    assert (task.status, task.queue_state) == (TaskStatus.COMPLETED, QueueState.CLOSED)
    assert task.result is not None
    assert task.result["media_buy_id"] == buy.media_buy_id
    assert task.result["revision"] == fresh.revision
    assert task.result["affected_packages"][0]["budget"] == 75_000
    assert "$50,000" in task.message
    assert "$75,000" in task.message
    assert list(task.events.values_list("action", "actor"))[-1] == ("applied", "seller:approver")
    assert Booking.objects.count() == 1
    [notice] = notices(task)
    assert (notice["status"], notice["task_type"]) == ("completed", "update_media_buy")
    assert notice["operation_id"] == "op-2"
    assert notice["result"]["revision"] == fresh.revision


def test_without_a_webhook_of_its_own_the_buys_hears_it(buyer: Buyer, approver: User) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}
    buy = sold_buy(buyer, approver, push_notification_config=hook)
    task = waiting_change(buyer, buy)

    approve(task, approver)

    assert [notice["operation_id"] for notice in notices(task)] == ["op-1"]


def test_another_agents_change_is_not_told_to_the_buyers_webhook(
    buyer: Buyer, approver: User
) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}
    buy = sold_buy(buyer, approver, push_notification_config=hook)
    other = make_buyer("Velo")
    AccountAccess.objects.create(account=buyer.account, principal=other.principal)
    task = waiting_change(Buyer(other.principal, buyer.account, other.token), buy)

    approve(task, approver)

    assert task.destination_id is None
    assert notices(task) == []


def test_rejection_refuses_the_change_and_leaves_the_buy(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = waiting_change(buyer, buy, **HOOK)
    events = Event.objects.count()

    reject(task, approver)

    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    assert task.error is not None
    assert task.error["code"] == "PRODUCT_UNAVAILABLE"
    assert MediaBuyChange.objects.get().status == ChangeStatus.REFUSED
    assert Event.objects.count() == events
    assert [notice["status"] for notice in notices(task)] == ["failed"]
    assert_unchanged(buy)


def test_time_refuses_a_change_and_never_applies_it(buyer: Buyer, buy: MediaBuy) -> None:
    task = waiting_change(buyer, buy, **HOOK)

    assert tasks_expire(now=task.expires_at) == 1

    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    assert task.error == {
        "code": "SERVICE_UNAVAILABLE",
        "message": "The publisher did not answer in time.",
        "suggestion": "Read the media buy with get_media_buys, and send the change again.",
        "recovery": "transient",
    }
    assert MediaBuyChange.objects.get().status == ChangeStatus.REFUSED
    assert [event.action for event in task.events.all()] == ["submitted", "expired"]
    assert_unchanged(buy)


def test_what_was_not_there_before_is_not_said_to_have_been(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = waiting_change(buyer, buy, **HOOK)

    approve(task, approver)

    task.refresh_from_db()
    assert task.message == (
        "The change was approved and applied: Total budget from $50,000 to $75,000; "
        "Notification webhook: Replaced; Budget of Homepage from $50,000 to $75,000."
    )


def test_a_stale_change_is_refused_and_everybody_told(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = waiting_change(buyer, buy, **HOOK)
    change(buyer, {**budget_change(buy, 0), "packages": [], "paused": True})
    paused = MediaBuy.objects.get(pk=buy.pk)
    assert paused.revision == buy.revision + 1

    with pytest.raises(ChangeOutdated) as outdated:
        approve(task, approver)

    assert outdated.value.moved
    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    assert task.error is not None
    assert task.error["code"] == "CONFLICT"
    assert task.error["recovery"] == "transient"
    assert task.error["details"] == {
        "resource_id": buy.media_buy_id,
        "expected_version": buy.revision,
        "current_version": paused.revision,
        "moved": list(outdated.value.moved),
    }
    assert MediaBuyChange.objects.get().status == ChangeStatus.STALE
    assert (Decision.objects.filter(task=task).count(), task.approvals.count()) == (0, 0)
    assert list(task.events.values_list("action", "actor"))[-1] == ("stale", "seller:approver")
    [notice] = notices(task)
    assert (notice["status"], notice["result"]["errors"][0]["code"]) == ("failed", "CONFLICT")
    fresh = MediaBuy.objects.get(pk=buy.pk)
    assert (fresh.total_budget, fresh.revision) == (Decimal(50_000), paused.revision)
    with pytest.raises(AlreadyDecided, match="This change is already closed: failed"):
        approve(task, approver)


def test_a_stale_change_is_ended_without_anybody_looking(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    # given a change whose buy was paused since, and one whose buy is as it was
    task = waiting_change(buyer, buy, **HOOK)
    fresh = waiting_change(buyer, sold_buy(buyer, approver))
    change(buyer, {**budget_change(buy, 0), "packages": [], "paused": True})

    assert stale_changes_end(now=timezone.now()) == 1

    task.refresh_from_db()
    assert (task.status, task.error["code"] if task.error else None) == ("failed", "CONFLICT")
    assert list(task.events.values_list("action", "actor"))[-1] == ("stale", "system")
    assert task.change is not None
    assert MediaBuyChange.objects.get(pk=task.change.pk).status == ChangeStatus.STALE
    assert [notice["status"] for notice in notices(task)] == ["failed"]
    fresh.refresh_from_db()
    assert (fresh.status, fresh.version) == (TaskStatus.SUBMITTED, 1)
    assert stale_changes_end(now=timezone.now()) == 0


def test_a_change_of_a_buy_that_ended_is_ended_too(buyer: Buyer, buy: MediaBuy) -> None:
    task = waiting_change(buyer, buy)
    end_by_staff(buy)

    assert stale_changes_end(now=timezone.now()) == 1

    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED


def test_a_stale_change_can_still_be_rejected(buyer: Buyer, buy: MediaBuy, approver: User) -> None:
    task = waiting_change(buyer, buy)
    change(buyer, {**budget_change(buy, 0), "packages": [], "paused": True})

    reject(task, approver)

    assert MediaBuyChange.objects.get().status == ChangeStatus.REFUSED
    assert Decision.objects.get(task=task).outcome == Outcome.REJECTED


def test_a_second_click_applies_once(buyer: Buyer, buy: MediaBuy, approver: User) -> None:
    task = waiting_change(buyer, buy, **HOOK)
    token = uuid4()
    first = approve(task, approver, form_token=token)

    assert approve(task, approver, form_token=token) == first

    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision + 1
    assert Approval.objects.filter(task=task).count() == 1
    assert len(notices(task)) == 1


def test_a_second_change_must_wait_for_the_first(buyer: Buyer, buy: MediaBuy) -> None:
    task = waiting_change(buyer, buy)

    with pytest.raises(Conflict) as refused:
        change(buyer, budget_change(buy, 90_000))

    assert refused.value.details == {"task_id": task.task_id}
    assert MediaBuyChange.objects.count() == 1


def test_a_change_that_is_sent_back_asks_for_confirmation(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = waiting_change(buyer, buy, **HOOK)

    send_back(task, approver)

    task.refresh_from_db()
    assert task.status == TaskStatus.INPUT_REQUIRED
    [notice] = notices(task)
    assert notice["result"]["reason"] == "CHANGE_CONFIRMATION"
    assert MediaBuyChange.objects.get().status == ChangeStatus.WAITING
    assert_unchanged(buy)


def test_a_corrected_change_takes_the_place_of_the_old(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    old = waiting_change(buyer, buy)
    send_back(old, approver)

    new = waiting_change(buyer, buy, 60_000)

    old.refresh_from_db()
    assert (old.status, old.superseded_by) == (TaskStatus.CANCELED, new)
    statuses = dict(MediaBuyChange.objects.values_list("pk", "status"))
    assert statuses == {old.change_id: ChangeStatus.REFUSED, new.change_id: ChangeStatus.WAITING}
    approve(new, approver)
    assert MediaBuy.objects.get(pk=buy.pk).total_budget == Decimal(60_000)


def test_what_nobody_was_shown_is_not_applied(buyer: Buyer, buy: MediaBuy, approver: User) -> None:
    task = waiting_change(buyer, buy)

    with pytest.raises(Exception, match="The change has changed since you opened it"):
        approve(task, approver, shown_digest="0" * 64)

    assert_unchanged(buy)
    assert MediaBuyChange.objects.get().status == ChangeStatus.WAITING


@pytest.mark.parametrize("verb", [approve, reject])
def test_what_a_change_keeps_secret_is_forgotten_with_its_end(
    buyer: Buyer, buy: MediaBuy, approver: User, verb: Any
) -> None:
    recipient = {"legal_name": "Acme Holding", "bank": {"account_holder": "Acme"}}
    task = waiting_change(buyer, buy, invoice_recipient=recipient)
    assert "Acme" in MediaBuyChange.objects.get().sealed

    verb(task, approver)

    assert MediaBuyChange.objects.get().sealed == ""
