"""The document "media buy status lifecycle": the submitted task and how it resolves."""

import json
from typing import Any

import pytest
from adcp.validation.schema_loader import get_validator
from django.contrib.auth.models import User
from django.test import Client

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import OrderDeclined
from mediabuys.locks import media_buy_locked
from mediabuys.models import MediaBuy
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import CanceledBy
from tasks_hitl.errors import ChangeOutdated
from tasks_hitl.models import Task
from tests.people import Buyer, guaranteed_order
from tests.protocol.conftest import Answer, ask
from tests.trade.orders import approve, book_order, give_creatives, reject, send_back
from tests.trade.parked import budget_change, sold_buy
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

HOOK = {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}
# The document's own envelope.
SUBMITTED = {
    "status": "submitted",
    "task_id": "task_8f3c1a90-4d2e-4b77-9c1a-3e9b5d2f0a11",
    "message": "Awaiting manual review by the source.",
}


def submitted(buyer: Buyer, number: int = 1, **changes: Any) -> Task:
    """Return the task of an order that was sent over REST and waits."""
    body = guaranteed_order(buyer, f"key-{number:016}", **changes)
    answer = ask("create_media_buy", body, buyer.token)
    assert answer.body["status"] == "submitted", answer.body
    return Task.objects.get(task_id=answer.body["task_id"])


def poll(buyer: Buyer, task: Task) -> Answer:
    return ask("tasks_get", {"task_id": task.task_id}, buyer.token)


def notices(task: Task) -> list[dict[str, Any]]:
    """Return the webhook bodies about a task, oldest first."""
    rows = Delivery.objects.filter(subject_key=f"task:{task.task_id}").order_by("pk")
    return [json.loads(bytes(row.body)) for row in rows]


def problems(body: dict[str, Any], task: str, arm: Any) -> list[str]:
    """Return where a body breaks the schema that the `adcp` package publishes."""
    validator = get_validator(task, arm, version="3.1")
    assert validator is not None
    return [error.message for error in validator.iter_errors(body)]


def test_an_order_that_is_accepted_out_of_band_answers_a_submitted_envelope(buyer: Buyer) -> None:
    answer = ask("create_media_buy", guaranteed_order(buyer), buyer.token)

    assert {key: type(answer.body[key]) for key in SUBMITTED} == dict.fromkeys(SUBMITTED, str)
    assert answer.body["status"] == "submitted"
    assert answer.body["task_id"].startswith("task_")
    assert not {"media_buy_id", "media_buy_status", "packages"} & set(answer.body)
    assert problems(answer.body, "create_media_buy", "submitted") == []


def test_nothing_of_the_buy_is_on_the_wire_before_it_is_confirmed(buyer: Buyer) -> None:
    task = submitted(buyer)

    everything = ask("get_media_buys", {"status_filter": ["pending_creatives"]}, buyer.token)
    by_task_id = ask("get_media_buys", {"media_buy_ids": [task.task_id]}, buyer.token)

    assert everything.body["media_buys"] == []
    assert by_task_id.body["media_buys"] == []
    assert [error["code"] for error in by_task_id.body["errors"]] == ["MEDIA_BUY_NOT_FOUND"]


def test_submitted_and_working_mean_keep_polling(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer)
    waiting = poll(buyer, task)
    approve(task, approver)

    working = poll(buyer, task)

    assert (waiting.body["status"], waiting.headers["Retry-After"]) == ("submitted", "300")
    assert (working.body["status"], working.headers["Retry-After"]) == ("working", "2")
    assert working.body["progress"]["total_steps"] == 5
    assert "result" not in waiting.body
    assert "result" not in working.body


@pytest.mark.parametrize("with_creatives", [False, True])
def test_a_completed_task_brings_the_confirmed_buy(
    buyer: Buyer, approver: User, with_creatives: bool
) -> None:
    task = submitted(buyer)
    if with_creatives:
        give_creatives(task.media_buy)
    approve(task, approver)
    buy = book_order(task)

    answer = poll(buyer, task)

    assert answer.body["status"] == "completed"
    result = answer.body["result"]
    assert result["media_buy_id"] == buy.media_buy_id
    assert result["media_buy_status"] == (
        "pending_start" if with_creatives else "pending_creatives"
    )
    assert problems(result, "create_media_buy", "sync") == []
    assert "Retry-After" not in answer.headers


def test_the_webhook_brings_what_the_poll_brings(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer, push_notification_config=HOOK, context={"trace": 1})
    approve(task, approver)
    book_order(task)

    [notice] = notices(task)

    assert (notice["task_id"], notice["status"]) == (task.task_id, "completed")
    assert notice["operation_id"] == "op-1"
    assert notice["context"] == {"trace": 1}
    assert notice["result"] == poll(buyer, task).body["result"]


def test_an_approved_buy_that_the_ad_server_declines_completes_as_rejected(
    buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declines(*_: Any) -> None:
        raise OrderDeclined("Sold out on these dates.")

    monkeypatch.setattr(InlineAdServer, "validate_inventory", declines)
    task = submitted(buyer, push_notification_config=HOOK)
    approve(task, approver)
    book_order(task)

    answer = poll(buyer, task)

    assert answer.body["status"] == "completed"
    assert answer.body["result"]["media_buy_status"] == "rejected"
    assert answer.body["result"]["rejection_reason"] == "Sold out on these dates."
    assert [notice["result"]["media_buy_status"] for notice in notices(task)] == ["rejected"]


def test_a_buy_that_is_stopped_after_its_acceptance_reads_canceled(
    buyer: Buyer, approver: User
) -> None:
    task = submitted(buyer, push_notification_config=HOOK)
    approve(task, approver)
    buy = book_order(task)

    media_buy_cancel(
        buy=media_buy_locked(buy.pk),
        actor="seller:approver",
        canceled_by=CanceledBy.SELLER,
        reason="The site closes.",
        now=task.created_at,
    )

    body = ask("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer.token).body
    assert body["media_buys"][0]["status"] == "canceled"
    last = json.loads(bytes(Delivery.objects.latest("pk").body))
    assert last["result"]["media_buy_status"] == "canceled"


def test_an_order_that_was_declined_outright_is_failed(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer, push_notification_config=HOOK)

    reject(task, approver)

    answer = poll(buyer, task)
    assert (answer.status, answer.body["status"]) == (200, "failed")
    assert answer.body["error"] == {
        "code": "PRODUCT_UNAVAILABLE",
        "message": "March is sold out.",
        "suggestion": "Try other flight dates, a smaller budget or another product.",
        "recovery": "correctable",
    }
    assert "result" not in answer.body
    assert [notice["status"] for notice in notices(task)] == ["failed"]
    assert MediaBuy.objects.get().media_buy_id is None


def test_input_required_shows_its_suggestion_on_the_poll(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer)

    send_back(task, approver)

    answer = poll(buyer, task)
    assert answer.body["status"] == "input-required"
    assert answer.body["error"]["suggestion"] == "Start on 8 March or later."
    assert answer.body["error"]["code"] == "INVALID_REQUEST"
    assert answer.body["message"] == "The first week of March is sold out."
    assert "result" not in answer.body
    assert "completed_at" not in answer.body
    assert answer.headers["Retry-After"] == "300"


def test_input_required_is_told_by_webhook_in_the_protocols_body(
    buyer: Buyer, approver: User
) -> None:
    task = submitted(buyer, push_notification_config=HOOK)

    send_back(task, approver)

    [notice] = notices(task)
    assert notice["status"] == "input-required"
    assert notice["result"]["reason"] == "APPROVAL_REQUIRED"
    assert notice["result"]["errors"][0]["suggestion"] == "Start on 8 March or later."
    assert problems(notice["result"], "create_media_buy", "input-required") == []


def test_the_corrected_call_takes_the_place_of_the_one_sent_back(
    buyer: Buyer, approver: User
) -> None:
    task = submitted(buyer, push_notification_config=HOOK)
    send_back(task, approver)

    corrected = submitted(buyer, 2, context_id=task.context_id)

    assert corrected.task_id != task.task_id
    assert poll(buyer, task).body["status"] == "canceled"
    assert poll(buyer, task).body["message"] == "The buyer sent a corrected order in its place."
    assert poll(buyer, corrected).body["status"] == "submitted"
    assert [notice["status"] for notice in notices(task)] == ["input-required", "canceled"]


def test_a_stranger_with_the_context_id_corrects_nothing(
    buyer: Buyer, stranger: Buyer, approver: User
) -> None:
    task = submitted(buyer)
    send_back(task, approver)

    submitted(stranger, 2, context_id=task.context_id)

    assert poll(buyer, task).body["status"] == "input-required"


def test_the_list_of_tasks_knows_what_waits_for_the_buyer(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer)
    submitted(buyer, 2)
    send_back(task, approver)

    filters = {"statuses": ["input-required"], "task_type": "create_media_buy"}
    body = ask("list_tasks", {"filters": filters}, buyer.token).body

    assert [row["task_id"] for row in body["tasks"]] == [task.task_id]
    assert body["tasks"][0]["status"] == "input-required"


def test_the_history_of_a_task_has_the_question(buyer: Buyer, approver: User) -> None:
    task = submitted(buyer)
    send_back(task, approver)

    body = ask(
        "get_task_status", {"task_id": task.task_id, "include_history": True}, buyer.token
    ).body

    assert [entry["type"] for entry in body["history"]] == ["request", "response"]
    assert body["history"][1]["data"]["suggestion"] == "Start on 8 March or later."


@pytest.fixture
def buy(buyer: Buyer, approver: User) -> MediaBuy:
    return sold_buy(buyer, approver)


def edited(buyer: Buyer, buy: MediaBuy, **changes: Any) -> Task:
    """Return the task of an edit that was sent over REST and waits."""
    answer = ask("update_media_buy", budget_change(buy, 75_000, **changes), buyer.token)
    assert answer.body["status"] == "submitted", answer.body
    return Task.objects.get(task_id=answer.body["task_id"])


def test_an_edit_that_is_queued_answers_the_same_envelope(buyer: Buyer, buy: MediaBuy) -> None:
    answer = ask("update_media_buy", budget_change(buy, 75_000), buyer.token)

    assert {key: type(answer.body[key]) for key in SUBMITTED} == dict.fromkeys(SUBMITTED, str)
    assert answer.body["status"] == "submitted"
    assert not {"media_buy_id", "revision", "affected_packages"} & set(answer.body)
    assert problems(answer.body, "update_media_buy", "submitted") == []
    read = ask("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer.token).body
    assert read["media_buys"][0]["total_budget"] == 50_000
    assert read["media_buys"][0]["revision"] == buy.revision


def test_the_result_of_an_edit_lands_on_its_task(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = edited(buyer, buy, push_notification_config=HOOK, context={"trace": 3})
    waiting = poll(buyer, task)

    approve(task, approver)

    answer = poll(buyer, task)
    assert (waiting.body["status"], waiting.body["task_type"]) == ("submitted", "update_media_buy")
    assert answer.body["status"] == "completed"
    result = answer.body["result"]
    assert result["revision"] == buy.revision + 1
    assert result["affected_packages"][0]["budget"] == 75_000
    assert problems(result, "update_media_buy", "sync") == []
    [notice] = notices(task)
    assert (notice["task_type"], notice["status"]) == ("update_media_buy", "completed")
    assert (notice["context"], notice["result"]) == ({"trace": 3}, result)


def test_a_refused_edit_is_failed_and_changes_nothing(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = edited(buyer, buy)

    reject(task, approver)

    assert poll(buyer, task).body["status"] == "failed"
    assert poll(buyer, task).body["error"]["message"] == "March is sold out."
    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision


def test_an_edit_of_a_buy_that_moved_is_refused_as_stale(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = edited(buyer, buy, push_notification_config=HOOK)
    pause = {**budget_change(buy, 0, paused=True), "idempotency_key": "pause-0000000000000001"}
    del pause["packages"]
    assert ask("update_media_buy", pause, buyer.token).body["status"] == "completed"

    with pytest.raises(ChangeOutdated):
        approve(task, approver)

    answer = poll(buyer, task)
    assert answer.body["status"] == "failed"
    assert answer.body["error"]["code"] == "CONFLICT"
    assert answer.body["error"]["details"]["expected_version"] == buy.revision
    assert answer.body["error"]["details"]["current_version"] == buy.revision + 1
    assert [notice["status"] for notice in notices(task)] == ["failed"]
    assert MediaBuy.objects.get(pk=buy.pk).total_budget == 50_000


def test_an_edit_that_is_sent_back_is_answered_by_another(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    task = edited(buyer, buy, push_notification_config=HOOK)
    send_back(task, approver)
    [notice] = notices(task)

    again = {**budget_change(buy, 60_000), "idempotency_key": "again-0000000000000001"}
    answer = ask("update_media_buy", again, buyer.token)

    assert notice["result"]["reason"] == "CHANGE_CONFIRMATION"
    assert problems(notice["result"], "update_media_buy", "input-required") == []
    assert answer.body["status"] == "submitted"
    assert poll(buyer, task).body["status"] == "canceled"


def test_tasks_are_listed_by_their_type(buyer: Buyer, buy: MediaBuy) -> None:
    task = edited(buyer, buy)

    filters = {"task_types": ["update_media_buy"]}
    body = ask("list_tasks", {"filters": filters}, buyer.token).body

    assert [row["task_id"] for row in body["tasks"]] == [task.task_id]
    assert [row["task_type"] for row in body["tasks"]] == ["update_media_buy"]


def test_no_secret_of_an_edit_is_kept_where_it_can_be_read(
    buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    secret, iban = "s3cret-" * 6, "DE89370400440532013000"
    task = edited(
        buyer,
        buy,
        push_notification_config=HOOK
        | {"authentication": {"schemes": ["Bearer"], "credentials": secret}},
        invoice_recipient={
            "legal_name": "Acme Holding",
            "bank": {"account_holder": "Acme", "iban": iban, "bic": "COBADEFFXXX"},
        },
    )
    client = Client()
    client.force_login(approver)

    seen = [
        json.dumps(Task.objects.values().get(pk=task.pk), default=str),
        json.dumps(task.change.patch if task.change else None),
        client.get(f"/admin/approvals/{task.task_id}/").content.decode(),
        ask(
            "get_task_status", {"task_id": task.task_id, "include_history": True}, buyer.token
        ).raw.decode(),
    ]

    assert [text for text in seen if secret in text or iban in text] == []


def test_no_page_of_the_desk_is_open_to_a_buyer(buyer: Buyer) -> None:
    task = submitted(buyer)

    answer = Client().post(
        f"/admin/approvals/{task.task_id}/ask/", headers={"Authorization": f"Bearer {buyer.token}"}
    )

    assert answer.status_code == 302
    assert "/admin/login/" in answer.headers["Location"]
    task.refresh_from_db()
    assert task.status == "submitted"
