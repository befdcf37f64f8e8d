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
WATCHDOGS: list[subprocess.Popen[bytes]] = []
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def leash(parent: int, death_signal: int, identity: Identity) -> Callable[[], None]:
    """Return what a child does between fork and exec.

    The identity comes first: changing it clears the death signal. A shell that starts us in the
    background ignores SIGINT for us, and a child that inherits this could not be ended by it.
    """

    def prepare() -> None:
        identity.enter()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
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
    process = subprocess.Popen(
        [str(part) for part in command],
        env=None if environment is None else dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output is None else subprocess.STDOUT,
        start_new_session=True,
        # Safe: the launcher forks from its only thread.
        preexec_fn=leash(os.getpid(), death_signal, identity),  # noqa: PLW1509
    )
    if LIBC is None:
        watch_over(process.pid, death_signal)
    return process


def watch_over(process_id: int, death_signal: int) -> None:
    """Have the watchdog signal the child's group when we die; for systems without PDEATHSIG."""
    if not WATCHDOGS:
        WATCHDOGS.append(
            subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("watchdog.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
    pipe = WATCHDOGS[0].stdin
    if pipe is not None:
        pipe.write(f"{process_id} {int(death_signal)}\n".encode())
        pipe.flush()


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


def process_is_alive(process_id: int) -> bool:
    """Return whether a process of this id exists, zombies aside."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"
