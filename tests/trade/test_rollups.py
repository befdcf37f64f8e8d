"""Rollups: one word for many buys, by the settings' tables, for those who may read them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from adcp_sales.protocol.auth import token_revoke
from adcp_sales.protocol.models import ApiToken
from mediabuys.models import AccountAccess, Creative, MediaBuy, Proposal
from mediabuys.rollups import (
    AccountFacts,
    Attention,
    InterchangeStatus,
    OperationalStatus,
    most_restrictive,
    operational_words,
    precedence_faults,
)
from mediabuys.services.archive import media_buy_archive
from mediabuys.services.creatives import creative_review
from mediabuys.services.orders import media_buy_reject
from tests.documents.buys import active, shown, with_creative
from tests.interchange import Read, read
from tests.people import Buyer, reviews_by_hand
from tests.trade.orders import booked_buy, reject, send_back, waiting_task

pytestmark = pytest.mark.django_db

KEY = "key-{:016d}"


def in_campaign(buy: MediaBuy, campaign_ref: str = "spring") -> MediaBuy:
    MediaBuy.objects.filter(pk=buy.pk).update(campaign_ref=campaign_ref)
    buy.refresh_from_db()
    return buy


def campaign(buyer: Buyer, ref: str = "spring") -> dict[str, Any]:
    answer = read(f"campaigns/{quote(ref, safe='')}", buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def account(buyer: Buyer) -> dict[str, Any]:
    answer = read(f"accounts/{buyer.account.account_id}", buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len([query for query in captured.captured_queries if "UPDATE" not in query["sql"]])


def copied(buy: MediaBuy, times: int) -> None:
    """Write the buy so many times more, with unique values of their own."""
    fields = [field for field in MediaBuy._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(
        f"'copy_' || number || '{field.column}'" if field.unique else f'"{field.column}"'
        for field in fields
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO mediabuys_mediabuy ({columns}) SELECT {values}"  # noqa: S608
            " FROM mediabuys_mediabuy, generate_series(1, %s) number WHERE id = %s",
            [times, buy.pk],
        )


# The tables


def test_the_settings_tables_are_whole(settings: Any) -> None:
    assert precedence_faults(settings.ROLLUP_PRECEDENCE) == []
    assert [
        error.id for error in checks.run_checks() if str(error.id).startswith("adcp.E005")
    ] == []


@pytest.mark.parametrize(
    ("table", "words", "fault"),
    [
        ("interchange", [w.value for w in InterchangeStatus][1:], "interchange: DRAFT is missing."),
        (
            "interchange",
            [*[w.value for w in InterchangeStatus], "SLEEPING"],
            "interchange: SLEEPING is no such status.",
        ),
        (
            "operational_status",
            [*[w.value for w in OperationalStatus], "draft"],
            "operational_status: draft stands in it twice.",
        ),
    ],
)
def test_a_broken_table_is_refused_by_a_system_check(
    settings: Any, table: str, words: list[str], fault: str
) -> None:
    settings.ROLLUP_PRECEDENCE = {**settings.ROLLUP_PRECEDENCE, table: words}

    found = [error for error in checks.run_checks() if error.id == "adcp.E005"]

    assert [error.msg for error in found] == [f"ROLLUP_PRECEDENCE, {fault}"]


def test_a_missing_table_is_refused(settings: Any) -> None:
    table = {"interchange": settings.ROLLUP_PRECEDENCE["interchange"]}

    assert len(precedence_faults(table)) == len(OperationalStatus)


def test_the_order_of_the_table_decides() -> None:
    words = ["ACTIVE", "PENDING_APPROVAL", "COMPLETED"]

    assert most_restrictive(words, ["PENDING_APPROVAL", "ACTIVE", "COMPLETED"]) == words[1]
    assert most_restrictive(words, ["COMPLETED", "ACTIVE", "PENDING_APPROVAL"]) == words[2]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, {"no_media_buys"}),
        ({"open_orders": 1}, {"draft"}),
        ({"open_proposals": 1}, {"draft"}),
        ({"buys": {"pending_creatives": 1}}, {"pending_creatives"}),
        ({"buys": {"pending_start": 1}}, {"pending_start"}),
        ({"buys": {"active": 2, "paused": 1}}, {"active", "paused"}),
        ({"buys": {"completed": 1, "canceled": 1, "rejected": 1}}, {"completed"}),
        ({"attention": (Attention.SUSPENDED,)}, {"attention_required"}),
    ],
)
def test_what_is_true_of_an_account(facts: dict[str, Any], expected: set[str]) -> None:
    whole = {"account_id": "acc", "account_status": "active", "buys": {}, **facts}

    assert operational_words(AccountFacts(**whole)) == expected


# Campaigns


def test_the_most_restrictive_member_speaks_and_stands_first(buyer: Buyer, approver: User) -> None:
    live = in_campaign(active(buyer))
    waits = in_campaign(booked_buy(buyer, key=KEY.format(2)))

    body = campaign(buyer)

    assert body["status"] == "PENDING_APPROVAL"
    assert body["status_counts"] == {"PENDING_APPROVAL": 1, "ACTIVE": 1}
    assert [member["media_buy_id"] for member in body["members"]] == [
        waits.media_buy_id,
        live.media_buy_id,
    ]
    assert (body["total_count"], body["has_more"]) == (2, False)


def test_another_table_gives_another_word(buyer: Buyer, settings: Any) -> None:
    in_campaign(active(buyer))
    in_campaign(booked_buy(buyer, key=KEY.format(2)))
    table = list(settings.ROLLUP_PRECEDENCE["interchange"])
    table.remove("ACTIVE")
    settings.ROLLUP_PRECEDENCE = {
        **settings.ROLLUP_PRECEDENCE,
        "interchange": ["ACTIVE", *table],
    }

    body = campaign(buyer)

    assert body["status"] == "ACTIVE"
    assert [member["status"] for member in body["members"]] == ["ACTIVE", "PENDING_APPROVAL"]


def test_an_open_order_is_a_member_before_it_is_a_buy(buyer: Buyer) -> None:
    in_campaign(active(buyer))
    task = waiting_task(buyer, idempotency_key=KEY.format(2))
    in_campaign(task.media_buy)

    body = campaign(buyer)

    assert body["status"] == "PENDING_APPROVAL"
    [order, _] = body["members"]
    assert order["task_id"] == task.task_id
    assert not {"media_buy_id", "adcp_status", "revision"} & set(order)


def test_a_failed_order_speaks_until_another_is_sent(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    in_campaign(task.media_buy)
    reject(task, approver)
    assert campaign(buyer)["status"] == "FAILED"

    in_campaign(active(buyer, 2))

    body = campaign(buyer)
    assert (body["status"], body["status_counts"]) == ("ACTIVE", {"ACTIVE": 1})


def test_a_campaign_of_two_accounts_is_one(buyer: Buyer, stranger: Buyer) -> None:
    in_campaign(booked_buy(buyer))
    in_campaign(booked_buy(stranger, key=KEY.format(2)))
    assert campaign(buyer)["total_count"] == 1

    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)

    assert campaign(buyer)["total_count"] == 2


@pytest.mark.parametrize("ref", ["Q1/2027 “Spring” 100 %", "a/b/", "linie\nzwei", "é" * 255])
def test_a_reference_may_contain_anything(buyer: Buyer, ref: str) -> None:
    in_campaign(booked_buy(buyer), ref)

    assert campaign(buyer, ref)["campaign_ref"] == ref


def test_a_large_campaign_is_counted_wholly_and_shown_in_part(buyer: Buyer) -> None:
    first = in_campaign(active(buyer))
    small = statements(lambda: campaign(buyer))
    copied(first, 10_000)
    answers: list[dict[str, Any]] = []
    large = statements(lambda: answers.append(campaign(buyer)))

    [body] = answers
    assert (body["total_count"], len(body["members"]), body["has_more"]) == (10_001, 100, True)
    assert body["status_counts"] == {"ACTIVE": 10_001}
    # token, counts, members
    assert small == large == 3


# One buy or order


def test_one_read_costs_two_queries(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    assert statements(lambda: read(f"media-buys/{buy.media_buy_id}", buyer.token)) == 2
    assert statements(lambda: read("media-buys/mb_unknown", buyer.token)) == 3


def test_finding_one_order_uses_indexes_alone(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    with CaptureQueriesContext(connection) as captured:
        read(f"media-buys/{buy.media_buy_id}", buyer.token)
    [sql] = [query["sql"] for query in captured.captured_queries if "UNION ALL" in query["sql"]]

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Seq Scan on mediabuys_mediabuy" not in plan
    assert "Seq Scan on tasks_hitl_task" not in plan


def test_another_agent_of_the_account_reads_the_buy_and_not_the_order(
    buyer: Buyer, stranger: Buyer, approver: User
) -> None:
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)
    task = in_campaign(waiting_task(buyer).media_buy).tasks.get()
    buy = in_campaign(booked_buy(buyer, key=KEY.format(2)))

    shown = read(f"media-buys/{buy.media_buy_id}", stranger.token)
    hidden = read(f"media-buys/{task.task_id}", stranger.token)

    assert shown.body["adcp_status"] == "pending_creatives"
    assert not {"context_id", "task_id", "task_status", "error"} & set(shown.body)
    assert hidden.status == 404
    assert hidden.raw == read("media-buys/task_unknown", stranger.token).raw
    assert campaign(stranger)["total_count"] == 1
    assert campaign(buyer)["total_count"] == 2
    assert account(buyer)["open_orders"] == 1
    answer = read(f"accounts/{buyer.account.account_id}", stranger.token)
    assert answer.body["open_orders"] == 0


# Accounts


def test_an_account_costs_the_same_whatever_it_holds(buyer: Buyer) -> None:
    empty = statements(lambda: account(buyer))
    for number in range(3):
        active(buyer, number)
    waiting_task(buyer, idempotency_key=KEY.format(9))

    # token, account, tasks, trouble, buys by status, proposals
    assert statements(lambda: account(buyer)) == empty == 6


@pytest.mark.parametrize(
    ("status", "reason"),
    [("payment_required", "account_payment_required"), ("suspended", "account_suspended")],
)
def test_a_stopped_account_asks_for_attention(buyer: Buyer, status: str, reason: str) -> None:
    type(buyer.account).objects.filter(pk=buyer.account.pk).update(status=status)

    body = account(buyer)

    assert (body["operational_status"], body["attention"]) == ("attention_required", [reason])


def test_a_failed_order_asks_for_attention_for_a_week(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    reject(task, approver)
    body = account(buyer)
    assert (body["operational_status"], body["attention"]) == (
        "attention_required",
        ["order_failed"],
    )

    task.refresh_from_db()
    assert task.completed_at is not None
    type(task).objects.filter(pk=task.pk).update(completed_at=task.completed_at - timedelta(days=8))

    assert account(buyer)["operational_status"] == "no_media_buys"


def test_the_campaigns_next_order_answers_for_a_failed_one(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    in_campaign(task.media_buy)
    reject(task, approver)

    in_campaign(booked_buy(buyer, key=KEY.format(2)))

    assert account(buyer)["operational_status"] == "pending_creatives"


def test_a_rejected_buy_asks_for_attention_until_it_is_archived(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    media_buy_reject(buy=buy, actor="system", reason="Not bookable.", now=timezone.now())
    assert account(buyer)["attention"] == ["media_buy_rejected"]

    media_buy_archive(media_buy_pk=buy.pk, actor="seller:rep", reason="", now=timezone.now())

    body = account(buyer)
    assert (body["operational_status"], body["attention"]) == ("completed", [])


def test_a_buy_that_lost_its_last_creative_asks_for_attention(buyer: Buyer) -> None:
    buy = active(buyer)
    assert account(buyer)["operational_status"] == "active"
    creative = Creative.objects.get()
    revoked(creative)

    body = account(buyer)

    assert (body["operational_status"], body["attention"]) == (
        "attention_required",
        ["media_buy_impaired"],
    )
    assert (shown(buyer, buy)["status"], shown(buyer, buy)["health"]) == ("active", "impaired")
    with_creative(buyer, buy, 2)
    assert account(buyer)["operational_status"] == "active"
    assert shown(buyer, buy)["health"] == "ok"


def test_a_creative_that_never_was_approved_impairs_nothing(buyer: Buyer) -> None:
    reviews_by_hand()
    with_creative(buyer, booked_buy(buyer))
    revoked(Creative.objects.get())

    body = account(buyer)

    assert (body["operational_status"], body["attention"]) == ("pending_creatives", [])


def revoked(creative: Creative) -> None:
    creative_review(
        creative_pk=creative.pk,
        approve=False,
        reason="The claim is not allowed.",
        reviewer="seller:rep",
    )


def test_a_committed_proposal_is_a_draft_and_an_expired_one_is_none(buyer: Buyer) -> None:
    now = timezone.now()
    proposal = Proposal(
        principal=buyer.principal,
        account=buyer.account,
        plan_digest="0" * 64,
        name="Spring",
        currency="USD",
        minimum_budget=1000,
        expires_at=now + timedelta(days=1),
        committed_at=now,
        io_id="io_1",
    )
    proposal.commit()
    proposal.save()

    assert account(buyer)["operational_status"] == "draft"
    assert read(f"media-buys/{proposal.proposal_id}", buyer.token).body["status"] == "DRAFT"
    Proposal.objects.update(expires_at=now - timedelta(seconds=1))
    assert account(buyer)["operational_status"] == "no_media_buys"
    assert read(f"media-buys/{proposal.proposal_id}", buyer.token).body["status"] == "CANCELED"


# Who may read, and how


def addresses(buyer: Buyer) -> list[str]:
    buy = in_campaign(booked_buy(buyer))
    return [
        f"media-buys/{buy.media_buy_id}",
        f"media-buys/{buy.context_id}",
        "campaigns/spring",
        f"accounts/{buyer.account.account_id}",
    ]


def test_without_a_token(buyer: Buyer) -> None:
    for address in addresses(buyer):
        answer = read(address)

        assert (answer.status, answer.body["adcp_error"]["code"]) == (401, "AUTH_MISSING")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adcp"'
        assert answer.headers["Cache-Control"] == "no-store"


def test_with_a_token_that_is_none_or_revoked(buyer: Buyer) -> None:
    paths = addresses(buyer)
    token_revoke(token=ApiToken.objects.get(principal=buyer.principal))
    for address in paths:
        for token in ("nonsense", buyer.token):
            answer = read(address, token)

            assert (answer.status, answer.body["adcp_error"]["code"]) == (401, "AUTH_INVALID")
            assert answer.headers["WWW-Authenticate"].endswith('error="invalid_token"')
            assert answer.headers["Cache-Control"] == "no-store"


def test_a_blocked_agent_reads_nothing(buyer: Buyer) -> None:
    paths = addresses(buyer)
    type(buyer.principal).objects.update(status="blocked")
    for address in paths:
        answer = read(address, buyer.token)

        assert (answer.status, answer.body["adcp_error"]["code"]) == (403, "AGENT_BLOCKED")


def test_what_is_foreign_answers_like_what_is_unknown(buyer: Buyer, stranger: Buyer) -> None:
    for address in addresses(buyer):
        foreign = read(address, stranger.token)
        unknown = read(f"{address.split('/')[0]}/unknown", stranger.token)

        assert (foreign.status, foreign.raw) == (404, unknown.raw)
        assert foreign.headers == unknown.headers
        assert foreign.body["adcp_error"]["code"] == "REFERENCE_NOT_FOUND"
        assert foreign.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["media-buys/a%00b", "campaigns/%00", "accounts/%00", "nothing"])
def test_an_odd_address_answers_a_typed_404(buyer: Buyer, path: str) -> None:
    answer = read(path, buyer.token)

    assert (answer.status, answer.body["adcp_error"]["code"]) == (404, "REFERENCE_NOT_FOUND")


def test_an_order_that_was_sent_back_was_updated_then(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    in_campaign(task.media_buy)
    path = f"media-buys/{task.task_id}"
    waiting = read(path, buyer.token).body

    send_back(task, approver)

    asked = read(path, buyer.token).body
    assert (waiting["status"], asked["status"]) == ("PENDING_APPROVAL", "INPUT_REQUIRED")
    assert asked["updated_at"] > waiting["updated_at"]
    assert campaign(buyer)["updated_at"] == asked["updated_at"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_it_is_only_read(buyer: Buyer, method: str) -> None:
    [path, *_] = addresses(buyer)
    before = list(MediaBuy.objects.values())

    answer: Read = read(path, buyer.token, method=method)

    assert (answer.status, answer.body["adcp_error"]["code"]) == (405, "INVALID_REQUEST")
    assert answer.body["adcp_error"]["message"] == "This is only read, by GET."
    assert answer.body["adcp_error"]["suggestion"] == "Send it by GET."
    assert answer.headers["Allow"] == "GET, HEAD"
    assert list(MediaBuy.objects.values()) == before


def test_head_answers_the_headers_alone(buyer: Buyer) -> None:
    [path, *_] = addresses(buyer)

    answer = read(path, buyer.token, method="head")

    assert (answer.status, answer.raw) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_answer_is_never_cached(buyer: Buyer) -> None:
    for address in addresses(buyer):
        assert read(address, buyer.token).headers["Cache-Control"] == "no-store"
