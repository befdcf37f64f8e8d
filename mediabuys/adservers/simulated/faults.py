"""Faults on demand: how calls go wrong, for those who must cope with it."""

import random
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mediabuys.adservers.simulated.bodies import Body

KINDS = (
    *("error", "garbage", "hang", "delay", "drop_answer", "duplicate_rows", "foreign_reference"),
)
LONGEST_SECONDS = 600.0
HANG_SECONDS = 30.0


@dataclass
class Fault:
    """One way to go wrong; `times` is how often it still does, None for ever."""

    method: str
    path: str
    kind: str
    status: int
    seconds: float
    times: int | None
    probability: float
    chance: random.Random

    def befalls(self, method: str, path: str) -> bool:
        """Return whether it happens to this call, and count that."""
        if self.times == 0 or self.method not in ("*", method):
            return False
        if not fnmatchcase(path, self.path) or self.chance.random() >= self.probability:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class Faults:
    """The faults that were asked for; they are not kept over a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._healed = threading.Event()

    def add(self, fault: Fault) -> None:
        """Let it happen from now on."""
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """Forget all faults, and let go of the calls that hang or wait."""
        with self._lock:
            self._faults.clear()
            self._healed.set()
            self._healed = threading.Event()

    def befalling(self, method: str, path: str) -> list[Fault]:
        """Return what happens to a call: every delay, and at most one other fault."""
        with self._lock:
            found: list[Fault] = []
            for fault in self._faults:
                is_delay = fault.kind == "delay"
                if (is_delay or all(one.kind == "delay" for one in found)) and fault.befalls(
                    method, path
                ):
                    found.append(fault)
            return found

    def wait(self, seconds: float) -> None:
        """Wait so long, or until all is healed."""
        self._healed.wait(seconds)


def read_fault(body: Body) -> Fault:
    """Return the fault that was asked for; unless it says otherwise it happens once."""
    kind = body.word("kind", KINDS)
    is_once = "times" not in body.value
    return Fault(
        method=body.text("method", limit=10, default="*") or "*",
        path=body.text("path", default="*") or "*",
        kind=kind,
        status=body.whole("status", low=400, high=599, default=503),
        seconds=body.number(
            "seconds", low=0, high=LONGEST_SECONDS, default=HANG_SECONDS if kind == "hang" else 1.0
        ),
        times=body.whole("times", low=1, default=1) if is_once or body.has("times") else None,
        probability=body.number("probability", low=0, high=1, default=1.0),
        chance=random.Random(body.whole("seed", default=0)),  # noqa: S311 - it must repeat
    )
