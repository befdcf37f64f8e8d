"""The simulator's own clock: it may run ahead or behind, faster or slower than ours."""

import sqlite3
import threading
import time

from mediabuys.adservers.simulated import moments, store


def real_now() -> int:
    """Return the machine's time."""
    return time.time_ns() // 1_000_000


class Clock:
    """What time it is in the simulation; kept in the file, so that a restart goes on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set(now=real_now(), speed=1.0)

    def now(self) -> int:
        """Return the simulation's time in milliseconds."""
        with self._lock:
            passed = real_now() - self._real
            return min(self._simulated + int(passed * self._speed), moments.LATEST)

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in one real second."""
        return self._speed

    def set(self, *, now: int, speed: float) -> None:
        """Go on from `now` at `speed`."""
        with self._lock:
            self._real, self._simulated, self._speed = real_now(), now, speed

    def save(self, db: sqlite3.Connection) -> None:
        """Keep the clock in the file."""
        with self._lock:
            store.keep(db, "clock", f"{self._real} {self._simulated} {self._speed!r}")

    def load(self, db: sqlite3.Connection) -> None:
        """Go on as the file says; a new file starts with the machine's time."""
        kept = store.setting(db, "clock").split()
        if kept:
            with self._lock:
                self._real, self._simulated = int(kept[0]), int(kept[1])
                self._speed = float(kept[2])
        else:
            self.save(db)
