"""Id 15: `./run` from a bare checkout to ready, and warm, against a bare Django project."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil

from tests.bench.measuring import Spent, tree_seconds
from tests.bench.rows import Row, at_most
from tests.launcher.support import ROOT, clean_environment, free_port

ROUNDS = 2
WARM_STARTS = 3
PATIENCE_SECONDS = 300
STOP_SECONDS = 30
# The Python that a person has, not the one of our own environment.
PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
OUR_ENVIRONMENT = ("VIRTUAL_ENV", "PYTHONPATH", "ADCP_VENV")
LIMIT = 3.0


def measure() -> list[Row]:
    """Return the wall time to the first answer, cold and warm; processor time in the detail."""
    cold: list[tuple[Spent, Spent]] = []
    warm: list[tuple[Spent, Spent]] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
            ours, bare = Path(folder, "ours"), Path(folder, "bare")
            cold.append((_our_first_start(ours), _bare_first_start(bare)))
            warm += [(_our_start(ours), _bare_start(bare)) for _ in range(WARM_STARTS)]
    return [
        _row("./run from a bare checkout to ready", cold, "venv, pip, startproject, "),
        _row("./run, warm, to ready", warm, ""),
    ]


def _row(name: str, pairs: list[tuple[Spent, Spent]], steps: str) -> Row:
    processor = median(our.processor / bare.processor for our, bare in pairs)
    seconds = ", ".join(f"{our.wall:.1f} s against {bare.wall:.1f} s" for our, bare in pairs)
    return at_most(
        15,
        name,
        median(our.wall / bare.wall for our, bare in pairs),
        LIMIT,
        baseline=f"bare Django project: {steps}migrate, runserver",
        detail=f"{seconds}; ratio of processor times {processor:.2f}",
    )


def _our_first_start(checkout: Path) -> Spent:
    """Start a clone of what is committed."""
    clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(checkout)]
    subprocess.run(clone, check=True)
    return _our_start(checkout)


def _our_start(checkout: Path) -> Spent:
    ready = checkout.parent / "ready.json"
    ready.unlink(missing_ok=True)
    command = [PYTHON, "run", "--port", str(free_port()), "--ready-file", str(ready)]
    with _started(command, checkout) as until:
        return until(ready.exists)


def _bare_first_start(folder: Path) -> Spent:
    """Start what `startproject` makes."""
    folder.mkdir()
    django = f"Django=={version('Django')}"
    return _bare_start(
        folder,
        f"{PYTHON} -m venv .venv && .venv/bin/pip install -q {django} && "
        ".venv/bin/django-admin startproject project . && ",
    )


def _bare_start(folder: Path, before: str = "") -> Spent:
    port, manage = free_port(), ".venv/bin/python manage.py"
    script = f"{before}{manage} migrate -v 0 && exec {manage} runserver {port}"
    with _started(["sh", "-ec", script], folder) as until:
        return until(lambda: _answers(port))


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


@contextmanager
def _started(command: list[str], folder: Path) -> Iterator[Callable[[Callable[[], bool]], Spent]]:
    """Start the command; yield what waits until it is ready and tells what that took."""
    environment = clean_environment()
    for name in OUR_ENVIRONMENT:
        environment.pop(name, None)
    output = folder.parent / f"{folder.name}.output"
    began = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def until(ready: Callable[[], bool]) -> Spent:
        while not ready():
            if process.poll() is not None or time.perf_counter() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"{command} did not get ready: {output.read_text()[-2000:]}")
            time.sleep(0.05)
        wall = time.perf_counter() - began
        return Spent(tree_seconds(psutil.Process(process.pid)), wall)

    try:
        yield until
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)
