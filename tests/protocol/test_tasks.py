"""get_task_status, tasks_get and list_tasks."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import AccountAccess, Booking
from tasks_hitl.models import Task
from tests.protocol.conftest import Buyer, ask, guaranteed_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]

RESULT = {"media_buy_id": "mb_1", "packages": [], "revision": 1, "confirmed_at": None}


def submit(buyer: Buyer, number: int = 1, **changes: Any) -> str:
    answer = ask("create_media_buy", guaranteed_order(buyer, number, **changes), buyer.token)
    return str(answer.body["task_id"])


def complete(task_id: str) -> None:
    Task.objects.filter(task_id=task_id).update(
        status="completed", queue_state="decided", completed_at=timezone.now(), result=RESULT
    )


def fail(task_id: str) -> None:
    error = {"code": "PRODUCT_UNAVAILABLE", "message": "Sold out.", "suggestion": "Other dates."}
    Task.objects.filter(task_id=task_id).update(
        status="failed", queue_state="decided", completed_at=timezone.now(), error=error
    )


@pytest.mark.parametrize(
    ("name", "fields", "has_result"),
    [
        ("get_task_status", {}, False),
        ("get_task_status", {"include_result": True}, True),
        ("tasks_get", {}, True),
        ("tasks_get", {"include_result": False}, False),
    ],
)
def test_the_result_comes_when_asked_for(
    buyer: Buyer, name: str, fields: dict[str, Any], has_result: bool
) -> None:
    task_id = submit(buyer)
    complete(task_id)

    answer = ask(name, {"task_id": task_id} | fields, buyer.token)

    assert answer.body["status"] == "completed"
    assert answer.body.get("result") == ({"status": "completed"} | RESULT if has_result else None)
    assert "Retry-After" not in answer.headers


def test_a_failed_task_is_a_successful_poll(buyer: Buyer) -> None:
    task_id = submit(buyer)
    fail(task_id)

    answer = ask("get_task_status", {"task_id": task_id, "context": {"p": 1}}, buyer.token)

    assert answer.status == 200
    assert answer.body["status"] == "failed"
    assert answer.body["error"]["code"] == "PRODUCT_UNAVAILABLE"
    assert "adcp_error" not in answer.body
    assert "errors" not in answer.body
    assert answer.body["context"] == {"p": 1}


def test_the_history_has_the_request_and_the_answer(buyer: Buyer) -> None:
    task_id = submit(buyer)
    complete(task_id)

    answer = ask("get_task_status", {"task_id": task_id, "include_history": True}, buyer.token)

    history = answer.body["history"]
    assert [item["type"] for item in history] == ["request", "response"]
    assert history[0]["data"]["packages"][0]["product_id"] == "ctv-evenings"
    assert history[1]["data"] == RESULT


def test_a_task_on_another_account_than_named(buyer: Buyer, stranger: Buyer) -> None:
    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)
    task_id = submit(buyer)
    right = {"account_id": buyer.account.account_id}
    wrong = {"account_id": stranger.account.account_id}

    found = ask("get_task_status", {"task_id": task_id, "account": right}, buyer.token)
    missed = ask("get_task_status", {"task_id": task_id, "account": wrong}, buyer.token)

    assert found.status == 200
    assert (missed.status, missed.error["code"]) == (404, "REFERENCE_NOT_FOUND")


def test_access_that_was_withdrawn_hides_the_task(buyer: Buyer) -> None:
    task_id = submit(buyer)
    AccountAccess.objects.all().delete()

    assert ask("get_task_status", {"task_id": task_id}, buyer.token).status == 404
    assert ask("list_tasks", {}, buyer.token).body["tasks"] == []


def test_the_list_holds_the_callers_own_tasks(buyer: Buyer, stranger: Buyer) -> None:
    mine = submit(buyer)
    submit(stranger)

    body = ask("list_tasks", {}, buyer.token).body

    assert [row["task_id"] for row in body["tasks"]] == [mine]
    assert body["tasks"][0]["domain"] == "media-buy"
    assert body["tasks"][0]["has_webhook"] is False
    assert body["query_summary"] == {
        "total_matching": 1,
        "returned": 1,
        "domain_breakdown": {"media-buy": 1},
        "status_breakdown": {"submitted": 1},
        "filters_applied": [],
        "sort_applied": {"field": "created_at", "direction": "desc"},
    }


def test_a_task_with_a_webhook_says_so(buyer: Buyer) -> None:
    submit(buyer, push_notification_config={"url": "https://buyer.example/hook"})

    body = ask("list_tasks", {"filters": {"has_webhook": True}}, buyer.token).body

    assert [row["has_webhook"] for row in body["tasks"]] == [True]


TOMORROW = (timezone.now() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "completed"}, [2]),
        ({"statuses": ["completed", "failed"]}, [3, 2]),
        ({"status": "failed", "statuses": ["completed"]}, []),
        ({"protocol": "signals"}, []),
        ({"protocols": ["signals", "media-buy"]}, [3, 2, 1]),
        ({"task_type": "sync_creatives"}, []),
        ({"task_types": ["create_media_buy"]}, [3, 2, 1]),
        ({"created_after": TOMORROW}, []),
        ({"updated_before": TOMORROW}, [3, 2, 1]),
        ({"has_webhook": False}, [3, 2, 1]),
        ({"has_webhook": True}, []),
        ({"context_contains": "trace-2"}, [2]),
        ({"task_ids": ["task_0"]}, []),
    ],
)
def test_list_filters(buyer: Buyer, filters: dict[str, Any], expected: list[int]) -> None:
    ids = {number: submit(buyer, number, context={"x": f"trace-{number}"}) for number in (1, 2, 3)}
    complete(ids[2])
    fail(ids[3])

    body = ask("list_tasks", {"filters": filters}, buyer.token).body

    assert [row["task_id"] for row in body["tasks"]] == [ids[number] for number in expected]
    assert body["query_summary"]["total_matching"] == len(expected)
    assert body["query_summary"]["filters_applied"] == sorted(filters)


@pytest.mark.parametrize("field", ["created_at", "updated_at", "status", "task_type", "protocol"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_in_every_order_cover_everything_once(
    buyer: Buyer, field: str, direction: str
) -> None:
    ids = [submit(buyer, number) for number in range(5)]
    complete(ids[1])
    complete(ids[3])
    seen: list[str] = []
    values: list[Any] = []
    pagination: dict[str, Any] = {"max_results": 2}
    for _ in range(3):
        request = {"sort": {"field": field, "direction": direction}, "pagination": pagination}
        body = ask("list_tasks", request, buyer.token).body
        seen += [row["task_id"] for row in body["tasks"]]
        values += [row.get(field, "media-buy") for row in body["tasks"]]
        assert body["pagination"]["total_count"] == 5
        pagination = {"max_results": 2, "cursor": body["pagination"].get("cursor")}

    assert body["pagination"]["has_more"] is False
    assert sorted(seen) == sorted(ids)
    assert values == sorted(values, reverse=direction == "desc")


def test_a_working_task_shows_the_step_of_its_booking(buyer: Buyer) -> None:
    task_id = submit(buyer)
    task = Task.objects.get(task_id=task_id)
    Booking.objects.create(
        media_buy=task.media_buy, step="order_creation", next_attempt_at=timezone.now()
    )
    Task.objects.filter(pk=task.pk).update(status="working", queue_state="decided")

    answer = ask("get_task_status", {"task_id": task_id}, buyer.token)

    assert answer.body["status"] == "working"
    assert answer.body["progress"] == {
        "current_step": "order_creation",
        "step_number": 3,
        "total_steps": 5,
        "percentage": 40,
    }
    assert int(answer.headers["Retry-After"]) == 2
