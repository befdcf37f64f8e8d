"""Who sends what: leases, fairness, fencing, and races between dispatchers."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from tests.concurrency import together
from webhooks.models import Attempt, Delivery, Destination
from webhooks.retry import Answer, Health, Verdict
from webhooks.services.claims import Claim, deliveries_claim, deliveries_expire, leases_renew
from webhooks.services.settlement import delivery_settle
from webhooks.states import AttemptOutcome, DeliveryStatus

pytestmark = pytest.mark.django_db(transaction=True)

Enqueue = Callable[..., Delivery]
DestinationFor = Callable[..., Destination]
DELIVERED = Verdict(DeliveryStatus.DELIVERED, AttemptOutcome.SUCCESS, Health.UP)
ABANDONED = "abandoned: its worker stopped before an answer was recorded"


def expire_leases() -> None:
    past = Now() - timedelta(seconds=1)
    Delivery.objects.exclude(lease_token=None).update(leased_until=past, next_attempt_at=past)


def settle(claim: Claim) -> bool:
    answer = Answer(200)
    return delivery_settle(
        claim=claim, answer=answer, verdict=DELIVERED, response_ms=5, now=claim.now()
    )


def per_destination(claims: list[Claim]) -> Counter[int]:
    return Counter(claim.destination_id for claim in claims)


def test_a_claim_writes_the_attempt_before_anything_is_sent(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    delivery = enqueue(destination_for("https://buyer.example/h"))
    (claim,) = deliveries_claim(limit=10)
    delivery.refresh_from_db()
    assert claim.body == bytes(delivery.body)
    assert claim.url == "https://buyer.example/h"
    assert (claim.attempt, claim.lease_token) == (1, delivery.lease_token)
    assert delivery.first_attempt_at is not None
    assert delivery.leased_until == delivery.first_attempt_at + timedelta(seconds=60)
    assert delivery.horizon_at == delivery.first_attempt_at + timedelta(hours=24)
    attempt = Attempt.objects.get()
    assert (attempt.number, attempt.outcome, attempt.completed_at) == (1, "pending", None)


def test_a_destination_has_at_most_four_in_flight(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    destination = destination_for("https://buyer.example/h")
    for _ in range(10):
        enqueue(destination)
    first = deliveries_claim(limit=100)
    assert len(first) == 4
    assert deliveries_claim(limit=100) == []
    settle(first[0])
    assert len(deliveries_claim(limit=100)) == 1


def test_a_backlog_leaves_room_for_everybody_else(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    crowded = destination_for("https://crowded.example/h")
    for _ in range(50):
        enqueue(crowded)
    quiet = [destination_for(f"https://quiet{number}.example/h") for number in range(3)]
    for destination in quiet:
        enqueue(destination)
        enqueue(destination)
    expected = {crowded.pk: 4} | {destination.pk: 2 for destination in quiet}
    assert per_destination(deliveries_claim(limit=10)) == expected


def test_a_destination_that_failed_last_comes_after_the_others_and_gets_one(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    failing = destination_for("https://failing.example/h")
    healthy = destination_for("https://healthy.example/h")
    for destination in [failing] * 5 + [healthy] * 2:
        enqueue(destination)
    Destination.objects.filter(pk=failing.pk).update(consecutive_failures=1)
    assert per_destination(deliveries_claim(limit=2)) == {healthy.pk: 2}
    assert per_destination(deliveries_claim(limit=100)) == {failing.pk: 1}
    assert deliveries_claim(limit=100) == []


def test_a_paused_destination_and_an_open_circuit_get_nothing(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    destination = destination_for("https://buyer.example/h")
    enqueue(destination)
    row = Destination.objects.filter(pk=destination.pk)
    row.update(paused_at=Now())
    assert deliveries_claim(limit=10) == []
    row.update(paused_at=None, circuit_open_until=Now() + timedelta(minutes=1))
    assert deliveries_claim(limit=10) == []
    assert Attempt.objects.count() == 0
    row.update(circuit_open_until=Now() - timedelta(seconds=1))
    assert len(deliveries_claim(limit=10)) == 1


def test_a_worker_that_died_is_replaced_when_its_lease_ends(
    destination_for: DestinationFor, enqueue: Enqueue, settings: Settings
) -> None:
    # Given a worker that claimed a message and was killed
    settings.WEBHOOK_LEASE_SECONDS = 1
    enqueue(destination_for("https://buyer.example/h"))
    (lost,) = deliveries_claim(limit=10)
    # When others look, nothing is theirs before the lease ends
    assert deliveries_claim(limit=10) == []
    time.sleep(1.1)
    (again,) = deliveries_claim(limit=10)
    # Then the same message is claimed, under a new token, and the lost attempt is closed
    assert (again.delivery_id, again.attempt) == (lost.delivery_id, 2)
    assert again.lease_token != lost.lease_token
    assert again.body == lost.body
    attempts = list(Attempt.objects.values_list("number", "outcome", "error"))
    assert attempts == [(1, "timeout", ABANDONED), (2, "pending", "")]


def test_a_stale_worker_changes_nothing(destination_for: DestinationFor, enqueue: Enqueue) -> None:
    # Given a worker that slept through its lease, and another that took the message over
    delivery = enqueue(destination_for("https://buyer.example/h"))
    (stale,) = deliveries_claim(limit=10)
    expire_leases()
    (current,) = deliveries_claim(limit=10)
    before = list(Delivery.objects.values()), list(Attempt.objects.values())
    # When the first one settles, nothing changes
    assert settle(stale) is False
    assert (list(Delivery.objects.values()), list(Attempt.objects.values())) == before
    # And the second one's word counts, once
    assert settle(current) is True
    assert settle(current) is False
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


def test_only_ones_own_leases_are_renewed(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for("https://a.example/h"))
    enqueue(destination_for("https://b.example/h"))
    mine, other = deliveries_claim(limit=10)
    soon = Now() + timedelta(seconds=5)
    Delivery.objects.update(leased_until=soon, next_attempt_at=soon)
    assert leases_renew(tokens=[mine.lease_token]) == 1
    later = Delivery.objects.filter(
        leased_until__gt=Now() + timedelta(seconds=30), next_attempt_at=F("leased_until")
    )
    assert list(later.values_list("id", flat=True)) == [mine.delivery_id]
    settle(other)
    assert leases_renew(tokens=[other.lease_token]) == 0


def test_past_the_horizon_nothing_is_tried_and_the_message_is_given_up(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    over = enqueue(destination_for("https://a.example/h"))
    waiting = enqueue(destination_for("https://b.example/h"))
    Delivery.objects.filter(pk=over.pk).update(
        first_attempt_at=Now() - timedelta(hours=25), horizon_at=Now() - timedelta(hours=1)
    )
    assert [claim.delivery_id for claim in deliveries_claim(limit=10)] == [waiting.pk]
    assert deliveries_expire() == 1
    over.refresh_from_db()
    waiting.refresh_from_db()
    assert (over.status, over.stopped_because) == ("dead", "horizon reached")
    assert over.settled_at is not None
    assert waiting.status == "pending"
    assert deliveries_expire() == 0


def test_what_somebody_is_sending_is_not_given_up_under_them(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for("https://a.example/h"))
    (claim,) = deliveries_claim(limit=10)
    Delivery.objects.update(horizon_at=Now() - timedelta(seconds=1))
    assert deliveries_expire() == 0
    assert settle(claim) is True


@pytest.mark.races
def test_rival_dispatchers_never_claim_one_message_twice(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given 240 messages for 60 destinations
    destinations = [destination_for(f"https://buyer{number}.example/h") for number in range(60)]
    for destination in destinations * 4:
        enqueue(destination)
    claimed: list[int] = []

    def work() -> None:
        while claims := deliveries_claim(limit=7):
            claimed.extend(claim.delivery_id for claim in claims)

    # When eight dispatchers claim at the same time
    together(*[work] * 8)
    # Then each message is claimed exactly once; a skipped destination is found the next time
    claimed.extend(claim.delivery_id for claim in deliveries_claim(limit=1000))
    assert sorted(claimed) == sorted(Delivery.objects.values_list("id", flat=True))
    assert Attempt.objects.count() == 240


@pytest.mark.races
def test_rival_dispatchers_together_keep_the_bound_of_a_destination(
    destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    destination = destination_for("https://buyer.example/h")
    for _ in range(40):
        enqueue(destination)
    for _ in range(40):
        together(*[partial(deliveries_claim, limit=3)] * 6)
        in_flight = Delivery.objects.exclude(lease_token=None).count()
        assert 3 <= in_flight <= 4
        Delivery.objects.update(lease_token=None, leased_until=None, next_attempt_at=Now())
