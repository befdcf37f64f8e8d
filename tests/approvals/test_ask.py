"""Asking for a change: the order goes back to its buyer, who sends a corrected one, or does not."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.errors import InvalidRequest
from mediabuys.models import AccountAccess, Booking, MediaBuy
from mediabuys.states import BuyStatus
from tasks_hitl.errors import AlreadyDecided, ReasonRequired
from tasks_hitl.models import Approval, Decision, RuleVersion, Task, TaskEvent
from tasks_hitl.services import tasks_expire
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests.people import Buyer, guaranteed_order, make_buyer, order_params
from tests.trade.orders import approve, place, reject, send_back, waiting_task
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

HOOK = {"push_notification_config": {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}}
ASKED = {
    "code": "INVALID_REQUEST",
    "message": "The first week of March is sold out.",
    "suggestion": "Start on 8 March or later.",
    "recovery": "correctable",
}


def body_of(delivery: Delivery) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(delivery.body))
    return found


def with_another_account(buyer: Buyer) -> Buyer:
    other = make_buyer("Velo")
    AccountAccess.objects.create(account=other.account, principal=buyer.principal)
    return Buyer(buyer.principal, other.account, buyer.token)


def on_account_of(buyer: Buyer) -> Buyer:
    """Return another agent that buys for the same account."""
    other = make_buyer("Velo")
    AccountAccess.objects.create(account=buyer.account, principal=other.principal)
    return Buyer(other.principal, buyer.account, other.token)


def test_the_buyer_is_asked_and_the_order_kept(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, context={"trace": 7}, **HOOK)

    decision = send_back(task, approver, internal_note="Sold to Velo.")

    task.refresh_from_db()
    assert (decision.outcome, decision.decided_by) == (Outcome.CHANGE_ASKED, approver)
    assert (decision.note, decision.suggestion) == (ASKED["message"], ASKED["suggestion"])
    assert (task.status, task.queue_state) == ("input-required", "waiting_for_buyer")
    assert task.error == ASKED
    assert task.completed_at is None
    assert MediaBuy.objects.get().status == BuyStatus.DRAFT
    assert Booking.objects.count() == 0
    assert [event.action for event in task.events.all()] == ["submitted", "change_asked"]
    assert "Velo" not in str(task.error)


def test_the_webhook_has_the_body_of_input_required(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, context={"trace": 7}, **HOOK)

    send_back(task, approver, internal_note="Sold to Velo.")

    body = body_of(Delivery.objects.get())
    assert body["status"] == "input-required"
    assert body["task_id"] == task.task_id
    assert body["task_type"] == "create_media_buy"
    assert body["operation_id"] == "op-1"
    assert body["context"] == {"trace": 7}
    assert body["result"] == {"reason": "APPROVAL_REQUIRED", "errors": [ASKED]}
    assert "Velo" not in json.dumps(body)


def test_money_alone_is_asked_about_as_a_limit(buyer: Buyer, approver: User) -> None:
    RuleVersion.objects.filter(rule_key="guaranteed").update(is_enabled=False)
    task = waiting_task(buyer, **HOOK)

    send_back(task, approver)

    assert body_of(Delivery.objects.get())["result"]["reason"] == "BUDGET_EXCEEDS_LIMIT"


def test_without_a_reason_the_code_is_the_general_one(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)

    send_back(task, approver, reason_code="")

    task.refresh_from_db()
    assert task.error is not None
    assert task.error["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ({"note": "  "}, "note"),
        ({"suggestion": ""}, "suggestion"),
        ({"suggestion": "\n"}, "suggestion"),
        ({"reason_code": "mood"}, "reason_code"),
    ],
)
def test_the_buyer_must_be_told_what_to_send(
    missing: dict[str, str], field: str, buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer, **HOOK)

    with pytest.raises(ReasonRequired) as refused:
        send_back(task, approver, **missing)

    assert refused.value.field == field
    task.refresh_from_db()
    assert (task.status, task.version, task.error) == (TaskStatus.SUBMITTED, 1, None)
    assert (Decision.objects.count(), Approval.objects.count()) == (0, 0)
    assert Delivery.objects.count() == 0


def test_a_second_click_asks_once(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **HOOK)
    token = uuid4()
    first = send_back(task, approver, form_token=token)

    assert send_back(task, approver, form_token=token) == first

    assert Decision.objects.count() == 1
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("verb", [approve, reject])
def test_what_was_sent_back_is_not_decided_again(verb: Any, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    send_back(task, approver)

    with pytest.raises(AlreadyDecided, match=r"^approver asked for a change of this order on "):
        verb(task, approver)

    assert Decision.objects.get().outcome == Outcome.CHANGE_ASKED
    assert Booking.objects.count() == 0


def test_the_buyer_has_as_long_as_the_publisher_had(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    Task.objects.filter(pk=task.pk).update(expires_at=timezone.now() + timedelta(minutes=5))

    send_back(task, approver)

    task.refresh_from_db()
    assert task.expires_at > timezone.now() + timedelta(days=2)
    assert task.expires_at <= MediaBuy.objects.get().end_time


def test_an_unanswered_question_ends_by_itself(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **HOOK)
    send_back(task, approver)
    task.refresh_from_db()

    assert tasks_expire(now=task.expires_at - timedelta(seconds=1)) == 0
    assert tasks_expire(now=task.expires_at) == 1

    task.refresh_from_db()
    assert (task.status, task.queue_state) == (TaskStatus.FAILED, QueueState.CLOSED)
    assert task.error == {
        "code": "INVALID_STATE",
        "message": "The order was not corrected in time.",
        "suggestion": "Send the order again, with the correction that was asked for.",
        "recovery": "correctable",
    }
    assert MediaBuy.objects.get().status == BuyStatus.DECLINED
    assert [body_of(row)["status"] for row in Delivery.objects.order_by("pk")] == [
        "input-required",
        "failed",
    ]


def test_a_corrected_order_takes_the_place_of_the_old(buyer: Buyer, approver: User) -> None:
    old = waiting_task(buyer, **HOOK)
    send_back(old, approver)

    new = waiting_task(buyer, key="key-0000000000000002", context_id=old.context_id)

    old.refresh_from_db()
    assert (old.status, old.superseded_by) == (TaskStatus.CANCELED, new)
    assert old.completed_at is not None
    assert new.status == TaskStatus.SUBMITTED
    assert new.context_id != old.context_id
    assert "context_id" not in new.request
    statuses = dict(MediaBuy.objects.values_list("pk", "status"))
    assert statuses == {old.media_buy_id: "declined", new.media_buy_id: "draft"}
    assert list(old.events.values_list("action", "actor"))[-1] == (
        "superseded",
        f"agent:{buyer.principal.principal_id}",
    )
    last = body_of(Delivery.objects.latest("pk"))
    assert (last["task_id"], last["status"]) == (old.task_id, "canceled")


def test_a_correction_that_needs_nobody_is_accepted_at_once(buyer: Buyer, approver: User) -> None:
    old = waiting_task(buyer)
    send_back(old, approver)

    placed = place(buyer, order_params(buyer, context_id=old.context_id))

    assert placed.task is None
    assert placed.drafted.buy.status == BuyStatus.PENDING_CREATIVES
    old.refresh_from_db()
    assert (old.status, old.superseded_by) == (TaskStatus.CANCELED, None)


@pytest.mark.parametrize(
    "ending", ["waiting", "unknown", "another account", "another agent", "another agent of it"]
)
def test_a_context_that_was_not_sent_back_changes_nothing(
    ending: str, buyer: Buyer, approver: User
) -> None:
    owner = {
        "another agent": lambda: make_buyer("Velo"),
        "another account": lambda: with_another_account(buyer),
        "another agent of it": lambda: on_account_of(buyer),
    }.get(ending, lambda: buyer)()
    old = waiting_task(owner)
    if ending != "waiting":
        send_back(old, approver)
    before = Task.objects.values_list("status", "version").get(pk=old.pk)
    context_id = "ctx_unknown" if ending == "unknown" else old.context_id

    placed = place(buyer, guaranteed_order(buyer, "key-0000000000000002", context_id=context_id))

    assert placed.task is not None
    assert Task.objects.values_list("status", "version").get(pk=old.pk) == before
    assert MediaBuy.objects.get(pk=old.media_buy_id).status == BuyStatus.DRAFT
    assert TaskEvent.objects.filter(action="superseded").count() == 0


def test_a_correction_that_is_refused_leaves_the_question(buyer: Buyer, approver: User) -> None:
    old = waiting_task(buyer)
    send_back(old, approver)
    wrong = order_params(buyer, context_id=old.context_id, end_time="2020-01-01T00:00:00Z")

    with pytest.raises(InvalidRequest) as refused:
        place(buyer, wrong)

    assert refused.value.field == "end_time"

    old.refresh_from_db()
    assert old.status == TaskStatus.INPUT_REQUIRED
    assert MediaBuy.objects.get().status == BuyStatus.DRAFT
