"""Child processes that never outlive their parent, however it dies."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from adcp_sales.launcher.privileges import ORDINARY, Identity

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def leash(parent: int, death_signal: int, identity: Identity) -> Callable[[], None]:
    """Return what a child does between fork and exec.

    The identity comes first: changing it clears the death signal.
    """

    def prepare() -> None:
        identity.enter()
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def start_child(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    death_signal: int = signal.SIGTERM,
    identity: Identity = ORDINARY,
    output: IO[bytes] | int | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own that gets `death_signal` when we die.

    Must be called from the main thread: Linux ties the signal to the thread that forks.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        env=None if environment is None else dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output is None else subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=leash(os.getpid(), death_signal, identity),
    )


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send the signal to every process of the child's group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def stop_child(process: subprocess.Popen[bytes], *, stop_signal: int, grace_seconds: float) -> None:
    """Ask the child to stop, and kill its whole group if it has not after the grace."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    signal_group(process, signal.SIGKILL)
    process.wait()
