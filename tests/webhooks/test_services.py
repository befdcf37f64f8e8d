"""What may be registered and enqueued, and what a rollback leaves: nothing."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from tests import wakeups
from tests.concurrency import together
from webhooks import selectors, services
from webhooks.activity import activity_of
from webhooks.errors import DestinationRefused
from webhooks.models import Attempt, Delivery, Destination
from webhooks.services.claims import deliveries_claim

pytestmark = pytest.mark.django_db(transaction=True)

Enqueue = Callable[..., Delivery]
DestinationFor = Callable[..., Destination]
SECRET = "a-shared-secret-of-32-characters"


@pytest.fixture
def destination(destination_for: DestinationFor) -> Destination:
    return destination_for("https://buyer.example/h")


def arguments(destination: Destination, **changes: Any) -> dict[str, Any]:
    return {
        "owner_key": "buyer",
        "subject_key": "task_1",
        "destination_id": destination.pk,
        "kind": "task",
        "sequence": 1,
        "body": {"status": "completed"},
        "idempotency_key": services.new_idempotency_key(),
    } | changes


def test_a_message_outside_a_transaction_is_refused(destination: Destination) -> None:
    with pytest.raises(RuntimeError, match="in the transaction"):
        services.delivery_enqueue(**arguments(destination))
    assert Delivery.objects.count() == 0
    assert wakeups.sent == []


def test_a_rollback_leaves_no_message_and_no_wake_up(destination: Destination) -> None:
    with transaction.atomic():
        services.delivery_enqueue(**arguments(destination))
        transaction.set_rollback(True)
    assert Delivery.objects.count() == 0
    assert wakeups.sent == []


def test_a_message_is_one_insert_and_wakes_a_worker_after_the_commit(
    destination: Destination, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with transaction.atomic():
        with django_assert_num_queries(1):
            delivery = services.delivery_enqueue(**arguments(destination))
        assert wakeups.sent == []
    assert wakeups.sent == [("webhooks.dispatch",)]
    stored = Delivery.objects.get()
    assert (stored.pk, stored.status, stored.attempt_count) == (delivery.pk, "pending", 0)
    assert stored.next_attempt_at <= delivery.created_at + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("body", "frozen"),
    [
        ({"b": 1, "a": [1, "é"]}, '{"b":1,"a":[1,"é"]}'.encode()),
        ({"budget": Decimal("1000.10"), "cap": Decimal("5.00")}, b'{"budget":1000.1,"cap":5}'),
        (b"\x00exactly these bytes", b"\x00exactly these bytes"),
    ],
)
def test_the_bytes_are_frozen_when_written(
    destination: Destination, body: Any, frozen: bytes
) -> None:
    with transaction.atomic():
        services.delivery_enqueue(**arguments(destination, body=body))
    assert bytes(Delivery.objects.get().body) == frozen
    assert deliveries_claim(limit=1)[0].body == frozen


@pytest.mark.parametrize("body", [{"when": object()}, {"rate": float("nan")}])
def test_what_is_not_json_is_a_mistake_of_ours(destination: Destination, body: Any) -> None:
    with pytest.raises((TypeError, ValueError)), transaction.atomic():
        services.delivery_enqueue(**arguments(destination, body=body))
    assert Delivery.objects.count() == 0


def test_a_message_over_one_megabyte_goes_without_its_result(destination: Destination) -> None:
    body = {"task_id": "task_1", "status": "completed", "result": {"rows": ["x" * 999] * 1100}}
    with transaction.atomic():
        services.delivery_enqueue(**arguments(destination, body=body))
    assert json.loads(bytes(Delivery.objects.get().body)) == {
        "task_id": "task_1",
        "status": "completed",
    }


def test_one_event_is_enqueued_once_for_a_destination(destination: Destination) -> None:
    with transaction.atomic():
        services.delivery_enqueue(**arguments(destination))
    with pytest.raises(IntegrityError, match="delivery_once_per_event"), transaction.atomic():
        services.delivery_enqueue(**arguments(destination))
    with transaction.atomic():
        services.delivery_enqueue(**arguments(destination, sequence=2))
    assert Delivery.objects.count() == 2
    assert len(wakeups.sent) == 2


def test_the_same_destination_is_found_again_with_one_statement(
    destination: Destination,
    destination_for: DestinationFor,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        again = destination_for("HTTPS://BUYER.example:443/h#x")
    assert again.pk == destination.pk
    assert Destination.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"owner_key": "another"},
        {"kind": "plain_http"},
        {"url": "https://buyer.example/H"},
        {"scheme": "bearer", "credentials": SECRET},
    ],
)
def test_another_owner_kind_url_or_scheme_is_another_destination(
    destination: Destination, other: dict[str, str]
) -> None:
    same = {"owner_key": "buyer", "kind": "signed_http", "url": "https://buyer.example/h"}
    assert services.destination_upsert(**(same | other)).pk != destination.pk


def test_credentials_are_unreadable_in_the_database(destination_for: DestinationFor) -> None:
    first = destination_for("https://buyer.example/h", scheme="hmac_sha256", credentials=SECRET)
    again = destination_for("https://buyer.example/h", scheme="hmac_sha256", credentials=SECRET)
    other = destination_for("https://buyer.example/h", scheme="hmac_sha256", credentials=SECRET * 2)
    assert again.pk == first.pk != other.pk
    assert Destination.objects.get(pk=first.pk).credentials == SECRET
    with connection.cursor() as cursor:
        cursor.execute("SELECT webhooks_destination::text FROM webhooks_destination")
        assert all(SECRET not in row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://10.0.0.1.nip\x00/"},
        {"url": "https://user@buyer.example/"},
        {"url": "ftp://buyer.example/"},
        {"url": "http://169.254.169.254/"},
        {"scheme": "bearer"},
        {"credentials": SECRET},
        {"scheme": "bearer", "credentials": "a\r\nX-Injected: yes" + SECRET},
        {"kind": "email"},
        {"kind": "email", "url": "mailto:"},
        {"kind": "email", "url": "mailto:nobody"},
        {"kind": "email", "url": "mailto:a@b.example,x\r\nBcc: y@z.example"},
    ],
)
def test_a_bad_destination_is_refused_and_not_written(wrong: dict[str, str]) -> None:
    good = {"owner_key": "buyer", "kind": "signed_http", "url": "https://buyer.example/h"}
    with pytest.raises(DestinationRefused):
        services.destination_upsert(**(good | wrong))
    assert Destination.objects.count() == 0


def test_a_name_that_will_never_resolve_is_accepted(destination_for: DestinationFor) -> None:
    destination = destination_for("https://buyer.example.invalid/hook")
    assert destination.url == "https://buyer.example.invalid/hook"


@pytest.mark.races
def test_rivals_that_register_one_destination_share_it(destination_for: DestinationFor) -> None:
    for number in range(20):

        def register(url: str) -> int:
            with transaction.atomic():
                return destination_for(url).pk

        found = together(*[partial(register, f"https://buyer{number}.example/h")] * 6)
        assert len(found) == 6
        assert len(set(found)) == 1
    assert Destination.objects.count() == 20


def test_two_orders_with_one_destination_do_not_wait_for_each_other(
    destination: Destination, destination_for: DestinationFor
) -> None:
    found: list[int] = []

    def second_order() -> None:
        try:
            with transaction.atomic():
                found.append(destination_for("https://buyer.example/h").pk)
                services.delivery_enqueue(**arguments(destination, sequence=2))
        finally:
            connections.close_all()

    with transaction.atomic():
        destination_for("https://buyer.example/h")
        services.delivery_enqueue(**arguments(destination))
        other = threading.Thread(target=second_order)
        other.start()
        other.join(2)
        assert found == [destination.pk]
        assert not other.is_alive()
    assert Delivery.objects.count() == 2


def test_a_claim_does_not_hold_up_an_order(destination: Destination, enqueue: Enqueue) -> None:
    enqueue(destination)
    written: list[int] = []

    def order() -> None:
        try:
            with transaction.atomic():
                second = arguments(destination, sequence=2, subject_key="task_2")
                written.append(services.delivery_enqueue(**second).pk)
        finally:
            connections.close_all()

    with transaction.atomic():
        assert len(deliveries_claim(limit=10)) == 1
        other = threading.Thread(target=order)
        other.start()
        other.join(2)
        assert not other.is_alive()
    assert len(written) == 1


def test_the_lag_is_that_of_the_oldest_message_that_nobody_holds_back(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    assert selectors.lag_seconds() == 0
    late = enqueue(destination_for("https://a.example/h"))
    held = enqueue(destination_for("https://b.example/h"))
    assert 0 < selectors.lag_seconds() < 5
    minutes = timedelta(minutes=1)
    Delivery.objects.filter(pk=late.pk).update(next_attempt_at=Now() - 2 * minutes)
    Delivery.objects.filter(pk=held.pk).update(next_attempt_at=Now() - 9 * minutes)
    Destination.objects.filter(pk=held.destination_id).update(circuit_open_until=Now() + minutes)
    assert 119 < selectors.lag_seconds() < 130
    Destination.objects.filter(pk=held.destination_id).update(
        circuit_open_until=None, paused_at=Now()
    )
    assert 119 < selectors.lag_seconds() < 130
    deliveries_claim(limit=10)
    assert selectors.lag_seconds() == 0


def test_attempts_are_their_owners_alone(destination_for: DestinationFor, enqueue: Enqueue) -> None:
    mine = enqueue(destination_for("https://a.example/h"))
    enqueue(destination_for("https://b.example/h", owner_key="stranger"), owner_key="stranger")
    deliveries_claim(limit=10)
    (record,) = activity_of(owner_key="buyer", subject_keys=["task_1"], kinds=["task"], limit=9)[
        "task_1"
    ]
    assert record.idempotency_key == mine.idempotency_key
    nobodys = activity_of(owner_key="nobody", subject_keys=["task_1"], kinds=["task"], limit=9)
    assert nobodys == {"task_1": []}
    assert selectors.deliveries_for_subject("task_1")[0].pk == mine.pk
    assert Attempt.objects.count() == 2


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://b.example:8443/hooks/acme?token=s3cret#x", "https://b.example:8443/hooks/acme"),
        ("https://b.example/h/9f8e7d6c5b4a39281706f5e4d3c2b1a0", "https://b.example/h/redacted"),
        ("https://b.example/T0AB12CD34EF56GH/create_media_buy_status", "https://b.example/redacted/create_media_buy_status"),
        ("mailto:rep@example.com", "mailto:rep@example.com"),
    ],
)  # fmt: skip
def test_a_shown_url_holds_no_secret(url: str, shown: str) -> None:
    assert selectors.redacted_url(url) == shown
