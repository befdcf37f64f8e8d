"""The embedded PostgreSQL, run for real."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.postgres import PostgresServer, find_binaries, throwaway_server


def server_in(place: Path) -> PostgresServer:
    return PostgresServer(data_directory=place / "postgres", log_file=place / "log")


def test_throwaway_server_answers_and_leaves_nothing() -> None:
    with throwaway_server() as server:
        assert server.process is not None
        assert server.socket_directory is not None
        process = psutil.Process(server.process.pid)
        socket_directory, data = server.socket_directory, server.data_directory
        with psycopg.connect(server.url) as connection:
            row = connection.execute(
                "SELECT current_setting('listen_addresses'), current_setting('fsync'),"
                " current_setting('server_encoding')"
            ).fetchone()
        assert row == ("", "off", "UTF8")
    assert not process.is_running()
    assert not socket_directory.exists()
    assert not data.parent.exists()


def test_rows_survive_a_restart(place: Path) -> None:
    server = server_in(place)
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()

    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    server.stop()


def test_only_the_owner_reaches_the_socket(place: Path) -> None:
    server = server_in(place)
    server.start()
    try:
        assert server.socket_directory is not None
        assert server.socket_directory.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()


def test_a_long_path_does_not_break_the_socket(place: Path) -> None:
    # Given a data directory whose path is longer than a socket's may be
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = server_in(deep)
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()


def test_an_interrupted_first_start_is_made_again(place: Path) -> None:
    # Given what an initdb that was killed leaves
    server = server_in(place)
    server.data_directory.mkdir()
    (server.data_directory / "base").mkdir()

    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()


def test_another_major_version_is_refused_in_one_line(place: Path) -> None:
    server = server_in(place)
    server.start()
    server.stop()
    (server.data_directory / "PG_VERSION").write_text("9\n")

    with pytest.raises(LauncherError) as refused:
        server.start()

    assert str(refused.value) == (
        f"{server.data_directory} was made by PostgreSQL 9, and this is "
        f"{find_binaries().major}: restore a backup into a new --data-dir."
    )
    assert server.process is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_in_a_closed_home_runs_it_in_a_user_namespace() -> None:
    # Given a home that no other user may enter
    home = Path(tempfile.mkdtemp(prefix="adcp-closed-"))
    assert home.stat().st_mode & 0o777 == 0o700
    server = server_in(home)

    server.start()
    try:
        assert server.identity is not None
        assert server.identity.namespaced
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_elsewhere_runs_it_as_nobody(place: Path) -> None:
    server = server_in(place)
    server.start()
    try:
        assert server.process is not None
        assert psutil.Process(server.process.pid).username() == "nobody"
    finally:
        server.stop()
