"""Ends the children of a launcher that died, on systems whose kernel does not do it.

Reads lines "process-group signal" from the launcher; the end of the pipe is the launcher's death.
Standard library only: it is started as a file.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 5


def signal_groups(groups: dict[int, int], number: int | None = None) -> int:
    """Send each group its signal (or `number` to all) and return how many groups are alive."""
    alive = 0
    for group, own_signal in groups.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, own_signal if number is None else number)
            alive += 1
    return alive


def main() -> None:
    """Collect the groups until the launcher is gone, then end them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups = {}
    for line in sys.stdin:
        group, _, number = line.partition(" ")
        groups[int(group)] = int(number)
    signal_groups(groups)
    deadline = time.monotonic() + GRACE_SECONDS
    while signal_groups(groups, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    signal_groups(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
