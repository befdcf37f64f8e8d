"""When a destination that keeps failing is left alone for a while."""

from datetime import datetime, timedelta

FAILURES_TO_OPEN = 10
FIRST_PAUSE = timedelta(seconds=30)
# Short enough that a recovered endpoint hears of everything within minutes.
LONGEST_PAUSE = timedelta(minutes=10)


def open_until(*, consecutive_failures: int, now: datetime) -> datetime | None:
    """Return until when the destination gets nothing, or None while it may be tried.

    When the pause ends one probe goes out (a destination that failed last has one request in
    flight at a time); its failure doubles the pause, its success closes the circuit.
    """
    if consecutive_failures < FAILURES_TO_OPEN:
        return None
    doublings = min(consecutive_failures - FAILURES_TO_OPEN, 10)
    return now + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
