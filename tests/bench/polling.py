"""Id 1: both polls over REST against a bare view, both on the same gunicorn worker."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from django.test import Client

from tests.bench import scenery
from tests.bench.measuring import Batch, Comparison, Run, compare, processor_seconds
from tests.bench.rows import Row, at_most
from tests.bench.statements import statements
from tests.launcher.support import free_port
from tests.people import Buyer

CALLS = 200
ROUNDS = 10
START_SECONDS = 60


def measure() -> list[Row]:
    """Return each poll's processor time and its queries."""
    buyer = scenery.new_buyer()
    created = json.loads(
        scenery.call("create_media_buy", scenery.order_body(buyer, guaranteed=True), buyer.token)
    )
    polls = {
        "get_task_status": {"task_id": created["task_id"]},
        "create_media_buy_status": {"context_id": created["context_id"]},
    }
    bare = f"/bench/tasks/{created['task_id']}"
    with web_server() as (port, worker):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        found = {
            task: compare(
                ours=_requests(connection, "POST", f"/adcp/{task}", body, buyer),
                bare=_requests(connection, "GET", bare, None, buyer),
                repetitions=CALLS,
                rounds=ROUNDS,
                clock=lambda: processor_seconds(worker),
            )
            for task, body in polls.items()
        }
        connection.close()
    return [row for task, body in polls.items() for row in _rows(task, body, buyer, found[task])]


def _rows(task: str, body: dict[str, str], buyer: Buyer, found: Comparison) -> list[Row]:
    return [
        at_most(
            1,
            f"{task} over REST, processor time a call",
            found.ratio,
            2.0,
            baseline="bare Django view, one indexed query, same gunicorn worker",
            detail=f"{found.in_words}; {CALLS * ROUNDS} calls each",
        ),
        at_most(1, f"{task} over REST, queries", _queries(task, body, buyer), 2),
    ]


def _queries(task: str, body: dict[str, str], buyer: Buyer) -> int:
    """Return how many queries a poll costs with a token that no cache knows."""
    from adcp_sales.protocol import auth

    auth._cache.clear()
    return len(statements(lambda: _poll_in_process(task, body, buyer)))


def _poll_in_process(task: str, body: dict[str, str], buyer: Buyer) -> None:
    answer = Client().post(
        f"/adcp/{task}",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {buyer.token}"},
    )
    assert answer.status_code == 200, answer.content


def _requests(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    parameters: dict[str, str] | None,
    buyer: Buyer,
) -> Batch:
    body = json.dumps(parameters) if parameters else None
    headers = {**buyer.headers, "Content-Type": "application/json"}

    def prepare(times: int) -> Run:
        def run() -> None:
            for _ in range(times):
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                answer = response.read()
                assert response.status == 200, answer

        return run

    return prepare


@contextmanager
def web_server() -> Iterator[tuple[int, psutil.Process]]:
    """Serve with one worker of the product's own configuration; yield its port and process."""
    port = free_port()
    variables = {
        "BIND": f"127.0.0.1:{port}",
        "WEB_WORKERS": "1",
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
    }
    command = ["-m", "gunicorn", "--config", "python:adcp_sales.server", "adcp_sales.wsgi"]
    master = subprocess.Popen(
        [sys.executable, *command], env=os.environ | variables, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_it_answers(port)
        yield port, psutil.Process(master.pid).children()[0]
    finally:
        master.terminate()
        master.wait(30)


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError(f"gunicorn did not answer within {START_SECONDS} seconds.")
