"""The engine with a real Celery worker, and with a broker that is not there."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.webhooks.conftest import Sink
from webhooks.models import Delivery, Destination

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parent.parent.parent
# Commits two messages as a web process would, with the product's own sender of wake-ups.
ENQUEUE = """
import sys, time, django
django.setup()
from adcp_sales.celery import app
app.finalize(), app.amqp, app.connection_for_write().transport  # what is imported once
from django.db import transaction
from django.test import override_settings
from webhooks.services import delivery_enqueue, new_idempotency_key
with override_settings(WAKEUP_SENDER="adcp_sales.celery.send_wakeup"):
    for sequence in (1, 2):
        started = time.monotonic()
        with transaction.atomic():
            delivery_enqueue(owner_key="buyer", subject_key="task_1", kind="task",
                destination_id=int(sys.argv[1]), sequence=sequence, body={"number": sequence},
                idempotency_key=new_idempotency_key())
        print(time.monotonic() - started)
"""


def environment(**changes: str) -> dict[str, str]:
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "adcp_sales.settings.test",
        "C_FORCE_ROOT": "1",
        **changes,
    }


def enqueue(destination: Destination, **changes: str) -> list[float]:
    """Commit two messages in another process; return how many seconds each commit took."""
    done = subprocess.run(
        [sys.executable, "-c", ENQUEUE, str(destination.pk)],
        cwd=ROOT,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return [float(line) for line in done.stdout.split()]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A Celery worker for the webhooks queue; no beat, so that nothing sweeps."""
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "celery", "--app", "adcp_sales", "worker"]
    command += ["--pool", "threads", "--concurrency", "2", "--queues", "webhooks"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=output, stderr=output
        )
        yield log.read_text
        process.terminate()
        assert process.wait(60) == 0


def test_a_commit_wakes_a_worker_that_delivers(
    sink: Sink, destination_for: Callable[..., Destination], worker: Callable[[], str]
) -> None:
    # A chat message, so that the worker needs no import of the SDK, which takes seconds.
    enqueue(destination_for(sink.url, kind="plain_http"))
    delivered = Delivery.objects.filter(status="delivered")
    deadline = time.monotonic() + 120
    while delivered.count() < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert delivered.count() == 2, worker()
    assert sorted(received.body for received in sink.received) == [b'{"number":1}', b'{"number":2}']


@pytest.mark.parametrize("answering", [False, True])
def test_without_a_broker_a_commit_is_still_quick_and_the_message_safe(
    destination_for: Callable[..., Destination], *, answering: bool
) -> None:
    # Given a broker whose port is closed, or one that accepts and never says a word
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not answering:
            listener.close()
        seconds = enqueue(
            destination_for("https://buyer.example/h"),
            CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0",
        )
    # Then the first commit waits for it briefly, the second not at all, and both are written
    assert seconds[0] < 2.5
    assert seconds[1] < 0.2
    assert Delivery.objects.filter(status="pending").count() == 2
