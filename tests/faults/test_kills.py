"""Workers that die at any moment: one order for each approved buy, and none for the others."""

import subprocess
import sys

import pytest

from tests.launcher.support import ROOT

pytestmark = pytest.mark.processes

ROUNDS = 10
# `./run faults` draws another each time.
SEED = 8
MOST_SECONDS = 300


def test_ten_kills_leave_one_order_for_each_buy() -> None:
    # A program of its own, as `./run faults` is: its workers are forked from nothing that other
    # tests have left in this process, and have a PostgreSQL to themselves.
    verb = ("faults", "--rounds", str(ROUNDS), "--seed", str(SEED))

    done = subprocess.run(
        [sys.executable, "-m", "adcp_sales.launcher", *verb],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert f"{ROUNDS} rounds, {2 * ROUNDS} orders: all hold" in lines
    deaths = sum(
        int(line.split()[0]) for line in lines if " killed " in line or " stopped " in line
    )
    assert deaths >= ROUNDS
