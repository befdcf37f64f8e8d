"""Whether a database was already prepared by exactly this code; saves a warm start its seconds."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from adcp_sales.launcher.bootstrap import REQUIREMENTS, ROOT
from adcp_sales.launcher.datadir import DataDirectory

PACKAGES = ("adcp_sales", "mediabuys", "tasks_hitl", "webhooks")


def code_files() -> Iterator[Path]:
    """Yield every file that migrations, seeds or the beat schedule could depend on."""
    yield REQUIREMENTS / "base.txt"
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def fingerprint() -> str:
    """Return a digest of the code's paths, sizes and times; a few milliseconds."""
    summary = hashlib.sha256()
    for path in code_files():
        found = path.stat()
        summary.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return summary.hexdigest()


def stamp(data: DataDirectory) -> Path:
    """Return the file that remembers which code prepared the embedded database."""
    return data.path / "prepared"


def is_prepared(data: DataDirectory) -> bool:
    """Return whether this very code prepared the embedded database, seeds included."""
    try:
        noted = stamp(data).read_text(encoding="ascii")
    except OSError:
        return False
    return data.demo_file.exists() and noted == fingerprint()


def note_prepared(data: DataDirectory) -> None:
    """Remember that this code prepared the embedded database."""
    stamp(data).write_text(fingerprint(), encoding="ascii")


def forget_prepared(data: DataDirectory) -> None:
    """Have the next start prepare the database again, for whoever may have changed it."""
    stamp(data).unlink(missing_ok=True)
