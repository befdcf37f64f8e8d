"""How each broker is spelled for Celery, and that the embedded one carries a wake-up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adcp_sales.launcher.broker import broker_url, connection_string, transport_options
from adcp_sales.launcher.postgres import throwaway_server
from adcp_sales.launcher.services import worker_command
from tests.launcher.support import ROOT, clean_environment

SOCKET = "postgresql://postgres@/postgres?host=/tmp/socket"


def test_the_embedded_broker_lives_in_the_same_database() -> None:
    options = transport_options(configured="", database_url=SOCKET)

    assert broker_url(configured="") == "pgmq://localhost"
    assert options["conn_string"] == "host=/tmp/socket dbname=postgres user=postgres"
    assert (options["use_notify"], options["init_extension"]) == (True, False)
    # `delay()` may not block a request for the thirty seconds of the pool's default.
    assert options["pool_timeout"] == 3


@pytest.mark.parametrize("password", ["simple", "two words", "quo'te", "back\\slash", "at@host/x"])
def test_a_password_survives_the_way_to_libpq(password: str) -> None:
    url = f"postgresql://sales:{quote(password, safe='')}@database.example:5433/adcp"

    assert conninfo_to_dict(connection_string(url)) == {
        "host": "database.example",
        "port": "5433",
        "dbname": "adcp",
        "user": "sales",
        "password": password,
    }


def test_a_database_of_the_brokers_own() -> None:
    options = transport_options(
        configured="pgmq://queue@broker.example/wakeups", database_url=SOCKET
    )

    assert options["conn_string"] == "host=broker.example dbname=wakeups user=queue"


@pytest.mark.parametrize("configured", ["redis://broker.example", "amqp://broker.example"])
def test_a_configured_broker_gets_none_of_the_embedded_options(configured: str) -> None:
    options = transport_options(configured=configured, database_url=SOCKET)

    assert broker_url(configured=configured) == configured
    assert "conn_string" not in options
    assert options["max_retries"] == 1


@pytest.fixture
def worker_database(place: Path) -> Iterator[tuple[str, Path]]:
    """A migrated database with a real worker on it, and the worker's log."""
    with throwaway_server() as server:
        environment = clean_environment(
            DATABASE_URL=server.url,
            DJANGO_SETTINGS_MODULE="adcp_sales.settings.test",
            PYTHONPATH=str(ROOT),
            C_FORCE_ROOT="1",
        )
        manage = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v0"]
        subprocess.run(manage, env=environment, cwd=ROOT, check=True)
        log = place / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                worker_command(), env=environment, cwd=ROOT, stdout=output, stderr=output
            )
        try:
            yield server.url, log
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(20)


@pytest.mark.processes
def test_a_wakeup_reaches_a_real_worker(worker_database: tuple[str, Path]) -> None:
    url, _log = worker_database
    program = (
        "import django; django.setup(); from adcp_sales.celery import app; "
        "app.send_task('adcp_sales.protocol.tasks.heartbeat')"
    )
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}

    sent = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr

    deadline = time.monotonic() + 30
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT part FROM protocol_heartbeat ORDER BY part"
        while not connection.execute(query).fetchall() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert connection.execute(query).fetchall() == [("beat",), ("worker",)]
        # The worker acknowledged it: nothing is left that would come back.
        queued = "SELECT count(*) FROM pgmq.q_default"
        while connection.execute(queued).fetchone() != (0,) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert connection.execute(queued).fetchone() == (0,)
