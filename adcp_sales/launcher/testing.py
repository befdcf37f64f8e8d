"""`./run test`, `bench` and `faults`: a command with a throw-away PostgreSQL."""

import os
import signal
import subprocess
import sys

from adcp_sales.launcher.bootstrap import ROOT
from adcp_sales.launcher.chromium import require_chromium
from adcp_sales.launcher.postgres import throwaway_server
from adcp_sales.launcher.privileges import ORDINARY
from adcp_sales.launcher.processes import leash

# In the order of collection: the tests that wait longest are put first (tests/conftest.py).
WHOLE_SUITE = ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder")


def run_with_database(command: list[str], environment: dict[str, str]) -> int:
    """Run the command against a throw-away PostgreSQL and return its exit code.

    Ctrl-C reaches the command directly, and whatever else ends us becomes a Ctrl-C for it, so that
    tests put away what they started. PostgreSQL outlives it.
    """
    with throwaway_server() as server:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment | {"DATABASE_URL": server.url},
            # Safe: the launcher forks from its only thread.
            preexec_fn=leash(os.getpid(), signal.SIGINT, ORDINARY),  # noqa: PLW1509
        )
        signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def run_tests(arguments: list[str]) -> int:
    """Run pytest with the arguments and return its exit code.

    The whole suite runs in three processes, each with a database of its own, because its slowest
    tests wait for the clock and leave their core to others; a chosen part runs in one, which is
    easier to read and to debug.
    """
    environment = {"CHROMIUM_PATH": require_chromium()}
    chosen = arguments or list(WHOLE_SUITE)
    return run_with_database([sys.executable, "-m", "pytest", *chosen], environment)


def run_faults(arguments: list[str]) -> int:
    """Kill workers while they book, and return the exit code of what checks the rest."""
    return run_with_database([sys.executable, "-m", "tests.faults", *arguments], {})


def run_bench(arguments: list[str]) -> int:
    """Run the benchmarks and return their exit code."""
    environment = {"DJANGO_SETTINGS_MODULE": "adcp_sales.settings.test"}
    return run_with_database([sys.executable, "-m", "tests.bench", *arguments], environment)
