"""The data directory: one launcher at a time, the secrets, the logs, the demo's tokens."""

import contextlib
import fcntl
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adcp_sales.launcher.errors import LauncherError

# How long a start waits for another launcher that has not said that it is stopping: a person who
# presses Ctrl-C and starts again at once must not be refused.
GRACE_SECONDS = 2
STOPPING_SECONDS = 30
LOG_BYTES = 5_000_000


def write_private(path: Path, text: str) -> None:
    """Write the file atomically, readable by its owner alone."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


class DataDirectory:
    """Where one deployment keeps everything that it must not lose."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.secrets = self.path / "secrets"
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.demo_file = self.path / "demo.json"
        self.state_file = self.path / "launcher.json"
        self.lock_file = self.path / "lock"

    def make(self) -> None:
        """Make the directories; others may pass through (PostgreSQL's user) but not look."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711)
            for private in (self.secrets, self.logs):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise LauncherError(f"cannot use the data directory {self.path}: {error}") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory; wait for a launcher that is stopping, refuse beside one that runs.

        Raises LauncherError with one line that names the running one.
        """
        self.make()
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(descriptor)
            self.note(state="running")
            yield
        finally:
            if self.noted().get("process") == os.getpid():
                self.state_file.unlink(missing_ok=True)
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        started = time.monotonic()
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                noted = self.noted()
                limit = STOPPING_SECONDS if noted.get("state") == "stopping" else GRACE_SECONDS
                if time.monotonic() - started > limit:
                    raise LauncherError(self._refusal(noted)) from None
            else:
                return
            if not told and noted.get("state") == "stopping":
                told = True
                print("run: waiting for the earlier ./run to stop", file=sys.stderr)
            time.sleep(0.1)

    def _refusal(self, noted: dict[str, Any]) -> str:
        where = f" at {noted['url']}" if "url" in noted else ""
        return (
            f"already running{where} on {self.path} (process {noted.get('process', 'unknown')}): "
            "stop it first, or use another --data-dir and --port."
        )

    def note(self, **facts: str) -> None:
        """Add facts to what another launcher reads about this one."""
        noted = self.noted()
        if noted.get("process") != os.getpid():
            noted = {"process": os.getpid()}
        write_private(self.state_file, json.dumps(noted | facts))

    def noted(self) -> dict[str, Any]:
        """Return what the launcher that holds the directory said of itself."""
        try:
            found = json.loads(self.state_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def log_path(self, name: str) -> Path:
        """Return a process's log file; one that has grown large is put aside first."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def secret_environment(self) -> dict[str, str]:
        """Make each secret once and return the NAME_FILE variables that hand them over.

        A secret that the operator set in the environment is left alone.
        """
        makers = {
            "SECRET_KEY": lambda: secrets.token_urlsafe(48),
            "WEBHOOK_SIGNING_KEY": new_signing_key,
            "FIELD_ENCRYPTION_KEYS": new_encryption_key,
        }
        environment = {}
        for name, make in makers.items():
            if os.environ.get(name) or os.environ.get(f"{name}_FILE"):
                continue
            path = self.secrets / name.lower()
            if not path.exists():
                write_private(path, make())
            environment[f"{name}_FILE"] = str(path)
        return environment


def new_signing_key() -> str:
    """Return a new Ed25519 private key (PKCS8, PEM), with which webhooks are signed."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def new_encryption_key() -> str:
    """Return a new Fernet key, with which columns are encrypted."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
