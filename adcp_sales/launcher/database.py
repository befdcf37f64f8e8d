"""The data directory's database for a verb: the running one, or one started for the purpose."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from adcp_sales.launcher import ad_server
from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.postgres import PostgresServer, database_url, read_status_file
from adcp_sales.launcher.processes import process_is_alive

SOCKET_LINE = 4
STATE_LINE = 7


def is_external() -> bool:
    """Return whether the environment names a database of its own."""
    return bool(os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"))


def external_url() -> str:
    """Return the database that the environment names."""
    path = os.environ.get("DATABASE_URL_FILE")
    return (
        Path(path).read_text(encoding="utf-8").strip()
        if path
        else os.environ.get("DATABASE_URL", "")
    )


def running_url(data: DataDirectory) -> str | None:
    """Return the URL of the PostgreSQL that runs on the data directory now, else None."""
    lines = read_status_file(data.postgres / "postmaster.pid")
    if len(lines) <= STATE_LINE or lines[STATE_LINE] != "ready":
        return None
    if not process_is_alive(int(lines[0])):
        return None
    return database_url(socket_directory=Path(lines[SOCKET_LINE]))


@contextlib.contextmanager
def database(data: DataDirectory) -> Iterator[str]:
    """Yield the database's URL, starting PostgreSQL for the block where `./run` does not run.

    Raises LauncherError when another verb holds the data directory.
    """
    if is_external():
        yield external_url()
        return
    url = running_url(data)
    if url is not None:
        yield url
        return
    with data.locked():
        server = PostgresServer(data_directory=data.postgres, log_file=data.log_path("postgres"))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def application_environment(
    data: DataDirectory, *, url: str, has_demo: bool, ad_server_url: str | None
) -> dict[str, str]:
    """Return what a process of the application needs to work on this data directory.

    `ad_server_url` is the simulator's, None where the operator names an ad server or none.
    """
    environment = dict(os.environ)
    environment |= data.secret_environment()
    environment |= {"ADCP_DATA_DIR": str(data.path), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("DJANGO_SETTINGS_MODULE", "adcp_sales.settings.base")
    if not is_external():
        environment["DATABASE_URL"] = url
    if has_demo:
        # The demo's receiver listens on the loopback interface.
        environment.setdefault("ALLOW_PRIVATE_DESTINATIONS", "1")
    if ad_server_url is not None:
        environment |= ad_server.settings(data, url=ad_server_url)
    return environment
