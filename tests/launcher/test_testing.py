"""`./run test`: its exit code, and what is left when it is ended."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.launcher.support import ROOT, clean_environment, run_launcher, wait_until_gone

pytestmark = pytest.mark.processes

WAITING = """
import pathlib, time, pytest

@pytest.fixture
def place():
    yield
    pathlib.Path({mark!r}).write_text("put away")

def test_waits(place):
    pathlib.Path({started!r}).write_text("started")
    time.sleep(60)
"""


def suite(place: Path, text: str) -> list[str]:
    """Write a test file outside the tree and return the arguments that run it alone."""
    path = place / "test_outside.py"
    path.write_text(text)
    return [str(path), "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]


@pytest.mark.parametrize(
    ("text", "code"),
    [("def test_it(): pass", 0), ("def test_it(): assert 0", 1), ("", 5)],
    ids=["passes", "fails", "finds nothing"],
)
def test_the_exit_code_is_pytests(place: Path, text: str, code: int) -> None:
    finished = run_launcher("test", *suite(place, text))

    assert finished.returncode == code, finished.stdout + finished.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("interrupt", [signal.SIG_DFL, signal.SIG_IGN], ids=["front", "background"])
def test_ended_from_outside_the_tests_put_their_things_away(
    place: Path, number: signal.Signals, interrupt: signal.Handlers
) -> None:
    # Given a run in the middle of a test, which a shell may have started in the background
    mark, started = place / "mark", place / "started"
    arguments = suite(place, WAITING.format(mark=str(mark), started=str(started)))
    running = subprocess.Popen(
        [sys.executable, ROOT / "run", "test", *arguments],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, interrupt),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 120
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    launcher = psutil.Process(running.pid)
    family = [launcher, *launcher.children(recursive=True)]
    assert len(family) > 3

    # When the launcher alone is told to end
    running.send_signal(number)
    running.wait(60)

    # Then the test's fixtures were torn down, and nothing is left
    assert wait_until_gone(family, seconds=20) == []
    assert mark.read_text() == "put away"
