"""The simulated ad server as a program: alone, restarted, killed at any moment."""

import ast
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from django.conf import settings

from mediabuys.adservers.simulated.faults import KINDS
from mediabuys.adservers.simulated.server import ROUTES
from tests.adservers.booking import NOW, PRODUCT, START, book, order, push, read
from tests.simulator import TOKEN, Simulator, running

PACKAGE = Path(settings.BASE_DIR) / "mediabuys/adservers/simulated"
ITSELF = "mediabuys.adservers.simulated"


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


def test_it_imports_the_standard_library_and_itself() -> None:
    sources = sorted(PACKAGE.rglob("*.py"))

    foreign = {
        f"{path.name}: {name}"
        for path in sources
        for name in imports(path.read_text("utf-8"))
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name != ITSELF
        and not name.startswith(f"{ITSELF}.")
    }

    assert foreign == set()
    assert len(sources) > 10


def test_its_document_names_every_call_and_fault() -> None:
    document = (Path(settings.BASE_DIR) / "docs/simulated-ad-server.md").read_text("utf-8")

    addresses = {route.address.replace("*", "{ref}") for route in ROUTES}

    assert {name for name in (*addresses, *KINDS) if name not in document} == set()
    assert len(addresses) > 20


def test_it_loads_nothing_of_the_product() -> None:
    program = f"import sys, {ITSELF}.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, check=True
    ).stdout.decode()

    roots = {name.partition(".")[0] for name in loaded.split()}
    ours = {name for name in loaded.split() if name.startswith("mediabuys")}
    assert roots & {"django", "adcp_sales", "tasks_hitl", "webhooks", "celery"} == set()
    assert {name for name in ours if not name.startswith(ITSELF)} == {
        "mediabuys",
        "mediabuys.adservers",
    }


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    database, answered, lock = tmp_path / "file.sqlite3", dict[str, str](), threading.Lock()
    enough = threading.Event()

    def work(worker: int) -> None:
        with suppress(OSError, HTTPException):
            for number in range(1_000):
                reference = f"ORD-{worker}-{number}"
                held = book(simulator, order(reference=reference))
                with lock:
                    answered[reference] = held["order_id"]
                    if len(answered) >= 20:
                        enough.set()

    with running(database, "--default-daily", "1000000000") as (simulator, process):
        simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 2})
        with ThreadPoolExecutor(4) as pool:
            for worker in range(4):
                pool.submit(work, worker)
            assert enough.wait(timeout=30)
            process.kill()
    with sqlite3.connect(database) as db:
        [integrity] = db.execute("PRAGMA integrity_check").fetchone()
    db.close()
    with running(database, "--default-daily", "1000000000") as (simulator, process):
        after = simulator.orders()
        clock = simulator.ask("GET", "/simulation/clock")

        assert integrity == "ok"
        assert {name: after[name]["order_id"] for name in answered} == answered
        assert {after[name]["state"] for name in answered} == {"confirmed"}
        assert len({found["order_id"] for found in after.values()}) == len(after)
        # The clock went on, at its speed, as if nothing had been.
        assert clock["speed"] == 2.0
        assert NOW.isoformat()[:10] == clock["now"][:10]

        # It ends at once where it is asked to, although a call hangs.
        simulator.fail("GET", "/v1/health", "hang", seconds=60)
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(simulator.send, "GET", "/v1/health")
            hung = next(calls for calls in iter(simulator.calls, None) if calls)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
            assert hung[0]["fault"] == "hang"
            assert isinstance(hanging.exception(timeout=10), OSError | HTTPException)


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    database = tmp_path / "file.sqlite3"
    with running(database) as (simulator, _):
        simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 0})
        simulator.stock(PRODUCT, 100_000)
        push(simulator)
        book(simulator, order())
        simulator.set_clock(START.replace(hour=5, minute=30))
        before, cursor = read(simulator)
    with running(database) as (simulator, _):
        assert simulator.now() == START.replace(hour=5, minute=30)
        assert read(simulator) == (before, cursor)
        assert read(simulator, cursor) == ([], cursor)

        simulator.set_clock(START.replace(hour=6))
        [row], _ = read(simulator, cursor)

    assert len(before) == 6
    assert (row["hour"], row["version"]) == ("2026-06-02T05:00:00Z", 2)
    assert row["impressions"] > before[-1]["impressions"]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "a token is needed: --token-file, or ADSERVER_TOKEN"),
        (["--inventory", "{inventory}"], "inventory.products.x.daily must be a whole number"),
    ],
)
def test_it_says_why_it_cannot_start(tmp_path: Path, flags: list[str], reason: str) -> None:
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"products": {"x": {"daily": -1}}}))
    command = [sys.executable, "-m", ITSELF, "--port", "0", "--database", f"{tmp_path}/file"]

    ended = subprocess.run(
        [*command, *(flag.format(inventory=inventory) for flag in flags)],
        cwd=settings.BASE_DIR,
        env={"ADSERVER_TOKEN": TOKEN if flags else ""},
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_every_answer_says_that_it_is_simulated(simulator: Simulator) -> None:
    answers = [
        simulator.send("GET", "/"),
        simulator.send("GET", "/v1/health"),
        simulator.send("GET", "/v1/health", headers={}),
        simulator.send("GET", "/v1/nothing"),
        simulator.send("PATCH", "/v1/health"),
        simulator.send("POST", "/v1/orders/ORD-1/cancel"),
    ]

    assert [answer.status for answer in answers] == [200, 200, 401, 404, 501, 204]
    assert {answer.headers["x-simulated"] for answer in answers} == {"1"}
    assert answers[1].body["well"] is True
    assert "simulated" in answers[1].body["message"]
