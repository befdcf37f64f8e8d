"""The dispatcher under receivers that hang, fail and come back, and under rivals."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.models import F
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from tests.concurrency import wait_until
from tests.webhooks.conftest import Sink
from webhooks import tasks
from webhooks.dispatcher import dispatch_due
from webhooks.models import Attempt, Delivery, Destination

pytestmark = pytest.mark.django_db(transaction=True)

Enqueue = Callable[..., Delivery]
DestinationFor = Callable[..., Destination]
ROOT = Path(__file__).resolve().parent.parent.parent


def in_background(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def make_due() -> None:
    Delivery.objects.filter(status="pending").update(next_attempt_at=Now())


def test_one_dead_endpoint_delays_nobody_else(
    make_sink: Callable[[], Sink], destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given an endpoint that accepts and hangs, with a backlog, and three healthy ones
    dead, healthy = make_sink(), [make_sink() for _ in range(3)]
    dead.hang = threading.Event()
    hanging = destination_for(dead.url)
    for _ in range(60):
        enqueue(hanging)
    for destination in [destination_for(sink.url) for sink in healthy] * 10:
        enqueue(destination)
    # When one dispatcher runs
    runner = in_background(lambda: dispatch_due(limit=1000))
    try:
        # Then the healthy ones have everything soon, while the dead one still hangs
        delivered = Delivery.objects.filter(status="delivered")
        assert wait_until(lambda: delivered.count() == 30, seconds=5)
        assert [len(sink.received) for sink in healthy] == [10, 10, 10]
        assert dead.open_now == 4
        # And what becomes due meanwhile is sent by the same dispatcher
        enqueue(destination_for(healthy[0].url))
        assert wait_until(lambda: len(healthy[0].received) == 11, seconds=4)
    finally:
        dead.hang.set()
        runner.join(30)
    assert dead.most_open == 4
    assert len(dead.received) == 60


def test_the_circuit_opens_waits_probes_and_closes(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given an endpoint that always fails, and twenty messages
    sink.answers = [(500, {}, b"")] * 100
    destination = destination_for(sink.url)
    for _ in range(20):
        enqueue(destination)
    # When they are dispatched
    dispatch_due()
    # Then ten failures open the circuit; the others wait without an attempt
    destination.refresh_from_db()
    assert destination.consecutive_failures == 10
    assert destination.circuit_open_until is not None
    assert len(sink.received) == 10
    assert Delivery.objects.filter(status="pending", attempt_count=0).count() == 10
    make_due()
    assert dispatch_due() == 0
    # And when the pause is over, one probe that fails opens it again, for longer
    row = Destination.objects.filter(pk=destination.pk)
    row.update(circuit_open_until=Now() - timedelta(seconds=1))
    assert dispatch_due() == 1
    probe = Attempt.objects.latest("completed_at")
    pauses = row.annotate(pause=F("circuit_open_until") - probe.completed_at)
    assert pauses.get().pause == timedelta(seconds=60)
    # And one that succeeds closes it for everything
    sink.answers = []
    row.update(circuit_open_until=Now() - timedelta(seconds=1))
    make_due()
    assert dispatch_due() == 20
    assert row.values_list("consecutive_failures", "circuit_open_until").get() == (0, None)
    assert Delivery.objects.filter(status="delivered").count() == 20


def test_two_dispatchers_send_each_message_once(
    make_sink: Callable[[], Sink], destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    sinks = [make_sink() for _ in range(4)]
    for destination in [destination_for(sink.url) for sink in sinks] * 10:
        enqueue(destination)
    runners = [in_background(dispatch_due) for _ in range(3)]
    for runner in runners:
        runner.join(30)
    dispatch_due()
    bodies = [received.body for sink in sinks for received in sink.received]
    assert len(bodies) == len(set(bodies)) == 40
    assert Delivery.objects.filter(status="delivered", attempt_count=1).count() == 40


def test_a_slow_receiver_keeps_its_message_beyond_the_first_lease(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue, settings: Settings
) -> None:
    settings.WEBHOOK_LEASE_SECONDS = 2
    sink.hang = threading.Event()
    enqueue(destination_for(sink.url))
    runner = in_background(dispatch_due)
    assert wait_until(lambda: sink.open_now == 1, seconds=10)
    time.sleep(3)
    assert dispatch_due() == 0
    sink.hang.set()
    runner.join(10)
    assert Delivery.objects.get().status == "delivered"
    assert len(sink.received) == Attempt.objects.count() == 1


def test_a_limit_is_a_limit(sink: Sink, destination_for: DestinationFor, enqueue: Enqueue) -> None:
    destination = destination_for(sink.url)
    for _ in range(5):
        enqueue(destination)
    assert dispatch_due(limit=3) == 3
    assert len(sink.received) == 3
    assert dispatch_due() == 2


def test_a_sweep_sends_what_no_wake_up_announced_and_gives_up_the_rest(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    destination = destination_for(sink.url)
    enqueue(destination)
    old = enqueue(destination)
    Delivery.objects.filter(pk=old.pk).update(horizon_at=Now() - timedelta(seconds=1))
    tasks.sweep()
    old.refresh_from_db()
    assert old.status == "dead"
    assert len(sink.received) == 1


def test_the_command_dispatches_without_a_broker(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url))
    call_command("dispatch_webhooks", "--once")
    assert len(sink.received) == 1
    assert Delivery.objects.get().status == "delivered"


def start_dispatcher() -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "adcp_sales.settings.test",
    }
    command = [sys.executable, "manage.py", "dispatch_webhooks", "--interval", "0.1"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


@pytest.mark.processes
def test_a_dispatcher_killed_before_it_settles_loses_nothing(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    # Given a real dispatcher process whose receiver has the message but has not answered
    sink.hang = threading.Event()
    delivery = enqueue(destination_for(sink.url))
    process = start_dispatcher()
    try:
        assert wait_until(lambda: len(sink.received) == 1, seconds=120)
        # When it is killed and the lease ends
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(10)
    sink.hang.set()
    sink.hang = None
    assert dispatch_due() == 0
    past = Now() - timedelta(seconds=1)
    Delivery.objects.update(leased_until=past, next_attempt_at=past)
    # Then another one sends the same bytes again and settles once
    assert dispatch_due() == 1
    assert [received.body for received in sink.received] == [bytes(delivery.body)] * 2
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt_count) == ("delivered", 2)
    assert list(Attempt.objects.values_list("number", "outcome")) == [
        (1, "timeout"),
        (2, "success"),
    ]


@pytest.mark.processes
def test_a_dispatcher_told_to_stop_finishes_and_ends(
    sink: Sink, destination_for: DestinationFor, enqueue: Enqueue
) -> None:
    enqueue(destination_for(sink.url))
    process = start_dispatcher()
    try:
        assert wait_until(lambda: Delivery.objects.filter(status="delivered").exists(), seconds=120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
