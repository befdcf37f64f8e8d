"""The log of calls: what was asked for and what was answered, the last ones only."""

import threading
from collections import deque
from typing import Any

KEPT = 20_000


class Calls:
    """The last calls, numbered from 1 at each start of the program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._calls: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def note(self, **call: object) -> None:
        """Remember a call that was answered, or was not."""
        with self._lock:
            self._number += 1
            self._calls.append({"number": self._number, **call})

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the calls after that one, oldest first."""
        with self._lock:
            return [call for call in self._calls if call["number"] > number]

    def forget(self) -> None:
        """Begin again at 1."""
        with self._lock:
            self._number = 0
            self._calls.clear()
