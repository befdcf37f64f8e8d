"""Starting `./run` for real, and finding out what it left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
# What the test run sets for itself must not reach the deployment under test.
OWN_VARIABLES = {
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "DJANGO_SETTINGS_MODULE",
    "ADCP_DATA_DIR",
    "PUBLIC_URL",
}


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment of a person's shell."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    return kept | more


def free_port() -> int:
    """Return a port that nobody listens on, with a free one after it for the receiver."""
    while True:
        with socket.socket() as probe, socket.socket() as after:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            try:
                after.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port


def run_launcher(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `./run` to its end."""
    return subprocess.run(
        [sys.executable, ROOT / "run", *arguments],
        capture_output=True,
        text=True,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


class Deployment:
    """One `./run` that serves, as a person starts it."""

    def __init__(self, data_directory: Path, **variables: str) -> None:
        self.data_directory = data_directory
        self.variables = variables
        self.port = free_port()
        self.ready_file = data_directory.parent / f"{data_directory.name}.ready.json"
        self.output = data_directory.parent / f"{data_directory.name}.output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it in a session of its own, as a terminal does, and do not wait."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(ROOT / "run"), "--port", str(self.port)),
                    *("--data-dir", str(self.data_directory)),
                    *("--ready-file", str(self.ready_file), *more),
                ],
                env=clean_environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = 240) -> dict[str, Any]:
        """Return the ready file's content."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ready_file.exists():
                content: dict[str, Any] = json.loads(self.ready_file.read_text())
                return content
            assert self.process.poll() is None, self.printed()
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s: {self.printed()}")

    def printed(self) -> str:
        """Return what stood on the terminal."""
        return self.output.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """Return the launcher and every process under it."""
        assert self.process is not None
        launcher = psutil.Process(self.process.pid)
        return [launcher, *launcher.children(recursive=True)]

    def lasting(self) -> list[psutil.Process]:
        """Return the family without what comes and goes: PostgreSQL's sessions, the demo's past."""
        found = []
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                parent = process.parent()
                is_session = process.name() == "postgres" == (parent and parent.name())
                if not is_session and "live_demo_past" not in process.cmdline():
                    found.append(process)
        return found

    def members(self, word: str) -> list[psutil.Process]:
        """Return the living processes under the launcher with this word in their command."""
        found = []
        for process in self.family():
            try:
                if word in process.cmdline():
                    found.append(process)
            except (psutil.ZombieProcess, psutil.NoSuchProcess):
                continue
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send the signal to the launcher alone, as `kill` does."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.process.wait(30)


def alive(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the command lines of those that still run (zombies do not)."""
    found = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()) or process.name())
        except psutil.NoSuchProcess:
            continue
    return found


def wait_until_gone(processes: list[psutil.Process], *, seconds: float) -> list[str]:
    """Return what is still alive after at most so many seconds."""
    deadline = time.monotonic() + seconds
    while alive(processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive(processes)
