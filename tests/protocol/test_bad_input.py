"""Every class of bad input: a typed error, the right status, and nothing written."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from tests.protocol.conftest import Answer, Buyer, ask, order, row_counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]

SECRET = "s3cr3t-" + "v" * 40
NOW = timezone.now()


def days(number: int) -> str:
    return (NOW + timedelta(days=number)).isoformat()


def line(**changes: Any) -> dict[str, Any]:
    product = {
        "product_id": "outdoor-display",
        "pricing_option_id": "display-cpm",
        "budget": 1000,
    }
    return product | changes


def lines(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"packages": list(packages)}


REFUSED_ORDERS: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("wrong type", {"brand": "acme"}, 400, "INVALID_REQUEST", "brand"),
    ("wrong type deep", lines(line(budget="1000")), 400, "INVALID_REQUEST", "packages[0].budget"),
    ("boolean budget", lines(line(budget=True)), 400, "INVALID_REQUEST", "packages[0].budget"),
    ("null", {"end_time": None}, 400, "INVALID_REQUEST", "end_time"),
    ("no packages", {"packages": []}, 400, "INVALID_REQUEST", "packages"),
    ("context of text", {"context": "x"}, 400, "INVALID_REQUEST", "context"),
    ("short key", {"idempotency_key": "short"}, 400, "INVALID_REQUEST", "idempotency_key"),
    ("long key", {"idempotency_key": "k" * 256}, 400, "INVALID_REQUEST", "idempotency_key"),
    ("odd key", {"idempotency_key": "k" * 15 + "ü"}, 400, "INVALID_REQUEST", "idempotency_key"),
    ("account by two", {"account": {"account_id": "a", "operator": "b.c"}}, 400,
     "INVALID_REQUEST", "account"),
    ("unknown product", lines(line(product_id="none")), 404, "PRODUCT_NOT_FOUND",
     "packages[0].product_id"),
    ("second product unknown", lines(line(), line(product_id="none")), 404, "PRODUCT_NOT_FOUND",
     "packages[1].product_id"),
    ("unknown price", lines(line(pricing_option_id="none")), 400, "INVALID_REQUEST",
     "packages[0].pricing_option_id"),
    ("past start", {"start_time": days(-2)}, 400, "INVALID_REQUEST", "start_time"),
    ("reversed dates", {"start_time": days(9), "end_time": days(8)}, 400, "INVALID_REQUEST",
     "end_time"),
    ("empty flight", {"start_time": days(9), "end_time": days(9)}, 400, "INVALID_REQUEST",
     "end_time"),
    ("naive date", {"end_time": "2031-01-01T00:00:00"}, 400, "INVALID_REQUEST", "end_time"),
    ("no date", {"end_time": "tomorrow"}, 400, "INVALID_REQUEST", "end_time"),
    ("far future", {"end_time": "9999-12-31T23:59:59Z"}, 400, "INVALID_REQUEST", "end_time"),
    ("negative budget", lines(line(budget=-1)), 400, "INVALID_REQUEST", "packages[0].budget"),
    ("zero budget", lines(line(budget=0)), 422, "BUDGET_TOO_LOW", "packages[0].budget"),
    ("absurd budget", lines(line(budget=1e15)), 400, "VALIDATION_ERROR", "packages[0].budget"),
    ("mixed currencies",
     lines(line(), line(product_id="hiking-podcast", pricing_option_id="podcast-auction")), 400,
     "INVALID_REQUEST", "packages[1].pricing_option_id"),
    ("unknown account", {"account": {"account_id": "acc_0"}}, 404, "ACCOUNT_NOT_FOUND", "account"),
    ("webhook on a bad scheme", {"push_notification_config": {"url": "ftp://x.example/"}}, 400,
     "INVALID_REQUEST", "push_notification_config.url"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [case[1:] for case in REFUSED_ORDERS],
    ids=[case[0] for case in REFUSED_ORDERS],
)
def test_a_bad_order(
    buyer: Buyer, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    before = row_counts()

    answer = ask("create_media_buy", order(buyer, **{"context": {"t": 1}, **change}), buyer.token)

    assert answer.body["status"] == "failed"
    assert (answer.status, answer.error["code"], answer.error["field"]) == (status, code, field)
    assert answer.error["recovery"] in {"correctable", "terminal"}
    assert answer.error["suggestion"]
    assert "context" in change or answer.body["context"] == {"t": 1}
    assert row_counts() == before


@pytest.mark.parametrize(
    "missing", ["account", "brand", "start_time", "end_time", "packages", "idempotency_key"]
)
def test_a_missing_field(buyer: Buyer, missing: str) -> None:
    body = order(buyer)
    del body[missing]
    before = row_counts()

    answer = ask("create_media_buy", body, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == missing
    assert row_counts() == before


def test_schema_issues_point_at_every_fault(buyer: Buyer) -> None:
    body = order(buyer, end_time=5, start_time="soon", **lines(line(budget=-1), {"budget": 1}))

    error = ask("create_media_buy", body, buyer.token).error

    assert [issue["pointer"] for issue in error["issues"]] == [
        "/start_time",
        "/end_time",
        "/packages/0/budget",
        "/packages/1/product_id",
        "/packages/1/pricing_option_id",
    ]
    assert error["field"] == "start_time"
    assert [issue["keyword"] for issue in error["issues"]] == [
        "format", "type", "minimum", "required", "required",
    ]  # fmt: skip
    assert all(issue["schemaPath"].startswith("/") for issue in error["issues"])


def test_the_issue_is_of_the_variant_that_has_the_values_type(buyer: Buyer) -> None:
    one = ask("get_media_buys", {"status_filter": "approved"}, buyer.token).error
    several = ask("get_media_buys", {"status_filter": ["approved"]}, buyer.token).error

    assert [(one["field"], one["issues"][0]["keyword"])] == [("status_filter", "enum")]
    assert [(several["field"], several["issues"][0]["keyword"])] == [("status_filter[0]", "enum")]


def test_issues_are_few_and_small(buyer: Buyer) -> None:
    huge = [{"product_id": "x" * 5000, "k" * 900: 1} for _ in range(50)]

    answer = ask("create_media_buy", order(buyer, packages=huge), buyer.token)

    assert len(answer.error["issues"]) == 10
    assert len(answer.raw) < 12_000


def test_no_value_of_a_request_comes_back_in_an_error(buyer: Buyer) -> None:
    push = {
        "url": "not a url " + SECRET,
        "authentication": {"schemes": [SECRET], "credentials": SECRET},
        "token": "x",
    }

    answer = ask("create_media_buy", order(buyer, push_notification_config=push), buyer.token)

    assert answer.status == 400
    assert SECRET.encode() not in answer.raw


@pytest.mark.parametrize(
    "place", [{"ext": {"api_key": SECRET}}, {"context": {"a": [{"github_access_token": SECRET}]}}]
)
def test_a_credential_among_the_arguments(buyer: Buyer, place: dict[str, Any]) -> None:
    before = row_counts()

    answer = ask("create_media_buy", order(buyer, **place), buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "CREDENTIAL_IN_ARGS")
    assert answer.error["recovery"] == "terminal"
    assert SECRET.encode() not in orjson.dumps(answer.error)
    assert row_counts() == before


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"[" * 900_000,
    ],
)
def test_a_body_that_cannot_be_trusted(buyer: Buyer, raw: bytes) -> None:
    before = row_counts()

    answer = ask("create_media_buy", raw, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert row_counts() == before


def test_a_body_over_one_megabyte(buyer: Buyer) -> None:
    before = row_counts()
    padding = "x" * (1_000_001 - len(orjson.dumps(order(buyer, po_number=""))))

    too_large = ask("create_media_buy", order(buyer, po_number=padding + "xx"), buyer.token)

    assert (too_large.status, too_large.error["code"]) == (413, "INVALID_REQUEST")
    assert row_counts() == before


def test_a_chunked_body_is_refused_and_not_ignored(buyer: Buyer) -> None:
    headers = {"authorization": f"Bearer {buyer.token}", "transfer-encoding": "chunked"}

    response = Client().generic(
        "POST", "/adcp/list_accounts", b"", content_type="application/json", headers=headers
    )

    assert response.status_code == 411
    assert orjson.loads(response.content)["adcp_error"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "multipart/x"])
def test_another_content_type(buyer: Buyer, content_type: str) -> None:
    response = Client().post(
        "/adcp/list_accounts",
        b"{}",
        content_type=content_type,
        headers={"authorization": f"Bearer {buyer.token}"},
    )

    assert response.status_code == 415
    assert orjson.loads(response.content)["adcp_error"]["code"] == "INVALID_REQUEST"


def test_a_charset_on_the_content_type_is_fine(buyer: Buyer) -> None:
    response = Client().post(
        "/adcp/list_accounts",
        b"{}",
        content_type="application/json; charset=utf-8",
        headers={"authorization": f"Bearer {buyer.token}", "accept": "text/html"},
    )

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_another_method(method: str) -> None:
    response = getattr(Client(), method)("/adcp/get_products")

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    if method != "head":
        error = orjson.loads(response.content)["adcp_error"]
        assert (error["code"], error["suggestion"]) == ("INVALID_REQUEST", "Send it by POST.")


@pytest.mark.parametrize(
    "path", ["", "no_such_task", "Create_Media_Buy", "a/b/c", "%00", "tasks/get"]
)
def test_an_unknown_task(buyer: Buyer, path: str) -> None:
    answer = ask(path, {"context": {"c": 1}}, buyer.token)

    assert (answer.status, answer.error["code"]) == (404, "UNSUPPORTED_FEATURE")
    assert answer.body["context"] == {"c": 1}


@pytest.mark.parametrize("cursor", ["", "x", "é", "a:b:c", "WzEsMl0:1a:zzz", "." * 5000])
@pytest.mark.parametrize(
    "task", ["get_media_buys", "list_accounts", "list_tasks", "list_creative_formats"]
)
def test_a_bad_cursor(buyer: Buyer, task: str, cursor: str) -> None:
    answer = ask(task, {"pagination": {"cursor": cursor}}, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "pagination.cursor"


@pytest.mark.parametrize("size", [0, 101, -1, 1.5, "10"])
def test_a_bad_page_size(buyer: Buyer, size: Any) -> None:
    answer = ask("list_accounts", {"pagination": {"max_results": size}}, buyer.token)

    assert (answer.status, answer.error["field"]) == (400, "pagination.max_results")


@pytest.mark.parametrize(
    ("pin", "status", "code"),
    [
        ({}, 200, None),
        ({"adcp_version": "3.1"}, 200, None),
        ({"adcp_major_version": 3}, 200, None),
        ({"adcp_version": "3.1", "adcp_major_version": 3}, 200, None),
        ({"adcp_version": "3.2"}, 200, None),
        ({"adcp_version": "3.2-rc.1"}, 200, None),
        ({"adcp_version": "3.1-beta.1"}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_version": "3.0"}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_version": "4.0"}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_version": "99.0"}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_major_version": 99}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_version": "3.1", "adcp_major_version": 2}, 400, "VERSION_UNSUPPORTED"),
        ({"adcp_version": "3.1.4"}, 400, "INVALID_REQUEST"),
        ({"adcp_version": 3}, 400, "INVALID_REQUEST"),
        ({"adcp_major_version": "3"}, 400, "INVALID_REQUEST"),
    ],
)
def test_version_pins(pin: dict[str, Any], status: int, code: str | None) -> None:
    answer: Answer = ask("get_adcp_capabilities", pin)

    assert answer.status == status
    assert answer.body["adcp_version"] == "3.1"
    if code:
        assert answer.error["code"] == code
    if code == "VERSION_UNSUPPORTED":
        assert answer.error["details"]["supported_versions"] == ["3.1"]
        assert answer.error["details"]["supported_majors"] == [3]


def test_the_envelope_is_tolerated_on_every_read(buyer: Buyer) -> None:
    envelope = {
        "idempotency_key": "read-0000000000001",
        "context_id": "ctx_1",
        "context": {"x": None},
        "governance_context": "g",
        "adcp_version": "3.1",
        "adcp_major_version": 3,
        "ext": {"vendor": {}},
        "push_notification_config": {"url": "https://buyer.example/hook"},
    }
    before = row_counts()

    for task in ("list_accounts", "get_media_buys", "list_tasks", "get_adcp_capabilities"):
        answer = ask(task, envelope, buyer.token)
        assert answer.status == 200, (task, answer.body)
        assert answer.body["context"] == {"x": None}
    assert row_counts() == before


@pytest.mark.parametrize(
    "path", ["/legacy/", "/legacy/legacy_create_media_buy", "/legacy/get_task_status"]
)
def test_the_legacy_address_has_only_legacy_tasks(buyer: Buyer, path: str) -> None:
    response = Client().post(
        path,
        orjson.dumps({}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {buyer.token}"},
    )

    assert response.status_code == 404
    assert orjson.loads(response.content)["adcp_error"]["code"] == "UNSUPPORTED_FEATURE"
