"""A database of the operator's own replaces the embedded one."""

import shutil
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from adcp_sales.launcher.postgres import throwaway_server
from tests.launcher.conftest import open_place
from tests.launcher.support import ROOT, Deployment, clean_environment

pytestmark = pytest.mark.processes


@pytest.fixture
def external_url() -> Iterator[str]:
    with throwaway_server() as server:
        yield server.url


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def test_an_external_database_is_served_without_demo_logins(external_url: str) -> None:
    place = open_place()
    deployment = Deployment(place / "data", DATABASE_URL=external_url)
    deployment.start()
    try:
        ready = deployment.wait_until_ready()

        assert (ready["buyers"], ready["staff"], ready["buyer_token"]) == ([], [], None)
        assert (ready["receiver_url"], ready["ad_server_url"]) == (None, None)
        assert deployment.members("mediabuys.adservers.simulated") == []
        assert not (place / "data" / "postgres").exists()
        assert not (place / "data" / "demo.json").exists()
        assert count(external_url, "auth_user") == 0
        assert count(external_url, "mediabuys_product") == 0
        assert count(external_url, "django_migrations") > 10
    finally:
        deployment.stop()
        shutil.rmtree(place, ignore_errors=True)


def test_the_demo_in_an_external_database_has_random_passwords(external_url: str) -> None:
    place = open_place()
    command = [
        *(sys.executable, "-m", "adcp_sales.launcher.prepare"),
        *("--demo-file", str(place / "demo.json"), "--random-passwords"),
    ]
    environment = clean_environment(DATABASE_URL=external_url, PYTHONPATH=str(ROOT))
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, cwd=ROOT)

        assert (place / "demo.json").stat().st_mode & 0o777 == 0o600
        text = (place / "demo.json").read_text()
        assert count(external_url, "auth_user") >= 4
        assert "rep-demo" not in text
        assert '"password": ""' not in text
    finally:
        shutil.rmtree(place, ignore_errors=True)
