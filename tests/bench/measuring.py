"""Two things side by side in one run: rounds that alternate, medians, processor time first."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psutil
from django.db import connection

Run = Callable[[], object]
# Prepares so many repetitions, outside the measurement, and returns what does them.
Batch = Callable[[int], Run]
Clock = Callable[[], float]

MILLISECONDS = 1000


@dataclass(frozen=True)
class Spent:
    """Seconds that one repetition took."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Comparison:
    """Ours against its bare twin: `ratio` and `wall_ratio` are medians over the rounds."""

    ours: Spent
    bare: Spent
    ratio: float
    wall_ratio: float

    @property
    def in_words(self) -> str:
        """Both sides in milliseconds of processor and wall time."""
        return (
            f"{_words(self.ours)} against {_words(self.bare)}; "
            f"ratio of wall times {self.wall_ratio:.2f}"
        )


def _words(spent: Spent) -> str:
    processor, wall = spent.processor * MILLISECONDS, spent.wall * MILLISECONDS
    return f"{processor:.2f} ms processor ({wall:.2f} ms wall)"


def compare(*, ours: Batch, bare: Batch, repetitions: int, rounds: int, clock: Clock) -> Comparison:
    """Run both in turn, `rounds` times after one round that only warms up.

    Within a round the first to run changes each time, so that a drifting machine favours neither.
    """
    measured: tuple[list[Spent], list[Spent]] = ([], [])
    for number in range(rounds + 1):
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            spent = _measured((ours, bare)[side], repetitions, clock)
            if number:
                measured[side].append(spent)
    pairs = list(zip(*measured, strict=True))
    return Comparison(
        ours=_middle(measured[0]),
        bare=_middle(measured[1]),
        ratio=median(our.processor / other.processor for our, other in pairs),
        wall_ratio=median(our.wall / other.wall for our, other in pairs),
    )


def _measured(batch: Batch, repetitions: int, clock: Clock) -> Spent:
    run = batch(repetitions)
    processor, wall = clock(), time.perf_counter()
    run()
    return Spent((clock() - processor) / repetitions, (time.perf_counter() - wall) / repetitions)


def _middle(all_spent: list[Spent]) -> Spent:
    return Spent(
        median(spent.processor for spent in all_spent), median(spent.wall for spent in all_spent)
    )


def processor_seconds(process: psutil.Process) -> float:
    """Return what the process and its finished children have used."""
    used = process.cpu_times()
    return sum((used.user, used.system, used.children_user, used.children_system))


def tree_seconds(process: psutil.Process) -> float:
    """Return what the process and all its descendants have used, the finished ones too."""
    total = processor_seconds(process)
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += processor_seconds(child)
    return total


def own_clock() -> Clock:
    """Return a clock of this process together with the PostgreSQL process that serves it."""
    connection.ensure_connection()
    backend = psutil.Process(connection.connection.info.backend_pid)
    return lambda: time.process_time() + processor_seconds(backend)
