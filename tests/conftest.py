"""Fixtures that every test may name; see `tests/people.py` for who they are."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import post_migrate

from mediabuys.models import Product, Publisher
from tests import people, wakeups
from tests.simulator import Simulator
from tests.simulator import running as simulator_running
from tests.trade.inventory import tell_inventory

# What `./run bench 16` reads.
SUITE_RECORD = Path(__file__).resolve().parent.parent / "build" / "suite.json"
STARTED = time.monotonic()
WHOLE_RUN = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium that `./run test` found."""
    return {
        **browser_type_launch_args,
        "executable_path": os.environ["CHROMIUM_PATH"],
        "args": list(CHROMIUM_FLAGS),
    }


@pytest.fixture(scope="session", autouse=True)
def _roles_survive_flushes() -> None:
    """A flush forgets what migrations wrote; like the schedule, the roles come back after it."""
    post_migrate.connect(people.make_roles_again, dispatch_uid="tests.roles")


@pytest.fixture(autouse=True)
def _no_wakeups_left_over() -> Iterator[None]:
    wakeups.sent.clear()
    yield
    wakeups.sent.clear()


@pytest.fixture
def publisher(db: Any) -> Publisher:
    return people.make_publisher()


@pytest.fixture
def reviewing(publisher: Publisher) -> None:
    """A publisher whose people look at every creative."""
    people.reviews_by_hand()


@pytest.fixture
def catalog(publisher: Publisher) -> dict[str, Product]:
    """A guaranteed and a non-guaranteed product, and the usual rules."""
    people.make_rules()
    products = [
        people.make_product("homepage", guaranteed=True, rate_card=Decimal("10.00")),
        people.make_product("run-of-site"),
    ]
    return {product.product_id: product for product in products}


@pytest.fixture
def homepage_inventory(catalog: dict[str, Product], settings: Any) -> Product:
    """An ad server that has told of the guaranteed product: 100,000 impressions a day."""
    settings.ADSERVER = "simulated"
    tell_inventory(catalog["homepage"], 100_000)
    return catalog["homepage"]


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One real simulated ad server for all tests of this process."""
    with simulator_running(tmp_path_factory.mktemp("simulator") / "file.sqlite3") as (running, _):
        yield running


@pytest.fixture
def simulator(simulator_process: Simulator, settings: Any) -> Simulator:
    """The simulated ad server, empty, and the product set up to book on it."""
    simulator_process.reset()
    settings.ADSERVER = "simulated"
    settings.ADSERVER_URL = simulator_process.url
    settings.ADSERVER_TOKEN = simulator_process.token
    return simulator_process


@pytest.fixture
def buyer(catalog: dict[str, Product]) -> people.Buyer:
    return people.make_buyer("Pinnacle")


@pytest.fixture
def stranger(catalog: dict[str, Product]) -> people.Buyer:
    """Another agent that buys for the very same brand."""
    return people.make_buyer("Kestrel")


@pytest.fixture
def sandbox_buyer(catalog: dict[str, Product]) -> people.Buyer:
    return people.make_buyer("Oranje", sandbox=True)


@pytest.fixture
def approver(db: Any) -> User:
    return people.make_staff("approver", "approver")


@pytest.fixture
def viewer(db: Any) -> User:
    return people.make_staff("viewer", "viewer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the walks that wait for the clock first, so that others run beside them."""
    waiting = ("/e2e/", "/faults/")
    items.sort(key=lambda item: not any(place in item.path.as_posix() for place in waiting))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note how long the suite took, when the whole suite ran to its end."""
    asked = session.config.option
    chosen = (asked.file_or_dir, asked.keyword, asked.markexpr, asked.lf, asked.ignore)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if any(chosen) or asked.collectonly or reporter is None or exitstatus not in WHOLE_RUN:
        return
    counts = {name: len(reporter.stats.get(name, ())) for name in ("passed", "failed", "error")}
    found = {
        "seconds": round(time.monotonic() - STARTED, 1),
        "passed": counts["passed"],
        "failed": counts["failed"] + counts["error"],
        "finished_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    SUITE_RECORD.parent.mkdir(exist_ok=True)
    SUITE_RECORD.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
