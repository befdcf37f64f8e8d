"""Who may call what: every task against every kind of caller, and nothing leaks or is written."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from adcp_sales.protocol import auth
from adcp_sales.protocol.models import ApiToken
from adcp_sales.protocol.registry import task_names, task_spec, task_specs
from mediabuys.models import Account, Principal
from tests.protocol.conftest import (
    KEY,
    Buyer,
    ask,
    guaranteed_order,
    order,
    row_counts,
)

pytestmark = pytest.mark.django_db

NAMES = [name for name in task_names() if f"adcp/{name}" in task_spec(name).rest_paths]  # type: ignore[union-attr]
PROTECTED = [name for name in NAMES if task_spec(name).access != "public"]  # type: ignore[union-attr]
PUBLIC = [spec.name for spec in task_specs().values() if spec.access == "public"]


def test_what_is_public_is_exactly_this() -> None:
    assert PUBLIC == ["get_adcp_capabilities", "get_products", "list_creative_formats"]


@pytest.mark.parametrize("task", PROTECTED)
def test_without_a_token(task: str) -> None:
    before = row_counts()

    answer = ask(task, {"context": {"a": 1}})

    assert (answer.status, answer.error["code"]) == (401, "AUTH_MISSING")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adcp"'
    assert answer.body["context"] == {"a": 1}
    assert row_counts() == before


@pytest.mark.parametrize("task", [*PROTECTED, *PUBLIC, "no_such_task"])
@pytest.mark.parametrize("token", ["nonsense", "adcp_test_00000000_" + "A" * 43, "", "é"])
def test_with_a_bad_token(task: str, token: str) -> None:
    before = row_counts()

    answer = ask(task, {"context": {"a": 1}}, token)

    assert (answer.status, answer.error["code"]) == (401, "AUTH_INVALID")
    expected = 'Bearer realm="adcp", error="invalid_token"'
    assert answer.headers["WWW-Authenticate"] == expected
    assert answer.body["context"] == {"a": 1}
    assert row_counts() == before


def test_another_scheme_is_not_accepted(buyer: Buyer) -> None:
    answer = ask("list_accounts", {}, authorization=f"Basic {buyer.token}")

    assert (answer.status, answer.error["code"]) == (401, "AUTH_INVALID")


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"secret_digest": b"x" * 32},
    ],
)
def test_revoked_expired_and_changed_tokens_look_like_unknown_ones(
    buyer: Buyer, change: dict[str, Any]
) -> None:
    unknown = ask("list_accounts", {}, "adcp_test_00000000_" + "A" * 43)
    ApiToken.objects.filter(principal=buyer.principal).update(**change)

    answer = ask("list_accounts", {}, buyer.token)

    assert (answer.status, answer.raw) == (401, unknown.raw)


@pytest.mark.usefixtures("catalog", "rules")
@pytest.mark.parametrize(
    ("status", "code"), [("suspended", "AGENT_SUSPENDED"), ("blocked", "AGENT_BLOCKED")]
)
@pytest.mark.parametrize("task", NAMES)
def test_a_stopped_agent(buyer: Buyer, task: str, status: str, code: str) -> None:
    Principal.objects.filter(pk=buyer.principal.pk).update(status=status)
    before = row_counts()

    answer = ask(task, order(buyer), buyer.token)

    assert (answer.status, answer.error["code"]) == (403, code)
    assert answer.error["recovery"] == "terminal"
    assert answer.error["details"] == {"scope": "agent", "reason": status}
    assert row_counts() == before


@pytest.mark.parametrize("task", ["create_media_buy", "get_media_buys"])
def test_a_stopped_agent_at_the_older_address(buyer: Buyer, task: str) -> None:
    Principal.objects.filter(pk=buyer.principal.pk).update(status="blocked")
    before = row_counts()

    answer = ask(task, order(buyer), buyer.token, prefix="legacy")

    assert (answer.status, answer.body["errors"][0]["code"]) == (403, "AGENT_BLOCKED")
    assert row_counts() == before


@pytest.mark.usefixtures("catalog", "rules")
def test_foreign_and_unknown_ids_answer_byte_for_byte_the_same(
    buyer: Buyer, stranger: Buyer
) -> None:
    # given what only the buyer has
    waiting = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body
    running = ask("create_media_buy", order(buyer, 2), buyer.token).body
    foreign_account = {"account_id": buyer.account.account_id}
    unknown_account = {"account_id": "acc_unknown"}
    by_key = {"brand": {"domain": "acmeoutdoor.example"}, "operator": "pinnacle.example"}
    no_key = {"brand": {"domain": "nobody.example"}, "operator": "nobody.example"}
    pairs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("get_task_status", {"task_id": waiting["task_id"]}, {"task_id": "task_0"}),
        ("tasks_get", {"task_id": waiting["task_id"]}, {"task_id": "task_0"}),
        (
            "create_media_buy_status",
            {"context_id": waiting["context_id"]},
            {"context_id": "ctx_0"},
        ),
        ("get_media_buys", {"account": foreign_account}, {"account": unknown_account}),
        ("get_media_buys", {"account": by_key}, {"account": no_key}),
        ("list_tasks", {"account": foreign_account}, {"account": unknown_account}),
        ("list_accounts", {"account": by_key}, {"account": no_key}),
        ("get_products", wholesale(foreign_account), wholesale(unknown_account)),
        (
            "create_media_buy",
            order(buyer, 3, account=foreign_account),
            order(buyer, 3, account=unknown_account),
        ),
    ]
    before = row_counts()

    for task, foreign, unknown in pairs:
        foreign_answer = ask(task, foreign, stranger.token)
        unknown_answer = ask(task, unknown, stranger.token)
        assert foreign_answer.raw == unknown_answer.raw, task
        assert foreign_answer.status == unknown_answer.status, task
        for secret in (waiting["task_id"], running["media_buy_id"], buyer.account.account_id):
            assert secret.encode() not in foreign_answer.raw
    assert row_counts() == before


@pytest.mark.usefixtures("catalog", "rules")
def test_a_foreign_media_buy_differs_from_an_unknown_one_only_in_what_was_asked(
    buyer: Buyer, stranger: Buyer
) -> None:
    running = ask("create_media_buy", order(buyer), buyer.token).body["media_buy_id"]
    unknown = "mb_" + "0" * (len(running) - 3)

    foreign_answer = ask("get_media_buys", {"media_buy_ids": [running]}, stranger.token)
    unknown_answer = ask("get_media_buys", {"media_buy_ids": [unknown]}, stranger.token)

    assert foreign_answer.raw.replace(running.encode(), unknown.encode()) == unknown_answer.raw
    assert foreign_answer.body["media_buys"] == []


@pytest.mark.usefixtures("catalog", "rules")
def test_naming_another_buyers_brand_makes_an_account_of_ones_own(
    buyer: Buyer, stranger: Buyer
) -> None:
    entry = {
        "brand": {"domain": buyer.account.brand_domain},
        "operator": buyer.account.operator_domain,
        "billing": "operator",
    }

    answer = ask(
        "sync_accounts", {"idempotency_key": KEY.format(9), "accounts": [entry]}, stranger.token
    )

    assert answer.body["accounts"][0]["action"] == "created"
    assert answer.body["accounts"][0]["account_id"] != buyer.account.account_id
    assert Account.objects.filter(owner=stranger.principal).count() == 2


@pytest.mark.usefixtures("catalog", "rules")
@pytest.mark.parametrize(
    ("status", "code", "http_status"),
    [
        ("pending_approval", "ACCOUNT_SETUP_REQUIRED", 403),
        ("payment_required", "ACCOUNT_PAYMENT_REQUIRED", 403),
        ("suspended", "ACCOUNT_SUSPENDED", 403),
        ("rejected", "ACCOUNT_NOT_FOUND", 404),
        ("closed", "ACCOUNT_NOT_FOUND", 404),
    ],
)
def test_an_account_that_may_not_buy(
    buyer: Buyer, status: str, code: str, http_status: int
) -> None:
    Account.objects.filter(pk=buyer.account.pk).update(status=status)
    before = row_counts()

    answer = ask("create_media_buy", order(buyer), buyer.token)

    assert (answer.status, answer.error["code"]) == (http_status, code)
    assert answer.error["field"] == "account"
    assert row_counts() == before


@pytest.mark.parametrize(
    ("task", "status", "expected"),
    [
        ("get_products", "payment_required", 200),
        ("get_products", "suspended", 403),
        ("get_media_buys", "suspended", 200),
        ("get_media_buys", "payment_required", 200),
        ("get_media_buys", "pending_approval", 403),
        ("get_media_buys", "closed", 404),
        ("list_accounts", "pending_approval", 200),
        ("list_accounts", "closed", 200),
    ],
)
@pytest.mark.usefixtures("catalog")
def test_what_an_account_in_trouble_may_still_do(
    buyer: Buyer, task: str, status: str, expected: int
) -> None:
    Account.objects.filter(pk=buyer.account.pk).update(status=status)
    reference = {"account_id": buyer.account.account_id}
    body = wholesale(reference) if task == "get_products" else {"account": reference}

    assert ask(task, body, buyer.token).status == expected


@pytest.mark.usefixtures("catalog")
def test_an_anonymous_caller_may_not_name_an_account(buyer: Buyer) -> None:
    answer = ask("get_products", wholesale({"account_id": buyer.account.account_id}))

    assert (answer.status, answer.error["code"]) == (401, "AUTH_MISSING")


def test_a_revoked_token_stops_within_the_cache_time(buyer: Buyer, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 5
    assert ask("list_accounts", {}, buyer.token).status == 200

    auth.token_revoke(token=ApiToken.objects.get(principal=buyer.principal))

    assert ask("list_accounts", {}, buyer.token).status == 401


def test_a_cached_token_costs_no_query_and_still_expires(
    buyer: Buyer, settings: Any, django_assert_num_queries: Any, monkeypatch: Any
) -> None:
    settings.TOKEN_CACHE_SECONDS = 5
    auth.authenticate(buyer.token)

    with django_assert_num_queries(0):
        assert auth.authenticate(buyer.token) == buyer.principal

    later = time.monotonic() + 5.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with django_assert_num_queries(1):
        auth.authenticate(buyer.token)


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(
    buyer: Buyer, django_assert_num_queries: Any
) -> None:
    token = ApiToken.objects.get(principal=buyer.principal)
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))

    with django_assert_num_queries(2):
        auth.authenticate(buyer.token)
    with django_assert_num_queries(1):
        auth.authenticate(buyer.token)

    token.refresh_from_db()
    assert token.last_used_at is not None
    assert timezone.now() - token.last_used_at < timedelta(seconds=10)


def test_only_a_digest_of_the_secret_is_kept(buyer: Buyer) -> None:
    token = ApiToken.objects.get(principal=buyer.principal)
    secret = buyer.token.removeprefix(f"{token.prefix}_")

    assert len(secret) == 43
    assert len(token.prefix) == len("adcp_test_") + 8
    assert secret.encode() not in bytes(token.secret_digest)
    assert len(bytes(token.secret_digest)) == 32


def wholesale(account: dict[str, Any]) -> dict[str, Any]:
    return {"buying_mode": "wholesale", "account": account}
