"""What goes wrong on our side stays on our side: typed, logged, and without internals."""

import logging
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError, connection
from django.test import Client
from psycopg.errors import AdminShutdown, DeadlockDetected, LockNotAvailable

from adcp_sales.protocol import dispatch, errors, registry
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.schemas import ResponseInvalid
from adcp_sales.protocol.versions import BUILD_VERSION
from mediabuys import errors as trade_errors
from mediabuys.errors import TradeError
from tasks_hitl import errors as approval_errors
from tests.protocol.conftest import Buyer, ask, order, row_counts


def raising(cause: BaseException, error: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_every_error_of_the_apps_has_a_known_code() -> None:
    trees = [*vars(trade_errors).values(), *vars(approval_errors).values()]
    codes = {item.code for item in trees if isinstance(item, type) and issubclass(item, TradeError)}

    assert codes
    assert codes <= errors.standard_codes()


def test_the_version_we_name_is_the_one_we_build() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == BUILD_VERSION


def test_the_standard_table_is_the_published_one() -> None:
    assert len(errors.standard_codes()) == 92
    assert errors.standard_recovery("ACCOUNT_SUSPENDED") == "terminal"
    assert errors.standard_recovery("CONFLICT") == "transient"
    assert errors.standard_recovery("X_UNKNOWN") == "correctable"
    assert set(errors.HTTP_STATUS) - errors.standard_codes() == {"INVALID_CONTEXT"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_REQUEST", 400),
        ("AUTH_MISSING", 401),
        ("AGENT_BLOCKED", 403),
        ("MEDIA_BUY_NOT_FOUND", 404),
        ("CONFLICT", 409),
        ("BUDGET_TOO_LOW", 422),
        ("RATE_LIMITED", 429),
        ("SERVICE_UNAVAILABLE", 503),
    ],
)
def test_http_statuses(code: str, status: int) -> None:
    assert AdcpError(code, "x").http_status == status


def test_a_refusal_of_an_app_keeps_its_code_and_field() -> None:
    refusal = as_adcp_error(
        trade_errors.BudgetTooLow(
            "Too low.", field="packages[0].budget", details={"minimum_budget": 5}
        )
    )

    assert refusal.as_dict() | {"suggestion": ""} == {
        "code": "BUDGET_TOO_LOW",
        "message": "Too low.",
        "field": "packages[0].budget",
        "suggestion": "",
        "recovery": "correctable",
        "details": {"minimum_budget": 5},
    }


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (raising(LockNotAvailable(), OperationalError("x")), "CONFLICT", 409),
        (raising(DeadlockDetected(), OperationalError("x")), "CONFLICT", 409),
        (raising(AdminShutdown(), OperationalError("x")), "SERVICE_UNAVAILABLE", 503),
        (InterfaceError("connection closed"), "SERVICE_UNAVAILABLE", 503),
    ],
)
def test_trouble_that_passes_is_transient(error: Exception, code: str, status: int) -> None:
    refusal = as_adcp_error(error)

    assert (refusal.code, refusal.http_status, refusal.recovery) == (code, status, "transient")
    assert refusal.retry_after


@pytest.mark.parametrize("error", [KeyError("secret-value"), DataError("secret-value")])
def test_what_nobody_foresaw_is_logged_under_an_id(error: Exception, caplog: Any) -> None:
    with caplog.at_level(logging.ERROR):
        refusal = as_adcp_error(error)

    assert (refusal.code, refusal.http_status) == ("SERVICE_UNAVAILABLE", 503)
    assert refusal.details is not None
    assert refusal.details["correlation_id"] in caplog.text
    assert "secret-value" in caplog.text
    assert "secret-value" not in str(refusal.as_dict())


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_a_use_case_that_breaks_halfway_leaves_nothing(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a use case that fails after everything was written
    spec = registry.task_spec("create_media_buy")
    assert spec is not None

    def breaks(call: registry.Call) -> registry.Reply:
        spec.run(call)
        raise ZeroDivisionError("internal detail")

    broken = replace(spec, run=breaks)
    monkeypatch.setattr(dispatch, "task_spec", lambda _: broken)
    before = row_counts()

    answer = ask("create_media_buy", order(buyer, context={"c": 1}), buyer.token)

    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert b"internal detail" not in answer.raw
    assert b"Traceback" not in answer.raw
    assert answer.body["context"] == {"c": 1}
    assert row_counts() == before


@pytest.mark.django_db
def test_an_answer_that_breaks_its_schema_fails_the_tests(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = registry.task_spec("list_accounts")
    assert spec is not None
    wrong = replace(spec, run=lambda _: registry.Reply({"accounts": [{"name": None}]}))
    monkeypatch.setattr(dispatch, "task_spec", lambda _: wrong)

    with pytest.raises(ResponseInvalid) as broken:
        ask("list_accounts", {}, buyer.token)

    assert broken.value.issues


@pytest.mark.django_db
def test_in_production_a_broken_answer_is_sent_and_logged(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: Any
) -> None:
    settings.RESPONSE_VALIDATION = "sample"
    monkeypatch.setattr(dispatch, "SAMPLED_RESPONSES", 1.0)
    spec = registry.task_spec("list_accounts")
    assert spec is not None
    wrong = replace(spec, run=lambda _: registry.Reply({"accounts": [{"name": None}]}))
    monkeypatch.setattr(dispatch, "task_spec", lambda _: wrong)

    answer = ask("list_accounts", {}, buyer.token)

    assert answer.status == 200
    assert "An answer of list_accounts breaks its schema." in caplog.text


class _DatabaseDown:
    """Refuses every statement, as a connection to a stopped server does."""

    def __call__(self, *_: object) -> Any:
        raise OperationalError("connection to server at 10.0.0.7 failed")


@pytest.mark.django_db
@pytest.mark.parametrize("task", ["list_accounts", "create_media_buy", "get_products"])
def test_a_database_that_is_down(buyer: Buyer, task: str) -> None:
    body = {"buying_mode": "wholesale"} if task == "get_products" else order(buyer)

    with connection.execute_wrapper(_DatabaseDown()):
        answer = ask(task, body | {"context": {"c": 1}}, buyer.token)

    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"
    assert answer.body["context"] == {"c": 1}
    assert b"10.0.0.7" not in answer.raw


@pytest.mark.django_db
def test_health_without_a_database() -> None:
    with connection.execute_wrapper(_DatabaseDown()):
        response = Client().get("/healthz")

    assert response.status_code == 503
    assert response.json()["parts"] == {
        "web": {"state": "ok"},
        "database": {"state": "down"},
    }
