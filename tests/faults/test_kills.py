"""Workers that die at any moment: one order for each approved buy, and none for the others."""

from pathlib import Path

import pytest

from tests.faults.campaigns import campaign, finish

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

ROUNDS = 10
# `./run faults` draws another each time.
SEED = 8


def test_ten_kills_leave_one_order_for_each_buy(tmp_path: Path) -> None:
    with campaign(SEED, tmp_path) as running:
        for number in range(1, ROUNDS + 1):
            running.play(number)
        finish(running, tmp_path)

        assert sum(running.deaths.values()) >= ROUNDS
        assert len(running.orders) == 2 * ROUNDS
