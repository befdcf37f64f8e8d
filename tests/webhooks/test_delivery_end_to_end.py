"""From the outbox to a listening receiver, and what each end then holds."""

import hashlib
import hmac
import subprocess
import sys
from collections.abc import Callable

import pytest
from adcp.signing.errors import SignatureVerificationError
from adcp.signing.jwks import StaticJwksResolver
from adcp.signing.webhook_verifier import WebhookVerifyOptions, verify_webhook_signature
from django.core import mail
from django.db import connection, transaction
from django.db.models.functions import Now

from tests.webhooks.conftest import Received, Sink
from webhooks import services, signing
from webhooks.dispatcher import dispatch_due
from webhooks.models import Attempt, Delivery, Destination

pytestmark = pytest.mark.django_db(transaction=True)

Enqueue = Callable[..., Delivery]
DestinationFor = Callable[..., Destination]


def make_due() -> None:
    Delivery.objects.filter(status="pending").update(next_attempt_at=Now())


def verified_key(received: Received, url: str) -> str:
    options = WebhookVerifyOptions(jwks_resolver=StaticJwksResolver(signing.public_jwks()))
    sender = verify_webhook_signature(
        method="POST", url=url, headers=received.headers, body=received.body, options=options
    )
    return sender.key_id


def test_a_message_arrives_signed_and_is_settled(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given one message in the outbox
    delivery = enqueue(destination_for(sink.url))
    # When the dispatcher runs
    assert dispatch_due() == 1
    # Then the receiver has the frozen bytes under a signature of our published key
    (received,) = sink.received
    assert received.body == bytes(delivery.body)
    assert received.headers["content-type"] == "application/json"
    assert "authorization" not in received.headers
    assert verified_key(received, sink.url) == signing.public_jwks()["keys"][0]["kid"]
    # And the row and its one attempt say so
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt_count) == ("delivered", 1)
    assert delivery.settled_at is not None
    assert delivery.lease_token is None
    attempt = Attempt.objects.get()
    assert (attempt.number, attempt.outcome, attempt.http_status) == (1, "success", 200)
    assert (attempt.error, attempt.response_excerpt) == ("", "ok")
    assert attempt.payload_bytes == len(received.body)
    # And nothing is sent again
    make_due()
    assert dispatch_due() == 0
    assert len(sink.received) == 1


def test_a_changed_body_fails_the_check_of_the_signature(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url))
    dispatch_due()
    (received,) = sink.received
    received.body += b" "
    with pytest.raises(SignatureVerificationError, match="Content-Digest does not match"):
        verified_key(received, sink.url)


def test_retries_carry_the_same_bytes_under_a_fresh_signature(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given a receiver that answers 503 twice
    sink.answers = [(503, {}, b""), (503, {}, b"")]
    delivery = enqueue(destination_for(sink.url))
    # When the message is tried three times
    for _ in range(3):
        make_due()
        assert dispatch_due() == 1
    # Then the bytes never differ and the signatures always do
    assert {received.body for received in sink.received} == {bytes(delivery.body)}
    assert len({received.headers["signature"] for received in sink.received}) == 3
    assert len({received.headers["signature-input"] for received in sink.received}) == 3
    outcomes = list(Attempt.objects.values_list("number", "outcome", "http_status", "error"))
    assert outcomes == [
        (1, "failed", 503, "server error (503)"),
        (2, "failed", 503, "server error (503)"),
        (3, "success", 200, ""),
    ]


def test_a_failed_attempt_waits_for_its_turn(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    sink.answers = [(503, {}, b"")]
    delivery = enqueue(destination_for(sink.url))
    assert dispatch_due() == 1
    delivery.refresh_from_db()
    attempt = Attempt.objects.get()
    assert delivery.status == "pending"
    assert attempt.completed_at is not None
    waits = (delivery.next_attempt_at - attempt.completed_at).total_seconds()
    assert 4 <= waits <= 6
    assert dispatch_due() == 0
    assert len(sink.received) == 1


def test_hmac_replaces_the_signature(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    secret = "a-shared-secret-of-32-characters"
    destination = destination_for(sink.url, scheme="hmac_sha256", credentials=secret)
    enqueue(destination)
    dispatch_due()
    (received,) = sink.received
    timestamp = received.headers["x-adcp-timestamp"]
    message = timestamp.encode() + b"." + received.body
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    assert received.headers["x-adcp-signature"] == f"sha256={expected}"
    assert not {"signature", "signature-input", "authorization"} & set(received.headers)


def test_hmac_of_a_known_message() -> None:
    headers = signing.hmac_headers(
        secret="a-shared-secret-of-32-characters", body=b'{"status":"completed"}', timestamp=1000
    )
    assert headers == {
        "X-ADCP-Timestamp": "1000",
        "X-ADCP-Signature": "sha256="
        "bb8d73880891887791ba2f651b193fe6dfe287fdcf21030784eda5a56d4c7cec",
    }


def test_bearer_replaces_the_signature(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url, scheme="bearer", credentials="t" * 32))
    dispatch_due()
    (received,) = sink.received
    assert received.headers["authorization"] == "Bearer " + "t" * 32
    assert not {"signature", "signature-input", "x-adcp-signature"} & set(received.headers)


def test_a_chat_message_is_not_signed(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url, kind="plain_http"), body={"text": "A new order waits."})
    dispatch_due()
    (received,) = sink.received
    assert received.body == b'{"text":"A new order waits."}'
    assert "signature" not in received.headers


def test_an_email_goes_to_everyone_named(destination_for: DestinationFor, enqueue: Enqueue) -> None:
    destination = destination_for("mailto:rep@example.com,lead@example.com", kind="email")
    delivery = enqueue(destination, body={"subject": "New\norder", "text": "Plain", "html": "<p>"})
    assert dispatch_due() == 1
    (message,) = mail.outbox
    assert message.to == ["rep@example.com", "lead@example.com"]
    assert (message.subject, message.body) == ("New order", "Plain")
    assert delivery.idempotency_key in message.extra_headers["Message-ID"]
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


def test_a_receivers_nul_bytes_do_not_stop_the_settlement(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    sink.answers = [(200, {}, b"o\x00k" + b"x" * 10_000)]
    enqueue(destination_for(sink.url))
    dispatch_due()
    attempt = Attempt.objects.get()
    assert attempt.outcome == "success"
    assert attempt.response_excerpt == "ok" + "x" * 4093


def test_a_gone_endpoint_is_paused_and_the_rest_waits(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    destination = destination_for(sink.url)
    sink.answers = [(410, {}, b"")]
    first = enqueue(destination)
    dispatch_due()
    second = enqueue(destination)
    assert dispatch_due() == 0
    destination.refresh_from_db()
    first.refresh_from_db()
    second.refresh_from_db()
    assert destination.paused_at is not None
    assert destination.paused_because == "endpoint gone (410)"
    assert (first.status, second.status) == ("stopped", "pending")
    assert len(sink.received) == 1


def test_an_unreachable_receiver_is_a_connection_error(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    delivery = enqueue(destination_for("http://127.0.0.1:9/hook"))
    dispatch_due()
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.http_status) == ("connection_error", None)
    assert attempt.error == "the connection was refused"
    delivery.refresh_from_db()
    assert delivery.status == "pending"
    assert delivery.destination.consecutive_failures == 1


def test_a_row_whose_secret_cannot_be_read_does_not_stop_the_others(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    broken = destination_for(sink.url, scheme="bearer", credentials="t" * 32)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_destination SET credentials = 'nonsense' WHERE id = %s", [broken.pk]
        )
    poison = enqueue(Destination.objects.only("id").get(pk=broken.pk))
    healthy = enqueue(destination_for(sink.url))
    assert dispatch_due() == 2
    healthy.refresh_from_db()
    assert healthy.status == "delivered"
    attempt = Attempt.objects.get(delivery_id=poison.pk)
    assert (attempt.outcome, attempt.error) == (
        "connection_error",
        "our credentials cannot be read",
    )
    assert len(sink.received) == 1


def test_nothing_is_sent_inside_a_transaction(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url))
    with transaction.atomic(), pytest.raises(RuntimeError, match="outside any transaction"):
        dispatch_due()
    assert sink.received == []
    assert Attempt.objects.count() == 0


def test_the_published_key_costs_no_import_of_the_sdk() -> None:
    program = (
        "import django, sys; django.setup(); from webhooks import signing, models, services;"
        "assert signing.public_jwks()['keys'][0]['kid'] == signing.key_id();"
        "sys.exit(any(name.split('.')[0] == 'adcp' for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60)
    assert done.returncode == 0


def test_the_published_key_has_what_receivers_require() -> None:
    (key,) = signing.public_jwks()["keys"]
    assert {name: key[name] for name in key if name not in {"kid", "x"}} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "key_ops": ["verify"],
        "adcp_use": "request-signing",
    }
    assert key["kid"] == signing.key_id()
    assert services.new_idempotency_key() != services.new_idempotency_key()
