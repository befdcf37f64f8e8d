"""Document 003, “Three status surfaces”: per buy, per account, and the Interchange rollup."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import AccountAccess, MediaBuy
from mediabuys.rollups import INTERCHANGE_OF, InterchangeStatus, OperationalStatus
from mediabuys.services.archive import media_buy_archive
from mediabuys.services.orders import media_buy_reject
from mediabuys.states import WIRE_BUY_STATUSES, CanceledBy
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
    shown,
)
from tests.documents.scenes import canceled
from tests.interchange import read
from tests.people import Buyer, guaranteed_order
from tests.trade.orders import approve, book_order, reject, send_back, waiting_task

pytestmark = pytest.mark.django_db

INTERCHANGE = {
    "DRAFT",
    "PENDING_APPROVAL",
    "INPUT_REQUIRED",
    "ACTIVE",
    "PAUSED",
    "COMPLETED",
    "CANCELED",
    "FAILED",
    "REJECTED",
    "ARCHIVED",
}
OPERATIONAL = {
    "no_media_buys",
    "draft",
    "pending_creatives",
    "pending_start",
    "active",
    "paused",
    "completed",
    "attention_required",
}
SPRING = {"ext": {"campaign_ref": "spring"}}


def interchange(buyer: Buyer, name: str | None) -> dict[str, Any]:
    answer = read(f"media-buys/{name}", buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def campaign(buyer: Buyer) -> dict[str, Any]:
    answer = read("campaigns/spring", buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def operational(buyer: Buyer) -> str:
    answer = read(f"accounts/{buyer.account.account_id}", buyer.token)
    assert answer.status == 200, answer.body
    return str(answer.body["operational_status"])


def rejected(buyer: Buyer) -> MediaBuy:
    buy = booked(ordered(buyer))
    media_buy_reject(buy=buy, actor="system", reason="Declined.", now=timezone.now())
    return buy


STATUSES: dict[str, Callable[[Buyer], MediaBuy]] = {
    "pending_creatives": lambda buyer: booked(ordered(buyer)),
    "pending_start": ready,
    "active": active,
    "paused": lambda buyer: active(buyer, paused=True),
    "completed": completed,
    "rejected": rejected,
    "canceled": lambda buyer: canceled(active(buyer), by=CanceledBy.BUYER),
}


# The value sets


def test_the_interchange_rollup_has_ten_values() -> None:
    assert {word.value for word in InterchangeStatus} == INTERCHANGE


def test_the_account_rollup_has_eight_values() -> None:
    assert {word.value for word in OperationalStatus} == OPERATIONAL


# The table


@pytest.mark.parametrize(
    ("adcp_status", "status"),
    [
        ("pending_creatives", "PENDING_APPROVAL"),
        ("pending_start", "PENDING_APPROVAL"),
        ("active", "ACTIVE"),
        ("paused", "PAUSED"),
        ("completed", "COMPLETED"),
        ("rejected", "REJECTED"),
        ("canceled", "CANCELED"),
    ],
)
def test_each_adcp_value_maps_to_one_interchange_value(
    buyer: Buyer, adcp_status: str, status: str
) -> None:
    buy = STATUSES[adcp_status](buyer)

    body = interchange(buyer, buy.media_buy_id)

    assert shown(buyer, buy)["status"] == adcp_status
    assert (body["status"], body["adcp_status"]) == (status, adcp_status)
    assert (body["media_buy_id"], body["revision"]) == (buy.media_buy_id, buy.revision)


def test_the_table_has_every_adcp_value() -> None:
    assert set(INTERCHANGE_OF) == {status.value for status in WIRE_BUY_STATUSES}


def test_the_rollup_is_derived_and_not_independent(buyer: Buyer) -> None:
    buy = ready(buyer)
    words = [interchange(buyer, buy.media_buy_id)["status"]]

    at_start(buy)
    words.append(interchange(buyer, buy.media_buy_id)["status"])
    change(buyer, buy, 1, paused=True)
    words.append(interchange(buyer, buy.media_buy_id)["status"])
    at_end(buy)
    words.append(interchange(buyer, buy.media_buy_id)["status"])

    assert words == ["PENDING_APPROVAL", "ACTIVE", "PAUSED", "COMPLETED"]


# Most restrictive


def test_one_pending_creatives_and_one_active_buy_report_pending_approval(buyer: Buyer) -> None:
    active(buyer, 1, **SPRING)
    booked(ordered(buyer, 2, **SPRING))

    body = campaign(buyer)

    assert [member["adcp_status"] for member in body["members"]] == ["pending_creatives", "active"]
    assert body["status"] == "PENDING_APPROVAL"


def test_a_campaign_of_several_agents_shows_the_most_restrictive_value(
    buyer: Buyer, stranger: Buyer
) -> None:
    active(buyer, 1, **SPRING)
    booked(ordered(stranger, 2, **SPRING))
    assert campaign(buyer)["status"] == "ACTIVE"

    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)

    assert campaign(buyer)["status"] == "PENDING_APPROVAL"
    assert campaign(stranger)["total_count"] == 1


def test_the_campaign_of_a_stranger_does_not_exist(buyer: Buyer, stranger: Buyer) -> None:
    active(buyer, 1, **SPRING)

    foreign = read("campaigns/spring", stranger.token)

    assert foreign.status == 404
    assert foreign.raw == read("campaigns/autumn", stranger.token).raw


# States of the rollup's own flow


def test_an_order_that_waits_is_pending_approval_under_its_own_names(buyer: Buyer) -> None:
    answer = call(buyer, "create_media_buy", guaranteed_order(buyer))

    by_task = interchange(buyer, answer["task_id"])
    by_context = interchange(buyer, answer["context_id"])

    assert by_task == by_context
    assert (by_task["status"], by_task["task_status"]) == ("PENDING_APPROVAL", "submitted")
    assert not {"adcp_status", "media_buy_id"} & set(by_task)


def test_an_approved_order_goes_on_under_the_same_names(buyer: Buyer, approver: User) -> None:
    answer = call(buyer, "create_media_buy", guaranteed_order(buyer))
    task = Task.objects.get()
    approve(task, approver)
    assert interchange(buyer, answer["task_id"])["task_status"] == "working"

    booked_id = book_order(task).media_buy_id

    body = interchange(buyer, answer["task_id"])
    assert (body["status"], body["adcp_status"]) == ("PENDING_APPROVAL", "pending_creatives")
    assert body["media_buy_id"] == booked_id
    assert body == interchange(buyer, booked_id)


def test_draft_is_what_was_not_executed_yet(buyer: Buyer) -> None:
    offer = call(
        buyer,
        "get_products",
        {
            "buying_mode": "brief",
            "brief": "run of site display",
            "account": {"account_id": buyer.account.account_id},
        },
    )
    [proposal, *_] = offer["proposals"]

    body = interchange(buyer, proposal["proposal_id"])

    assert body["status"] == "DRAFT"
    assert body["proposal_id"] == proposal["proposal_id"]
    assert not {"adcp_status", "media_buy_id"} & set(body)


def test_input_required_is_an_order_that_was_sent_back(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **SPRING)

    send_back(task, approver, suggestion="Start on Friday.")

    body = interchange(buyer, task.task_id)
    assert (body["status"], body["task_status"]) == ("INPUT_REQUIRED", "input-required")
    assert body["error"]["suggestion"] == "Start on Friday."
    assert campaign(buyer)["status"] == "INPUT_REQUIRED"
    assert "adcp_status" not in body


def test_failed_is_an_order_that_could_not_complete(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, **SPRING)

    reject(task, approver)

    body = interchange(buyer, task.task_id)
    assert (body["status"], body["task_status"]) == ("FAILED", "failed")
    assert body["error"]["message"] == "March is sold out."
    assert campaign(buyer)["status"] == "FAILED"
    assert "adcp_status" not in body


def test_archived_is_put_away_by_staff_with_its_adcp_status_unchanged(buyer: Buyer) -> None:
    buy = completed(buyer)

    media_buy_archive(media_buy_pk=buy.pk, actor="seller:rep", reason="", now=timezone.now())

    body = interchange(buyer, buy.media_buy_id)
    assert (body["status"], body["adcp_status"]) == ("ARCHIVED", "completed")
    assert shown(buyer, buy)["status"] == "completed"


def test_no_adcp_value_maps_to_the_rollups_own_states() -> None:
    own = {"DRAFT", "INPUT_REQUIRED", "FAILED", "ARCHIVED"}

    assert not own & {word.value for word in INTERCHANGE_OF.values()}


# The account rollup


def test_an_account_without_anything_has_no_media_buys(buyer: Buyer) -> None:
    assert operational(buyer) == "no_media_buys"


def test_an_account_with_only_an_order_that_waits_is_draft(buyer: Buyer) -> None:
    waiting_task(buyer)

    assert operational(buyer) == "draft"


@pytest.mark.parametrize(
    ("adcp_status", "expected"),
    [
        ("pending_creatives", "pending_creatives"),
        ("pending_start", "pending_start"),
        ("active", "active"),
        ("paused", "paused"),
        ("completed", "completed"),
        ("canceled", "completed"),
        ("rejected", "attention_required"),
    ],
)
def test_an_account_with_one_buy_says_what_the_buy_says(
    buyer: Buyer, adcp_status: str, expected: str
) -> None:
    STATUSES[adcp_status](buyer)

    assert operational(buyer) == expected


def test_an_account_rolls_up_all_of_its_buys(buyer: Buyer) -> None:
    booked(ordered(buyer, 1))
    assert operational(buyer) == "pending_creatives"
    active(buyer, 2, paused=True)
    assert operational(buyer) == "paused"
    active(buyer, 3)

    answer = read(f"accounts/{buyer.account.account_id}", buyer.token)

    assert answer.body["operational_status"] == "active"
    assert answer.body["media_buy_counts"] == {"active": 1, "paused": 1, "pending_creatives": 1}


def test_an_order_that_was_sent_back_asks_for_attention(buyer: Buyer, approver: User) -> None:
    active(buyer, 1)
    send_back(waiting_task(buyer, idempotency_key=KEY.format(2)), approver)

    answer = read(f"accounts/{buyer.account.account_id}", buyer.token)

    assert answer.body["operational_status"] == "attention_required"
    assert answer.body["attention"] == ["input_required"]


@pytest.mark.parametrize("word", ["no_media_buys", "draft", "attention_required"])
def test_three_words_are_of_the_account_alone(buyer: Buyer, word: str) -> None:
    answer = call(buyer, "get_media_buys", {"status_filter": [word]})

    assert answer["adcp_error"]["code"] == "INVALID_REQUEST"
    assert answer["adcp_error"]["field"].startswith("status_filter")


# They do not replace each other


def test_no_word_of_the_rollups_is_in_an_adcp_body(buyer: Buyer) -> None:
    buy = completed(buyer)
    media_buy_archive(media_buy_pk=buy.pk, actor="seller:rep", reason="", now=timezone.now())
    bodies = [
        shown(buyer, buy, include_history=100),
        call(buyer, "list_accounts", {}),
        call(buyer, "list_tasks", {}),
        ordered(buyer, 2),
    ]

    text = orjson.dumps(bodies).decode()

    assert not [word for word in INTERCHANGE if f'"{word}"' in text]
    assert "operational_status" not in text
    assert "archived" not in text


def test_adcp_status_is_the_very_value_of_get_media_buys(buyer: Buyer) -> None:
    buy = ready(buyer)

    assert interchange(buyer, buy.media_buy_id)["adcp_status"] == shown(buyer, buy)["status"]
