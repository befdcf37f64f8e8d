"""Document 002, the request of create_media_buy: the three webhooks that it registers."""

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from adcp_sales.protocol.idempotency import request_digest
from adcp_sales.protocol.models import IdempotencyRecord
from mediabuys import reporting
from mediabuys.models import ArtifactWebhook, MediaBuy, Product, ReportingWebhook
from tasks_hitl.models import Task
from tests.documents.test_create_media_buy_request import BANK, RECIPIENT
from tests.people import Buyer, guaranteed_order, make_staff, order_params
from tests.protocol.conftest import Answer, ask, row_counts
from webhooks.models import Destination

pytestmark = pytest.mark.django_db

SECRET = "webhook-secret-" + "s" * 32
TOKEN = "echo-token-" + "t" * 32
ADDRESS: dict[str, Any] = {
    "url": "https://buyer.example/hooks?key=url-secret-77",
    "token": TOKEN,
    "authentication": {"schemes": ["HMAC-SHA256"], "credentials": SECRET},
}
PUSH = {**ADDRESS, "operation_id": "op:2027_a-1.b"}
REPORTING = {**ADDRESS, "reporting_frequency": "daily", "requested_metrics": ["impressions"]}
ARTIFACTS = {**ADDRESS, "delivery_mode": "batched", "batch_frequency": "hourly"}
WEBHOOKS: dict[str, Any] = {
    "push_notification_config": PUSH,
    "reporting_webhook": REPORTING,
    "artifact_webhook": ARTIFACTS,
}
FIELDS = list(WEBHOOKS)


def send(buyer: Buyer, **changes: Any) -> Answer:
    return ask("create_media_buy", order_params(buyer, **changes), buyer.token)


def refused(
    buyer: Buyer, field: str, changes: dict[str, Any], code: str = "INVALID_REQUEST"
) -> Answer:
    """Order and check that the refusal has code and field, and neither trace nor secret."""
    before = row_counts()
    answer = send(buyer, **changes)
    assert (answer.error["code"], answer.error["field"]) == (code, field), answer.body
    assert answer.error["suggestion"]
    assert row_counts() == before
    assert not any(secret in answer.raw for secret in (SECRET.encode(), TOKEN.encode()))
    return answer


def without(config: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return a copy of the configuration without one of its fields."""
    copy: dict[str, Any] = json.loads(json.dumps(config))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


def test_all_three_webhooks_are_registered(buyer: Buyer) -> None:
    answer = send(buyer, **WEBHOOKS)

    assert answer.status == 200, answer.body
    buy = MediaBuy.objects.get()
    assert (buy.operation_id, buy.push_token) == ("op:2027_a-1.b", TOKEN)
    reports = ReportingWebhook.objects.get(media_buy=buy)
    assert (reports.frequency, reports.requested_metrics) == ("daily", ["impressions"])
    assert reports.token == TOKEN
    artifacts = ArtifactWebhook.objects.get(media_buy=buy)
    assert (artifacts.delivery_mode, artifacts.batch_frequency) == ("batched", "hourly")
    assert (artifacts.sampling_rate, artifacts.token) == (Decimal(1), TOKEN)
    for row in (buy, reports, artifacts):
        assert row.destination is not None
        assert row.destination.url == "https://buyer.example/hooks?key=url-secret-77"
        assert row.destination.scheme == "hmac_sha256"
        assert row.destination.credentials == SECRET
        assert row.destination.owner_key == buyer.principal.principal_id


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("scheme", "stored"), [("Bearer", "bearer"), ("HMAC-SHA256", "hmac_sha256")]
)
def test_both_schemes_are_taken_with_credentials_of_32_characters(
    buyer: Buyer, field: str, scheme: str, stored: str
) -> None:
    secret = "c" * 32
    config = {
        **WEBHOOKS[field],
        "authentication": {"schemes": [scheme], "credentials": secret},
    }

    assert send(buyer, **{field: config}).status == 200

    destination = Destination.objects.get()
    assert (destination.scheme, destination.credentials) == (stored, secret)


NO_AUTHENTICATION: list[tuple[dict[str, Any], str]] = [
    ({"schemes": ["Bearer"], "credentials": "c" * 31}, ".credentials"),
    ({"schemes": ["Bearer"]}, ".credentials"),
    ({"credentials": SECRET}, ".schemes"),
    ({"schemes": [], "credentials": SECRET}, ".schemes"),
    ({"schemes": ["Bearer", "HMAC-SHA256"], "credentials": SECRET}, ".schemes"),
    ({"schemes": ["Basic"], "credentials": SECRET}, ".schemes[0]"),
    ({"schemes": ["Bearer"], "credentials": "ü" * 32}, ".credentials"),
    ({"schemes": ["Bearer"], "credentials": SECRET + "\r\nX: 1"}, ".credentials"),
    ({"schemes": ["Bearer"], "credentials": SECRET, "more": 1}, ""),
]


@pytest.mark.parametrize("field", FIELDS)
def test_authentication_that_is_none_is_refused(buyer: Buyer, field: str) -> None:
    for authentication, where in NO_AUTHENTICATION:
        config = {**WEBHOOKS[field], "authentication": authentication}

        refused(buyer, f"{field}.authentication{where}", {field: config})


REFUSED_URLS = (
    "ftp://buyer.example/",
    "https://user:password@buyer.example/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/",
    "http://buyer.example/",
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://localhost/",
)


@pytest.mark.parametrize("field", FIELDS)
def test_an_address_that_is_not_public_https_is_refused(
    buyer: Buyer, settings: Any, field: str
) -> None:
    settings.ALLOW_PRIVATE_DESTINATIONS = False

    for url in REFUSED_URLS:
        refused(buyer, f"{field}.url", {field: {**WEBHOOKS[field], "url": url}})


@pytest.mark.parametrize("field", FIELDS)
def test_a_host_that_does_not_resolve_is_taken(buyer: Buyer, settings: Any, field: str) -> None:
    settings.ALLOW_PRIVATE_DESTINATIONS = False

    assert send(buyer, **{field: WEBHOOKS[field]}).status == 200


@pytest.mark.parametrize("field", FIELDS)
def test_a_token_is_16_to_4096_characters(buyer: Buyer, field: str) -> None:
    config = WEBHOOKS[field]

    for wrong in ("t" * 15, "t" * 4097):
        refused(buyer, f"{field}.token", {field: {**config, "token": wrong}})

    assert send(buyer, **{field: {**config, "token": "t" * 4096}}).status == 200


@pytest.mark.parametrize("field", FIELDS)
def test_a_token_is_optional(buyer: Buyer, field: str) -> None:
    assert send(buyer, **{field: without(WEBHOOKS[field], "token")}).status == 200


MUST_SAY = {
    "push_notification_config": ("url",),
    "reporting_webhook": ("url", "authentication", "reporting_frequency"),
    "artifact_webhook": ("url", "authentication", "delivery_mode"),
}


@pytest.mark.parametrize("field", FIELDS)
def test_what_a_webhook_must_say(buyer: Buyer, field: str) -> None:
    for path in MUST_SAY[field]:
        refused(buyer, f"{field}.{path}", {field: without(WEBHOOKS[field], path)})


def test_a_push_notification_without_authentication_is_signed_with_our_key(buyer: Buyer) -> None:
    config = {"url": "https://buyer.example/hook"}

    assert send(buyer, push_notification_config=config).status == 200

    buy = MediaBuy.objects.get()
    assert buy.destination is not None
    assert (buy.destination.scheme, buy.destination.credentials) == ("none", "")
    assert (buy.operation_id, buy.push_token) == ("", "")


def test_an_operation_id_follows_its_pattern(buyer: Buyer) -> None:
    for operation_id in ("", "a b", "ü", "o" * 256):
        config = {**PUSH, "operation_id": operation_id}

        refused(
            buyer,
            "push_notification_config.operation_id",
            {"push_notification_config": config},
        )


def test_a_task_that_waits_keeps_the_channel_too(buyer: Buyer) -> None:
    body = guaranteed_order(buyer, push_notification_config=PUSH)

    assert ask("create_media_buy", body, buyer.token).body["status"] == "submitted"

    task = Task.objects.get()
    assert (task.operation_id, task.push_token) == ("op:2027_a-1.b", TOKEN)
    assert task.destination is not None
    assert task.destination.credentials == SECRET


@pytest.mark.parametrize("frequency", ["hourly", "monthly"])
def test_a_frequency_that_a_product_lacks_is_refused(buyer: Buyer, frequency: str) -> None:
    config = {**REPORTING, "reporting_frequency": frequency}

    answer = refused(
        buyer,
        "reporting_webhook.reporting_frequency",
        {"reporting_webhook": config},
        "UNSUPPORTED_FEATURE",
    )

    assert "daily" in answer.error["suggestion"]


def test_a_frequency_is_offered_by_every_product_or_refused(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given that only one of the two products is reported by the hour
    def offered(product: Product) -> dict[str, Any]:
        often = ["hourly", "daily"] if product.product_id == "homepage" else ["daily"]
        return {**reporting.REPORTING_CAPABILITIES, "available_reporting_frequencies": often}

    monkeypatch.setattr(reporting, "reporting_capabilities", offered)
    lines = [
        {"product_id": name, "pricing_option_id": "usd", "budget": 1000}
        for name in ("homepage", "run-of-site")
    ]
    hourly = {**REPORTING, "reporting_frequency": "hourly"}

    refused(
        buyer,
        "reporting_webhook.reporting_frequency",
        {"reporting_webhook": hourly, "packages": lines},
        "UNSUPPORTED_FEATURE",
    )

    assert send(buyer, reporting_webhook=hourly, packages=lines[:1]).status == 200


def test_a_metric_that_a_product_lacks_is_refused_at_its_place(buyer: Buyer) -> None:
    config = {**REPORTING, "requested_metrics": ["spend", "completion_rate"]}

    refused(
        buyer,
        "reporting_webhook.requested_metrics[1]",
        {"reporting_webhook": config},
        "UNSUPPORTED_FEATURE",
    )
    refused(
        buyer,
        "reporting_webhook.requested_metrics[0]",
        {"reporting_webhook": {**REPORTING, "requested_metrics": ["no metric"]}},
    )


def test_without_metrics_every_one_is_reported(buyer: Buyer) -> None:
    assert send(buyer, reporting_webhook=without(REPORTING, "requested_metrics")).status == 200

    assert ReportingWebhook.objects.get().requested_metrics == []


def test_artifacts_are_taken_without_a_content_standards_capability(buyer: Buyer) -> None:
    capabilities = ask("get_adcp_capabilities", {}).body

    answer = send(buyer, artifact_webhook=ARTIFACTS)

    assert "content_standards" not in json.dumps(capabilities)
    assert answer.status == 200
    assert ArtifactWebhook.objects.count() == 1


def test_batches_need_a_frequency(buyer: Buyer) -> None:
    config = without(ARTIFACTS, "batch_frequency")

    refused(buyer, "artifact_webhook.batch_frequency", {"artifact_webhook": config})


@pytest.mark.parametrize("frequency", ["hourly", "daily"])
def test_batches_are_hourly_or_daily(buyer: Buyer, frequency: str) -> None:
    config = {**ARTIFACTS, "batch_frequency": "monthly"}
    refused(buyer, "artifact_webhook.batch_frequency", {"artifact_webhook": config})

    assert send(buyer, artifact_webhook={**config, "batch_frequency": frequency}).status == 200

    assert ArtifactWebhook.objects.get().batch_frequency == frequency


def test_in_real_time_a_batch_frequency_says_nothing(buyer: Buyer) -> None:
    assert send(buyer, artifact_webhook={**ARTIFACTS, "delivery_mode": "realtime"}).status == 200

    webhook = ArtifactWebhook.objects.get()
    assert (webhook.delivery_mode, webhook.batch_frequency) == ("realtime", "")


def test_a_delivery_mode_is_realtime_or_batched(buyer: Buyer) -> None:
    config = {**ARTIFACTS, "delivery_mode": "sometimes"}

    refused(buyer, "artifact_webhook.delivery_mode", {"artifact_webhook": config})


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(0, "0"), (1, "1"), (1.0, "1"), (0.1, "0.1"), (1 / 3, "0.3333"), (0.00001, "0.0001")],
)
def test_a_sampling_rate_is_a_share(buyer: Buyer, asked: float, kept: str) -> None:
    assert send(buyer, artifact_webhook={**ARTIFACTS, "sampling_rate": asked}).status == 200

    assert ArtifactWebhook.objects.get().sampling_rate == Decimal(kept)


def test_a_sampling_rate_outside_0_to_1_is_refused(buyer: Buyer) -> None:
    for rate in (-0.1, 1.0001, "1"):
        config = {**ARTIFACTS, "sampling_rate": rate}

        refused(buyer, "artifact_webhook.sampling_rate", {"artifact_webhook": config})


@pytest.mark.parametrize("field", FIELDS)
def test_a_rotated_secret_does_not_make_a_retry_another_request(field: str) -> None:
    rotated = json.loads(json.dumps(WEBHOOKS[field]))
    rotated["authentication"]["credentials"] = "r" * 40

    assert request_digest({field: WEBHOOKS[field]}) == request_digest({field: rotated})
    assert request_digest({field: WEBHOOKS[field]}) != request_digest(
        {field: {**WEBHOOKS[field], "url": "https://other.example/"}}
    )


@pytest.fixture
def everything_secret(buyer: Buyer, caplog: pytest.LogCaptureFixture) -> Answer:
    """An order that waits, with every secret that a request can hold."""
    caplog.set_level(logging.DEBUG)
    body = guaranteed_order(
        buyer,
        governance_context="governance-" + "g" * 40,
        invoice_recipient={**RECIPIENT, "bank": BANK},
        **WEBHOOKS,
    )
    return ask("create_media_buy", body, buyer.token)


SECRETS = (SECRET, TOKEN, "governance-" + "g" * 40, *BANK.values())


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_no_secret_is_kept_readable_or_said_again(
    everything_secret: Answer, raw_row: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = Task.objects.get()
    buy = task.media_buy

    assert everything_secret.body["status"] == "submitted"
    assert leaked(everything_secret.raw.decode()) == []
    assert leaked(caplog.text) == []
    assert leaked(raw_row(Task, task.pk)) == []
    assert leaked(raw_row(IdempotencyRecord, IdempotencyRecord.objects.get().pk)) == []
    for model in (ReportingWebhook, ArtifactWebhook, Destination):
        assert leaked(raw_row(model, model.objects.get().pk)) == []
    # the governance agent's token is no secret of the buyer's, and is stored as it came
    assert leaked(raw_row(MediaBuy, buy.pk)) == [buy.governance_context]
    assert task.request["reporting_webhook"] == {
        "reporting_frequency": "daily",
        "requested_metrics": ["impressions"],
    }
    assert task.request["artifact_webhook"] == {
        "delivery_mode": "batched",
        "batch_frequency": "hourly",
    }
    assert "url-secret-77" not in str(task.request)


def test_no_secret_is_on_a_page_of_the_desk(
    everything_secret: Answer, approver: User, client: Client
) -> None:
    task, destination = Task.objects.get(), Destination.objects.get()
    client.force_login(make_staff("director", "director"))

    pages = {
        name: client.get(reverse(f"admin:{name}", args=[key]))
        for name, key in (
            ("approval", task.task_id),
            ("mediabuys_mediabuy_change", task.media_buy_id),
            ("webhooks_destination_change", destination.pk),
        )
    }

    assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(pages, 200)
    assert {name: leaked(page.content.decode()) for name, page in pages.items()} == {
        name: [] for name in pages
    }
    shown = pages["approval"].content.decode()
    assert "Daily, impressions" in shown
    assert "In batches, hourly, 100 % of impressions" in shown
    buy = pages["mediabuys_mediabuy_change"].content.decode()
    assert "Daily, impressions" in buy
    assert "Hauptstr. 1, 10115 Berlin, BE, DE" in buy
