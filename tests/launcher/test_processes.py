"""Children die with their parent, and the supervisor keeps them alive until then."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from adcp_sales.launcher.supervisor import Service, Supervisor
from tests.launcher.support import ROOT, alive, wait_until_gone

PARENT = """
import sys, time
from adcp_sales.launcher import processes
if sys.argv[1] == "watchdog":
    processes.LIBC = None  # as on a system whose kernel has no death signal
children = [processes.start_child([sys.executable, "-c", sys.argv[2]]) for _ in range(2)]
print(*[child.pid for child in children], flush=True)
time.sleep(60)
"""
OBEDIENT = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def parent_with_children(
    how: str, child: str
) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, how, child], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout as printed:
        children = [psutil.Process(int(number)) for number in printed.readline().split()]
    assert len(children) == 2
    return parent, children


@pytest.mark.processes
@pytest.mark.parametrize("how", ["kernel", "watchdog"])
def test_children_die_with_a_killed_parent(how: str) -> None:
    parent, children = parent_with_children(how, OBEDIENT)
    assert len(alive(children)) == 2

    parent.kill()
    parent.wait()

    assert wait_until_gone(children, seconds=5) == []


@pytest.mark.processes
def test_the_watchdog_kills_what_ignores_its_signal() -> None:
    parent, children = parent_with_children("watchdog", STUBBORN)
    time.sleep(0.3)  # until they ignore it

    parent.kill()
    parent.wait()
    time.sleep(1)
    assert len(alive(children)) == 2

    assert wait_until_gone(children, seconds=10) == []


def service(place: Path, program: str) -> Service:
    return Service(
        name="helper",
        command=[sys.executable, "-c", program],
        environment={},
        log=place / "helper.log",
    )


@pytest.mark.processes
def test_a_service_that_ends_is_restarted_and_said_in_one_line(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a service that fails at once
    supervisor = Supervisor()
    failing = service(place, "print('no such key'); raise SystemExit(3)")
    supervisor.start(failing)
    assert failing.process is not None
    first = failing.process.pid
    failing.process.wait()

    # When it is tended, then it is started again after a second, and the wait doubles
    supervisor.tend()
    assert failing.process.pid == first
    assert failing.wait_seconds == 2
    assert supervisor.hopeless() is None
    time.sleep(1.1)
    supervisor.tend()
    assert failing.process.pid != first
    supervisor.stop()

    said = capfd.readouterr().err.splitlines()
    assert said == [
        f"run: helper ended (exit code 3), starting it again in 1 s: no such key ({failing.log})"
    ]


@pytest.mark.processes
def test_stopping_ends_a_stubborn_service_with_its_children(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a service that ignores the request to stop and has a child of its own
    monkeypatch.setattr("adcp_sales.launcher.supervisor.STOP_SECONDS", 0.5)
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\n"
    supervisor = Supervisor()
    stubborn = service(place, program + STUBBORN)
    supervisor.start(stubborn)
    assert stubborn.process is not None
    process = psutil.Process(stubborn.process.pid)
    while not process.children():
        time.sleep(0.02)
    family = [process, *process.children()]
    time.sleep(0.3)  # until both ignore it

    supervisor.stop()

    assert stubborn.process.returncode == -signal.SIGKILL
    assert wait_until_gone(family, seconds=2) == []


@pytest.mark.processes
def test_what_a_dead_service_left_is_ended_before_its_restart(place: Path) -> None:
    # Given a service that ends and leaves a child, as gunicorn's master leaves workers
    program = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {OBEDIENT!r}])\n"
        "print(child.pid, flush=True)"
    )
    supervisor = Supervisor()
    leaving = service(place, program)
    supervisor.start(leaving)
    assert leaving.process is not None
    leaving.process.wait()
    left = [psutil.Process(int(leaving.last_line()))]
    assert len(alive(left)) == 1

    supervisor.tend()

    assert wait_until_gone(left, seconds=2) == []
    supervisor.stop()


@pytest.mark.processes
def test_a_service_that_never_starts_is_given_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adcp_sales.launcher.supervisor.LONGEST_WAIT_SECONDS", 0)
    supervisor = Supervisor()
    failing = service(place, "raise SystemExit('no such key')")
    failing.wait_seconds = 0
    supervisor.start(failing)

    for crashes in range(1, 5):
        assert supervisor.hopeless() is None
        assert failing.process is not None
        failing.process.wait()
        supervisor.tend()  # notices the end
        assert failing.crashes == crashes
        supervisor.tend()  # starts it again
    supervisor.stop()

    assert supervisor.hopeless() is failing
    assert failing.last_line() == "no such key"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('done')", ""),
        ("raise SystemExit('no orders')", "run: helper ended (exit code 1): no orders"),
    ],
)
def test_what_runs_once_is_not_started_again(
    place: Path, capfd: pytest.CaptureFixture[str], program: str, said: str
) -> None:
    supervisor = Supervisor()
    once = service(place, program)
    once.is_once = True
    supervisor.start(once)
    assert once.process is not None
    once.process.wait()

    supervisor.tend()
    supervisor.tend()

    found: list[object] = [once.process, once.restart_at, supervisor.hopeless()]
    assert found == [None, None, None]
    assert capfd.readouterr().err.startswith(said)
    assert bool(said) == (once.log.read_text() != "done\n")
    supervisor.stop()
