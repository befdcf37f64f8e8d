"""Running PostgreSQL, which refuses to be root, when the launcher is root.

Two ways, tried in this order: as the system's user `nobody`, and, where `nobody` cannot reach the
files (a home directory of mode 0700), as root seen as `nobody` inside a user namespace.
"""

import ctypes
import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adcp_sales.launcher.errors import LauncherError

CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a child process runs as: an owner for its files, and how it becomes that user."""

    user: int | None = None
    group: int | None = None
    namespaced: bool = False

    def own(self, path: Path) -> None:
        """Give the file or directory to this identity."""
        if self.user is not None:
            os.chown(path, self.user, self.group or -1)

    def enter(self) -> None:
        """Become this identity; runs in the child between fork and exec."""
        if self.namespaced:
            enter_user_namespace()
        elif self.user is not None and self.group is not None:
            os.setgroups([])
            os.setgid(self.group)
            os.setuid(self.user)


ORDINARY = Identity()


def enter_user_namespace() -> None:
    """Move this process into a user namespace in which root is seen as `nobody`."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"65534 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"65534 {group} 1", encoding="ascii")


def runs(command: list[str], enter: Callable[[], None]) -> bool:
    """Return whether the command succeeds as another identity."""
    try:
        finished = subprocess.run(
            command,
            preexec_fn=enter,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return finished.returncode == 0


def choose_identity(*, binary: Path, directory: Path) -> Identity:
    """Return the identity that can run `binary` with its files in `directory`.

    A directory that already holds data keeps the identity that made it.
    """
    if os.geteuid() != 0:
        return ORDINARY
    namespaced = Identity(namespaced=True)
    candidates = [namespaced]
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entry = None
    if entry is not None and not (directory.exists() and directory.stat().st_uid == 0):
        candidates.insert(0, Identity(user=entry.pw_uid, group=entry.pw_gid))
    probe = ["/bin/sh", "-c", 'cd "$1" && "$2" --version', "sh", str(directory.parent), str(binary)]
    for identity in candidates:
        if runs(probe, identity.enter):
            return identity
    raise LauncherError(
        "PostgreSQL refuses to run as root, and the user `nobody` cannot reach "
        f"{directory.parent} and {binary}: start ./run as an ordinary user, or set DATABASE_URL."
    )
