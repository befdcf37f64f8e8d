"""How a worker dies: where in its work, and by what; the rounds draw it from their seed."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from mediabuys.adservers import registry

# The calls of one booking, in their order.
CALLS = (
    "find",
    "validate_order",
    "validate_inventory",
    "create_order",
    "create_line_items",
    "confirm",
)
# From the last answer to the end of the transaction that settles it.
MOST_STATEMENTS = 24
LONGEST_SECONDS = 0.6


@dataclass(frozen=True)
class Death:
    """When a worker is killed: right after the answer to a call and so many statements more.

    Without a call its parent kills it after `seconds`. A worker that is `stopped` and not killed
    wakes up again when another has done its work.
    """

    call: str = ""
    statements: int = 0
    seconds: float = LONGEST_SECONDS
    stopped: bool = False

    def __str__(self) -> str:
        how = "stopped" if self.stopped else "killed"
        if not self.call:
            return f"{how} after {self.seconds:.3f} s"
        return f"{how} {self.statements} statements after {self.call}"


def draw_death(random_: random.Random) -> Death:
    """Return a death: at any moment, after any answer, or at any line of the settling."""
    kind = random_.choice(("moment", "answer", "settling", "stopped"))
    if kind == "moment":
        return Death(seconds=random_.uniform(0, LONGEST_SECONDS))
    if kind == "settling":
        return Death("confirm", random_.randint(1, MOST_STATEMENTS))
    return Death(random_.choice(CALLS), stopped=kind == "stopped")


@contextmanager
def doomed(death: Death) -> Iterator[None]:
    """Let this process die so, at its first chance; only in a child."""
    number = signal.SIGSTOP if death.stopped else signal.SIGKILL
    fuse = _Fuse(death.statements, number)
    real = registry.ADAPTERS["simulated"]

    def make(*arguments: Any) -> Any:
        return _Adapter(real(*arguments), death.call, fuse)

    registry.ADAPTERS["simulated"] = make
    with connection.execute_wrapper(fuse.statement):
        yield


class _Adapter:
    """The real adapter; the answer to one of its calls lights the fuse."""

    def __init__(self, server: Any, call: str, fuse: "_Fuse") -> None:
        self._server, self._call, self._fuse = server, call, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._server, name)
        return self._lighting(found) if name == self._call else found

    def _lighting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            finally:
                self._fuse.light()

        return call


class _Fuse:
    """Kills this process so many statements after it was lit; burns once."""

    def __init__(self, statements: int, number: signal.Signals) -> None:
        self._left, self._number = statements, number
        self._lit = self._burnt = False

    def light(self) -> None:
        self._lit = True
        self._burn()

    def statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        result = execute(*arguments)
        if self._lit:
            self._left -= 1
            self._burn()
        return result

    def _burn(self) -> None:
        if self._left <= 0 and not self._burnt:
            self._burnt = True
            os.kill(os.getpid(), self._number)
