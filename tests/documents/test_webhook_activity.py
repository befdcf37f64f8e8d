"""Document 004: what the seller fired at the calling agent's endpoint, and what came back."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from mediabuys.models import AccountAccess, MediaBuy, Publisher, ReportingWebhook
from mediabuys.services.notices import buy_notice_enqueue
from tests.documents.scenes import at, only, shown
from tests.people import Buyer, order_params
from tests.protocol.conftest import ask
from tests.trade.orders import booked_buy
from tests.webhooks.conftest import Sink, make_sink, sink
from webhooks import conf
from webhooks.dispatcher import dispatch_due
from webhooks.models import Attempt, Delivery, Destination
from webhooks.retry import Answer, next_attempt
from webhooks.services import delivery_enqueue, destination_upsert, new_idempotency_key
from webhooks.services.claims import deliveries_claim
from webhooks.services.settlement import delivery_settle

__all__ = ["make_sink", "sink"]

HOOK = "https://buyer.example/hooks/adcp?token=s3cret#part"
RECORD_FIELDS = {
    "idempotency_key", "fired_at", "completed_at", "notification_type", "attempt", "status", "url",
    "http_status_code", "response_time_ms", "payload_size_bytes", "error_message",
    "sequence_number",
}  # fmt: skip


def registered_buy(buyer: Buyer, url: str = HOOK, key: str = "key-0000000000000001") -> MediaBuy:
    """Return a buy that was ordered with a webhook, through the API."""
    config = {"url": url, "operation_id": "op-1"}
    body = order_params(buyer, key, push_notification_config=config)
    answer = ask("create_media_buy", body, buyer.token)
    assert answer.status == 200, answer.body
    return MediaBuy.objects.get(media_buy_id=answer.body["media_buy_id"])


def fire(buy: MediaBuy, number: int = 1, kind: str = "scheduled", **changes: Any) -> Delivery:
    """Write one report to the outbox, as the reporting job does."""
    key = new_idempotency_key()
    arguments: dict[str, Any] = {
        "owner_key": buy.principal.principal_id,
        "subject_key": f"media_buy:{buy.reference}",
        "destination_id": buy.destination_id,
        "kind": kind,
        "sequence": number,
        "body": {"idempotency_key": key, "notification_type": kind, "sequence_number": number},
        "idempotency_key": key,
    }
    with transaction.atomic():
        return delivery_enqueue(**{**arguments, **changes})


def send_due() -> int:
    """Make everything that waits due, and run the real dispatcher once."""
    Delivery.objects.filter(status="pending").update(next_attempt_at=Now())
    Destination.objects.update(circuit_open_until=None)
    return dispatch_due()


def answered(answer: Answer, response_ms: int = 12) -> None:
    """Claim what is due and record this answer of the receiver for it, without a network."""
    Delivery.objects.filter(status="pending").update(next_attempt_at=Now())
    for claim in deliveries_claim(limit=50):
        verdict = next_attempt(
            attempt=claim.attempt,
            now=claim.now(),
            first_attempt_at=claim.first_attempt_at,
            horizon=conf.horizon(),
            timeout=timedelta(seconds=15),
            answer=answer,
            jitter=0,
        )
        delivery_settle(
            claim=claim, answer=answer, verdict=verdict, response_ms=response_ms, now=claim.now()
        )


def activity(buyer: Buyer, buy: MediaBuy, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = only(buyer, buy, include_webhook_activity=True, **params)[
        "webhook_activity"
    ]
    return found


@pytest.mark.django_db(transaction=True)
def test_success_is_one_record_and_carries_the_payloads_own_key(buyer: Buyer, sink: Sink) -> None:
    # given a report that the buyer's endpoint takes
    buy = registered_buy(buyer, sink.url)
    fire(buy, number=7)
    assert send_due() == 1

    (record,) = activity(buyer, buy)

    payload = json.loads(sink.received[0].body)
    attempt = Attempt.objects.get()
    assert set(record) == RECORD_FIELDS
    assert record["idempotency_key"] == payload["idempotency_key"]
    assert record["notification_type"] == payload["notification_type"] == "scheduled"
    assert record["sequence_number"] == payload["sequence_number"] == 7
    assert (record["status"], record["attempt"]) == ("success", 1)
    assert (record["http_status_code"], record["error_message"]) == (200, None)
    assert record["response_time_ms"] == attempt.response_ms
    assert record["payload_size_bytes"] == len(sink.received[0].body)
    assert attempt.completed_at is not None
    assert (at(record["fired_at"]), at(record["completed_at"])) == (
        attempt.started_at,
        attempt.completed_at,
    )
    assert record["url"] == sink.url


@pytest.mark.django_db(transaction=True)
def test_a_retry_trail_is_one_record_for_each_attempt_under_one_key(
    buyer: Buyer, sink: Sink
) -> None:
    # given an endpoint that fails twice and then takes the report
    sink.answers = [(503, {}, b"secret stack trace"), (400, {}, b"")]
    buy = registered_buy(buyer, sink.url)
    fire(buy)
    for _ in range(3):
        assert send_due() == 1

    trail = activity(buyer, buy)

    assert len({record["idempotency_key"] for record in trail}) == 1
    assert [
        (record["attempt"], record["status"], record["http_status_code"], record["error_message"])
        for record in trail
    ] == [
        (3, "success", 200, None),
        (2, "failed", 400, "refused (400)"),
        (1, "failed", 503, "server error (503)"),
    ]
    assert "secret stack trace" not in str(trail)


@pytest.mark.django_db(transaction=True)
def test_timeout_and_connection_error_have_no_http_status(
    buyer: Buyer, sink: Sink, settings: Settings
) -> None:
    # given one endpoint that hangs, and one where nobody listens
    settings.WEBHOOK_READ_SECONDS = 0.2
    sink.hang = threading.Event()
    slow = registered_buy(buyer, sink.url)
    nowhere = registered_buy(buyer, "http://127.0.0.1:9/hooks", key="key-0000000000000002")
    fire(slow)
    fire(nowhere)
    assert send_due() == 2
    sink.hang.set()

    queued_slow, timed_out = activity(buyer, slow)
    queued_nowhere, unreachable = activity(buyer, nowhere)

    assert (timed_out["status"], unreachable["status"]) == ("timeout", "connection_error")
    for record in (timed_out, unreachable):
        assert (record["http_status_code"], record["response_time_ms"]) == (None, None)
        assert record["completed_at"] is not None
    assert unreachable["error_message"] == "the connection was refused"
    assert 0 < len(timed_out["error_message"]) <= 500
    assert (queued_slow["status"], queued_nowhere["status"]) == ("pending", "pending")


@pytest.mark.django_db
def test_a_queued_retry_is_pending_with_the_next_attempts_number(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    fire(buy)
    answered(Answer(status=503))

    queued, failed = activity(buyer, buy)

    assert (queued["status"], queued["attempt"]) == ("pending", 2)
    assert queued["idempotency_key"] == failed["idempotency_key"]
    assert (queued["completed_at"], queued["http_status_code"]) == (None, None)
    assert (queued["response_time_ms"], queued["error_message"]) == (None, None)
    assert queued["fired_at"] == failed["completed_at"]
    assert (failed["status"], failed["attempt"]) == ("failed", 1)


@pytest.mark.django_db
def test_an_attempt_that_was_not_made_yet_is_pending_as_the_first(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    delivery = fire(buy)
    delivery.refresh_from_db()

    (record,) = activity(buyer, buy)

    assert (record["status"], record["attempt"], record["completed_at"]) == ("pending", 1, None)
    assert at(record["fired_at"]) == delivery.created_at
    assert record["payload_size_bytes"] == len(bytes(delivery.body))


@pytest.mark.django_db
def test_an_attempt_in_flight_is_pending_and_listed_once(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    fire(buy)
    (claim,) = deliveries_claim(limit=1)

    (record,) = activity(buyer, buy)

    assert (record["status"], record["attempt"]) == ("pending", claim.attempt)
    assert at(record["fired_at"]) == Attempt.objects.get().started_at


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "status", "last"),
    [(Answer(status=410), "failed", "endpoint gone (410)"), (Answer(status=204), "success", None)],
)
def test_what_ended_has_no_attempt_queued(
    buyer: Buyer, answer: Answer, status: str, last: str | None
) -> None:
    buy = registered_buy(buyer)
    fire(buy)
    answered(answer)

    (record,) = activity(buyer, buy)

    assert (record["status"], record["error_message"]) == (status, last)


@pytest.mark.django_db
def test_omitted_when_not_asked_for(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    fire(buy)

    for params in ({}, {"include_webhook_activity": False, "webhook_activity_limit": 5}):
        assert "webhook_activity" not in only(buyer, buy, **params)


@pytest.mark.django_db
def test_omitted_when_no_endpoint_is_registered(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    assert "webhook_activity" not in only(buyer, buy, include_webhook_activity=True)


@pytest.mark.django_db
def test_empty_when_an_endpoint_is_registered_and_nothing_was_fired(buyer: Buyer) -> None:
    buy = registered_buy(buyer)

    assert activity(buyer, buy) == []


@pytest.mark.django_db
def test_a_reporting_webhook_alone_is_a_registered_endpoint(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    owner = buyer.principal.principal_id
    destination = destination_upsert(owner_key=owner, kind="signed_http", url=HOOK)
    ReportingWebhook.objects.create(media_buy=buy, destination=destination, frequency="daily")

    assert activity(buyer, buy) == []


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["scheduled", "final", "delayed", "adjusted", "impairment"])
def test_every_notification_type_of_the_document_is_shown_verbatim(buyer: Buyer, kind: str) -> None:
    buy = registered_buy(buyer)
    fire(buy, number=3, kind=kind)

    (record,) = activity(buyer, buy)

    assert record["notification_type"] == kind
    # An impairment is no place in a stream: it carries no sequence number.
    assert record.get("sequence_number") == (None if kind == "impairment" else 3)


@pytest.mark.django_db
def test_task_and_status_notices_are_not_reports(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    with transaction.atomic():
        buy_notice_enqueue(buy=buy, now=timezone.now())

    assert activity(buyer, buy) == []
    assert Delivery.objects.filter(subject_key=f"media_buy:{buy.reference}").count() == 1


@pytest.mark.django_db
def test_each_agent_of_a_shared_account_sees_only_its_own_fires(
    buyer: Buyer, stranger: Buyer
) -> None:
    # given a buy that two agents may read, each with an endpoint of its own
    buy = registered_buy(buyer)
    AccountAccess.objects.create(account=buy.account, principal=stranger.principal)
    owner = stranger.principal.principal_id
    theirs = destination_upsert(
        owner_key=owner, kind="signed_http", url="https://kestrel.example/hooks"
    )
    fire(buy)
    before = only(stranger, buy, include_webhook_activity=True)
    ReportingWebhook.objects.create(media_buy=buy, destination=theirs, frequency="daily")
    empty = activity(stranger, buy)
    fire(buy, owner_key=owner, destination_id=theirs.pk)

    (mine,), (its,) = activity(buyer, buy), activity(stranger, buy)

    assert "webhook_activity" not in before
    assert empty == []
    assert mine["url"] == "https://buyer.example/hooks/adcp"
    assert its["url"] == "https://kestrel.example/hooks"
    assert mine["idempotency_key"] != its["idempotency_key"]


@pytest.mark.django_db
def test_records_of_one_buy_are_not_shown_under_another(buyer: Buyer) -> None:
    first = registered_buy(buyer)
    second = registered_buy(buyer, key="key-0000000000000002")
    fire(first)

    found = shown(
        buyer,
        media_buy_ids=[first.media_buy_id, second.media_buy_id],
        include_webhook_activity=True,
    )

    assert [len(buy["webhook_activity"]) for buy in found["media_buys"]] == [0, 1]


@pytest.mark.django_db
def test_the_most_recent_come_first_up_to_the_limit_of_each_buy(buyer: Buyer) -> None:
    buys = [registered_buy(buyer, key=f"key-00000000000000{number:02d}") for number in range(2)]
    for buy in buys:
        for number in range(1, 54):
            fire(buy, number)
    deliveries_claim(limit=1)

    everything = activity(buyer, buys[0], webhook_activity_limit=200)
    by_default = activity(buyer, buys[0])
    found = shown(
        buyer,
        media_buy_ids=[buy.media_buy_id for buy in buys],
        include_webhook_activity=True,
        webhook_activity_limit=1,
    )

    assert len(everything) == 53
    assert [record["fired_at"] for record in everything] == sorted(
        (record["fired_at"] for record in everything), reverse=True
    )
    assert by_default == everything[:50]
    assert [len(buy["webhook_activity"]) for buy in found["media_buys"]] == [1, 1]
    newest = found["media_buys"][1]["webhook_activity"][0]
    assert newest == everything[0]


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [0, 201, -1, "ten", 1.5])
def test_a_limit_outside_one_to_two_hundred_is_refused(buyer: Buyer, limit: object) -> None:
    params = {"include_webhook_activity": True, "webhook_activity_limit": limit}
    answer = ask("get_media_buys", params, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "webhook_activity_limit"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("registered", "url"),
    [
        ("https://b.example:8443/hooks/adcp?token=abc#x", "https://b.example:8443/hooks/adcp"),
        (f"https://b.example/{UUID(int=7)}/in", "https://b.example/redacted/in"),
        ("https://b.example/services/T0001/B0002/Xk29dLq0Pz81mvQw", "https://b.example/services/T0001/B0002/redacted"),
        ("https://b.example/9f8e7d6c5b4a39281706f5e4", "https://b.example/redacted"),
        ("https://b.example/AbCdEfGhIjKlMnOpQr", "https://b.example/redacted"),
    ],
)  # fmt: skip
def test_the_url_has_no_query_no_fragment_and_no_secret_looking_segment(
    buyer: Buyer, registered: str, url: str
) -> None:
    buy = registered_buy(buyer, registered)
    fire(buy)

    (record,) = activity(buyer, buy)

    assert record["url"] == url


@pytest.mark.django_db
def test_no_body_and_no_header_of_either_side_is_shown(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    secrets = {"payload": "confidential-figure", "mine": "internal-host", "words": "Traceback"}
    fire(buy, body={"spend": secrets["payload"]})
    headers = {"server": secrets["mine"], "x-secret": secrets["mine"]}
    answered(Answer(status=500, headers=headers, excerpt=secrets["words"], error="server error"))

    records = activity(buyer, buy)

    assert [record["status"] for record in records] == ["pending", "failed"]
    assert not [secret for secret in secrets.values() if secret in str(records)]
    assert set(records[0]) == RECORD_FIELDS


@pytest.mark.django_db
@pytest.mark.parametrize("status", [200, 503])
def test_records_of_thirty_days_are_still_there(buyer: Buyer, status: int) -> None:
    # given an attempt that ended a month ago
    buy = registered_buy(buyer)
    fire(buy)
    answered(Answer(status=status))
    long_ago = timezone.now() - timedelta(days=conf.WEBHOOK_ACTIVITY_DAYS)
    Attempt.objects.update(started_at=long_ago, completed_at=long_ago)
    Delivery.objects.update(created_at=long_ago)

    record = activity(buyer, buy)[-1]

    assert conf.WEBHOOK_ACTIVITY_DAYS == 30
    assert at(record["completed_at"]) == long_ago


@pytest.mark.django_db
def test_nothing_deletes_what_was_fired() -> None:
    """Until a retention job does, and then only what is older than the document's floor."""
    sources = [
        path
        for app in ("adcp_sales", "mediabuys", "tasks_hitl", "webhooks")
        for path in (django_settings.BASE_DIR / app).rglob("*.py")
    ]
    erasing = ("Attempt.objects.filter", "Delivery.objects.filter", "DELETE FROM webhooks_")

    found = [
        line.strip()
        for path in sources
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(text in line for text in erasing) and ("delete()" in line or "DELETE" in line)
    ]

    assert len(sources) > 100
    assert found == []


@pytest.mark.django_db
def test_propagation_surfaces_include_the_webhook(publisher: Publisher) -> None:
    capabilities = ask("get_adcp_capabilities", {}).body

    assert "webhook" in capabilities["media_buy"]["propagation_surfaces"]


@pytest.mark.django_db
def test_a_former_endpoints_records_outlive_its_registration(buyer: Buyer) -> None:
    buy = registered_buy(buyer)
    fire(buy)
    MediaBuy.objects.filter(pk=buy.pk).update(destination=None)

    assert len(activity(buyer, buy)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_activity_costs_two_queries_whatever_the_page(
    buyer: Buyer, number: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    for index in range(number):
        buy = registered_buy(buyer, key=f"key-00000000000000{index:02d}")
        for sequence in range(1, 4):
            fire(buy, sequence)
    wanted = {"status_filter": "pending_creatives"}
    shown(buyer, **wanted)

    with django_assert_num_queries(7):
        shown(buyer, **wanted)
    with django_assert_num_queries(7 + 2):
        found = shown(buyer, include_webhook_activity=True, **wanted)

    assert [len(buy["webhook_activity"]) for buy in found["media_buys"]] == [3] * number
