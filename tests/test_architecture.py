"""What the source may not do, read from the source: see CONTRIBUTING.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("adcp_sales", "mediabuys", "tasks_hitl", "webhooks")
STATE_FIELDS = frozenset({"status", "queue_state"})
WRITING_METHODS = frozenset(
    {"update", "create", "get_or_create", "update_or_create", "bulk_create", "acreate", "aupdate"}
)
# Where a status may be written: in services, and where it is declared and moved.
STATE_WRITERS = re.compile(r"/(services/\w+|services|models/\w+|models|states|migrations/\w+)\.py$")
# It stores which status an answer had; that never moves.
NOT_A_STATE = frozenset({"adcp_sales/protocol/idempotency.py"})
STATE_IN_SQL = re.compile(
    r"\bUPDATE\b.*\bSET\b[^;]*\b(status|queue_state)\b\s*=", re.IGNORECASE | re.DOTALL
)

NETWORK_MODULES = frozenset(
    {"socket", "http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp"}
)
# The launcher starts and asks its own processes; the receiver plays a buyer in the demo.
LAUNCHER = "adcp_sales/launcher/"
# A program of its own, which imports nothing of ours.
SIMULATOR = "mediabuys/adservers/simulated/"
OUTSIDE_THE_PRODUCT = (LAUNCHER, "webhooks/receiver/")
# Functions of `socket` that only convert text.
PURE_SOCKET_NAMES = frozenset({"inet_aton", "inet_pton", "inet_ntoa", "inet_ntop"})


def sources() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def state_writes(source: str) -> list[int]:
    """Return the lines on which the source writes a status, in whichever way."""
    tree = ast.parse(source)
    return sorted({line for node in ast.walk(tree) for line in _state_write(node)})


def _state_write(node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        written = [part for target in targets for part in ast.walk(target)]
        if any(isinstance(part, ast.Attribute) and part.attr in STATE_FIELDS for part in written):
            yield node.lineno
    if isinstance(node, ast.Call):
        if _writes_rows(node.func) and _names_state(node):
            yield node.lineno
        if _is_setattr_of_state(node):
            yield node.lineno
    if isinstance(node, ast.Constant) and STATE_IN_SQL.search(str(node.value)):
        yield node.lineno


def _writes_rows(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in WRITING_METHODS
    return isinstance(function, ast.Name) and function.id in models_with_state()


def models_with_state() -> frozenset[str]:
    return frozenset(
        model.__name__
        for label in ("mediabuys", "tasks_hitl", "webhooks")
        for model in apps.get_app_config(label).get_models()
        if STATE_FIELDS & {field.name for field in model._meta.fields}
    )


def _names_state(call: ast.Call) -> bool:
    if any(keyword.arg in STATE_FIELDS for keyword in call.keywords):
        return True
    defaults = [keyword.value for keyword in call.keywords if keyword.arg == "defaults"]
    return any(
        isinstance(key, ast.Constant) and key.value in STATE_FIELDS
        for value in defaults
        if isinstance(value, ast.Dict)
        for key in value.keys
    )


def _is_setattr_of_state(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Name)
        and call.func.id == "setattr"
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value in STATE_FIELDS
    )


def test_only_services_write_status() -> None:
    offenders = [
        f"{path}:{line}"
        for path, source in sources()
        if not STATE_WRITERS.search(path) and path not in NOT_A_STATE
        for line in state_writes(source)
    ]

    assert offenders == []


@pytest.mark.parametrize(
    "line",
    [
        "buy.status = 'active'",
        "buy.revision, buy.status = 2, 'active'",
        "task.queue_state = 'closed'",
        "MediaBuy.objects.filter(pk=1).update(status='active')",
        "MediaBuy(status='active')",
        "Task.objects.get_or_create(pk=1, defaults={'status': 'failed'})",
        "setattr(buy, 'status', 'active')",
        "cursor.execute('UPDATE mediabuys_mediabuy SET revision = 1, status = %s')",
    ],
)
def test_every_way_of_writing_a_status_is_seen(line: str) -> None:
    assert state_writes(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "MediaBuy.objects.filter(status='active').update(revision=2)",
        "found = buy.status == 'active'",
        "Reply(body, status='submitted')",
        "cursor.execute('UPDATE t SET revision = 1 WHERE pk = %s')",
    ],
)
def test_reading_a_status_is_no_write(line: str) -> None:
    assert state_writes(line) == []


# Connections and files are closed too.
COMMON_VERBS = frozenset({"close"})


def transition_calls(source: str) -> list[int]:
    """Return the lines that call something named like a transition of a row, without arguments."""
    names = {
        name
        for label in ("mediabuys", "tasks_hitl")
        for model in apps.get_app_config(label).get_models()
        for name in vars(model)
        if hasattr(getattr(model, name, None), "_django_fsm")
    } - COMMON_VERBS
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
        and not (node.args or node.keywords)
    )


def test_only_services_call_transitions() -> None:
    assert transition_calls("buy.activate()\nbuy.refresh_from_db()\ntask.fail()") == [1, 3]

    # `webhooks` cannot reach these rows, and the others have none: they start and cancel timers.
    offenders = [
        f"{path}:{line}"
        for path, source in sources()
        if not STATE_WRITERS.search(path)
        and not path.startswith(("webhooks/", LAUNCHER, SIMULATOR))
        for line in transition_calls(source)
    ]

    assert offenders == []


def test_writers_of_status_exist_where_they_may() -> None:
    writers = {path for path, source in sources() if state_writes(source)}

    # The rule above would hold of an empty tree too.
    assert any(path.startswith("webhooks/services/") for path in writers)
    assert any(path.startswith("tasks_hitl/services/") for path in writers)


def network_imports(source: str) -> set[str]:
    """Return the modules that open sockets and that the source imports."""
    tree = ast.parse(source)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name for alias in node.names for name in _network_names(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name for module in dotted for name in _network_names(module)}
    if "socket" in found and _uses_of_socket(tree) <= PURE_SOCKET_NAMES:
        found.remove("socket")
    return found


def _network_names(dotted: str) -> Iterator[str]:
    for name in NETWORK_MODULES:
        if dotted == name or dotted.startswith(f"{name}."):
            yield name


def _uses_of_socket(tree: ast.AST) -> set[str]:
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "socket"
    }
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "socket"
        for alias in node.names
    }
    return attributes | imported


def test_one_module_opens_sockets() -> None:
    openers = {
        path
        for path, source in sources()
        if not path.startswith(OUTSIDE_THE_PRODUCT) and network_imports(source)
    }

    assert openers == {"webhooks/transport.py"}


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("import socket; socket.create_connection(a)", "socket"),
        ("from socket import create_connection", "socket"),
        ("import http.client", "http.client"),
        ("from http import client", "http.client"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("import urllib3.poolmanager", "urllib3"),
        ("def f():\n    import requests", "requests"),
        ("from httpx import get", "httpx"),
    ],
)
def test_every_way_to_the_network_is_seen(line: str, module: str) -> None:
    assert network_imports(line) == {module}


@pytest.mark.parametrize(
    "line", ["from http import HTTPStatus", "from urllib.parse import urlsplit",
             "import socket; socket.inet_aton(a)"],
)  # fmt: skip
def test_what_opens_nothing_is_allowed(line: str) -> None:
    assert network_imports(line) == set()
