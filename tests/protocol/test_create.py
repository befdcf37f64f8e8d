"""The write path end to end over REST."""

import pytest

from mediabuys.models import MediaBuy
from tasks_hitl.models import Task
from tests.protocol.conftest import Buyer, ask, guaranteed_order, order

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("catalog", "rules")
def test_an_open_order_is_completed_at_once(buyer: Buyer) -> None:
    answer = ask("create_media_buy", order(buyer, context={"trace": ["a", 1]}), buyer.token)

    assert answer.status == 200, answer.body
    buy = MediaBuy.objects.get()
    assert answer.body["status"] == "completed"
    assert answer.body["media_buy_id"] == buy.media_buy_id
    assert answer.body["adcp_version"] == "3.1"
    assert answer.body["context"] == {"trace": ["a", 1]}
    assert answer.body["total_budget"] == 1000.1
    assert b'"total_budget":1000.1,' in answer.raw


@pytest.mark.usefixtures("catalog", "rules")
def test_a_guaranteed_order_is_submitted_without_a_media_buy_id(buyer: Buyer) -> None:
    answer = ask("create_media_buy", guaranteed_order(buyer), buyer.token)

    assert answer.status == 200, answer.body
    task = Task.objects.get()
    assert answer.body["status"] == "submitted"
    assert answer.body["task_id"] == task.task_id
    assert "media_buy_id" not in answer.body
    assert "packages" not in answer.body


@pytest.mark.usefixtures("catalog", "rules")
def test_the_poll_of_a_submitted_order(buyer: Buyer) -> None:
    task_id = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body["task_id"]

    answer = ask("get_task_status", {"task_id": task_id}, buyer.token)

    assert answer.status == 200, answer.body
    assert answer.body["status"] == "submitted"
    assert answer.body["task_type"] == "create_media_buy"
    assert "result" not in answer.body
    assert answer.headers["Retry-After"] == "300"


@pytest.mark.usefixtures("catalog", "rules")
def test_the_legacy_status_over_both_addresses(buyer: Buyer) -> None:
    context_id = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body["context_id"]

    answers = [
        ask("create_media_buy_status", {"context_id": context_id}, buyer.token, prefix=prefix)
        for prefix in ("adcp", "legacy")
    ]

    assert [answer.status for answer in answers] == [200, 200], answers[0].body
    assert answers[0].body["status"] == "pending_manual"
    assert answers[0].body == answers[1].body
    assert answers[0].headers["Retry-After"] == "300"


def test_the_legacy_status_of_an_unknown_context(buyer: Buyer) -> None:
    answer = ask("create_media_buy_status", {"context_id": "ctx_none"}, buyer.token)

    assert answer.status == 404
    assert answer.error["code"] == "INVALID_CONTEXT"
    assert answer.body["error"] == {
        "code": "INVALID_CONTEXT",
        "message": "Context not found or expired",
        "suggestion": "Start a new create_media_buy operation",
    }
