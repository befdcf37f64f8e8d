"""Health, keys, and the addresses that are not tasks."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client, override_settings
from django.utils import timezone

from adcp_sales.protocol.heartbeats import heartbeat_record
from adcp_sales.protocol.models import Heartbeat
from adcp_sales.protocol.tasks import heartbeat
from webhooks.signing import key_id


@pytest.mark.django_db
def test_health_before_any_worker_was_seen() -> None:
    response = Client().get("/healthz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "parts": {
            "web": {"state": "ok"},
            "database": {"state": "ok"},
            "worker": {"state": "never_seen"},
            "beat": {"state": "never_seen"},
            "ad_server": {"state": "ok"},
        },
    }


@pytest.mark.django_db
def test_health_with_everything_alive() -> None:
    heartbeat()

    body = Client().get("/healthz").json()

    assert body["status"] == "ok"
    assert body["parts"]["beat"] == {"state": "ok", "age_seconds": 0}


@pytest.mark.django_db
def test_health_with_a_beat_that_stopped() -> None:
    heartbeat_record(parts=["worker", "beat"])
    Heartbeat.objects.filter(part="beat").update(beat_at=timezone.now() - timedelta(seconds=90))

    response = Client().get("/healthz")

    assert response.status_code == 200
    assert response.json()["parts"]["beat"] == {"state": "stale", "age_seconds": 90}
    assert response.json()["status"] == "degraded"


@pytest.mark.django_db
def test_a_heartbeat_keeps_one_row_a_part() -> None:
    heartbeat()
    heartbeat()

    assert Heartbeat.objects.count() == 2


def test_the_published_key_is_the_one_that_signs() -> None:
    response = Client().get("/.well-known/jwks.json")

    (key,) = response.json()["keys"]
    assert key["kid"] == key_id()
    assert key["adcp_use"] == "request-signing"
    assert "d" not in key
    assert response["Cache-Control"] == "public, max-age=300"


def test_brand_json_has_one_sales_agent() -> None:
    body = Client().get("/.well-known/brand.json").json()

    (agent,) = body["agents"]
    assert agent == {
        "type": "sales",
        "url": "http://127.0.0.1:8000",
        "id": "sales",
        "jwks_uri": "http://127.0.0.1:8000/.well-known/jwks.json",
    }


def test_the_root_leads_to_the_desk() -> None:
    response = Client().get("/")

    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("path", ["/adcp/list_accounts", "/legacy/create_media_buy_status"])
@override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=["^adcp/", "^legacy/"])
def test_the_api_over_plain_http_is_refused_and_not_redirected(path: str) -> None:
    plain = Client().post(path, b"{}", content_type="application/json")
    over_tls = Client().post(path, b"{}", content_type="application/json", secure=True)
    page = Client().get("/admin/login/")

    assert plain.status_code == 403
    assert plain.json()["adcp_error"]["code"] == "PERMISSION_DENIED"
    assert over_tls.status_code == 401
    assert (page.status_code, page["Location"]) == (301, "https://testserver/admin/login/")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, set()),
        ({"SECRET_KEY": "short"}, {"adcp.E001"}),
        ({"SECRET_KEY": "development-only" + "x" * 50}, {"adcp.E001"}),
        ({"PUBLIC_URL": "http://sales.example"}, {"adcp.E002"}),
        ({"DEBUG": True}, {"adcp.E003"}),
        ({"ALLOWED_HOSTS": ["*"]}, {"adcp.E004"}),
    ],
)
def test_unsafe_production_settings_are_refused(change: dict[str, Any], expected: set[str]) -> None:
    safe = {
        "PRODUCTION": True,
        "SECRET_KEY": "k3" * 30,
        "PUBLIC_URL": "https://sales.example",
        "ALLOWED_HOSTS": ["sales.example"],
        "DEBUG": False,
    }
    with override_settings(**(safe | change)):
        found = {message.id for message in run_checks(tags=["security"])}

    assert {identifier for identifier in found if str(identifier).startswith("adcp.")} == expected
