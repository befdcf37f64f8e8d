"""Calls that really meet: threads that start together, each on a connection of its own."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection, connections

PATIENCE = 60


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same moment; return what each answered."""
    [answers] = in_rounds(1, *(_of_any_round(call) for call in calls))
    return list(answers)


def in_rounds(rounds: int, *moves: Callable[[int], Any]) -> Sequence[tuple[Any, ...]]:
    """Make the moves of each round at the same moment; return each round's answers.

    A move gets the number of its round, from 0. What a move raises is raised here.
    """
    barrier = Barrier(len(moves))

    def play(move: Callable[[int], Any]) -> list[Any]:
        try:
            # Nobody comes late to the first round because it still had to connect.
            connection.ensure_connection()
            return [_meet(barrier, move, number) for number in range(rounds)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(moves)) as pool:
        played = [pool.submit(play, move) for move in moves]
    return list(zip(*(one.result() for one in played), strict=True))


def _meet(barrier: Barrier, move: Callable[[int], Any], number: int) -> Any:
    barrier.wait(timeout=PATIENCE)
    return move(number)


def _of_any_round(call: Callable[[], Any]) -> Callable[[int], Any]:
    return lambda _: call()


def wait_until(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Ask often until it holds; return whether it came to hold in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()
