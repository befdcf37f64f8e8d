"""Webhooks and the invoice in update_media_buy: replaced, and their secrets kept."""

from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from adcp_sales.protocol.models import IdempotencyRecord
from mediabuys.models import Event, MediaBuy, MediaBuyChange, ReportingWebhook
from tasks_hitl.models import Task
from tests.protocol.conftest import Buyer, ask
from tests.protocol.updates import ordered, update
from webhooks.models import Destination

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]

SECRET = "never-to-be-seen-again-0123456789"


def _with_secrets() -> dict[str, Any]:
    authentication = {"schemes": ["Bearer"], "credentials": f"credentials-{SECRET}"}
    return {
        "invoice_recipient": {
            "legal_name": "Acme Holding",
            "bank": {
                "account_holder": "Acme",
                "iban": "GB82WEST12345698765432",
                "bic": "WESTGB22XXX",
            },
        },
        "push_notification_config": {
            "url": "https://buyer.example/new-hook",
            "operation_id": "op-2",
            "token": f"token-{SECRET}",
            "authentication": authentication,
        },
        "reporting_webhook": {
            "url": "https://buyer.example/reports",
            "token": f"reports-{SECRET}",
            "authentication": authentication,
            "reporting_frequency": "daily",
        },
    }


def _is_told_nowhere(secret: str) -> bool:
    rows = [
        *Task.objects.values_list("request", flat=True),
        *MediaBuyChange.objects.values_list("patch", "differences", "policy"),
        *IdempotencyRecord.objects.values_list("body", flat=True),
        *Event.objects.values_list("summary", "data"),
    ]
    return secret not in orjson.dumps(rows, default=str).decode()


def test_webhooks_and_invoice_are_replaced_and_their_secrets_kept(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    ask("update_media_buy", update(sandbox_buyer, buy, 101), sandbox_buyer.token)

    answer = ask(
        "update_media_buy",
        update(sandbox_buyer, buy, 102, **_with_secrets()),
        sandbox_buyer.token,
    )

    after = MediaBuy.objects.get(pk=buy.pk)
    assert answer.status == 200, answer.body
    assert answer.body["invoice_recipient"] == {"legal_name": "Acme Holding"}
    assert (after.revision, after.operation_id) == (2, "op-2")
    assert after.destination is not None
    assert after.destination.url == "https://buyer.example/new-hook"
    assert after.push_token == f"token-{SECRET}"
    assert orjson.loads(after.invoice_bank)["bic"] == "WESTGB22XXX"
    reports = ReportingWebhook.objects.get(media_buy=buy)
    assert reports.destination.url == "https://buyer.example/reports"
    assert SECRET not in answer.raw.decode()
    assert "GB82" not in answer.raw.decode()
    assert _is_told_nowhere(SECRET)
    assert _is_told_nowhere("GB82")
    summaries = Event.objects.filter(media_buy=buy, revision=2).values_list("summary", flat=True)
    assert sorted(summaries) == [
        "Invoice recipient changed from The account's own to Acme Holding",
        "Notification webhook replaced",
        "Reporting webhook replaced",
    ]


def test_the_secrets_of_a_parked_change_are_kept_encrypted(buyer: Buyer) -> None:
    buy = ordered(buyer)
    MediaBuy.objects.update(confirmed_at=timezone.now())
    guaranteed = {"product_id": "ctv-evenings", "pricing_option_id": "ctv-cpm", "budget": 500}
    body = update(buyer, buy, new_packages=[guaranteed], **_with_secrets())

    answer = ask("update_media_buy", body, buyer.token)

    assert answer.body["status"] == "submitted", answer.body
    assert _is_told_nowhere(SECRET)
    assert _is_told_nowhere("GB82")
    assert MediaBuy.objects.get(pk=buy.pk).destination_id is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM mediabuys_mediabuychange")
        stored = cursor.fetchone()[0]
    assert stored
    assert SECRET not in stored
    assert SECRET in MediaBuyChange.objects.get().sealed


@pytest.mark.parametrize("field", ["push_notification_config", "reporting_webhook"])
def test_a_webhook_of_an_inner_address_is_refused(field: str, sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    config = _with_secrets()[field] | {"url": "https://169.254.169.254/latest"}
    destinations = Destination.objects.count()

    answer = ask(
        "update_media_buy",
        update(sandbox_buyer, buy, paused=True, **{field: config}),
        sandbox_buyer.token,
    )

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == f"{field}.url"
    assert not MediaBuy.objects.get(pk=buy.pk).is_held
    assert Destination.objects.count() == destinations
