"""When `./run` brings a simulated ad server, and what the others are told of it."""

import json
from pathlib import Path

import pytest

from adcp_sales.demo.products import PRODUCTS
from adcp_sales.launcher import ad_server, ports
from adcp_sales.launcher.database import application_environment
from adcp_sales.launcher.datadir import DataDirectory

NAMES = ("ADSERVER", "ADSERVER_FILE", "ADSERVER_URL", "ADSERVER_TOKEN", "ADSERVER_TOKEN_FILE")


@pytest.fixture(autouse=True)
def _nobody_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    found = DataDirectory(tmp_path)
    found.make()
    return found


def test_the_demo_books_on_the_simulator(data: DataDirectory) -> None:
    environment = application_environment(
        data, url="postgresql://x", has_demo=True, ad_server_url="http://127.0.0.1:8002"
    )

    assert ad_server.is_wanted(has_demo=True) is True
    assert environment["ADSERVER"] == "simulated"
    assert environment["ADSERVER_URL"] == "http://127.0.0.1:8002"
    token = Path(environment["ADSERVER_TOKEN_FILE"])
    assert len(token.read_text()) >= 40
    assert token.stat().st_mode & 0o777 == 0o600
    assert ad_server.token_file(data) == token


@pytest.mark.parametrize("name", ["ADSERVER", "ADSERVER_FILE"])
def test_an_operators_own_ad_server_is_left_alone(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "inline")

    environment = application_environment(
        data, url="postgresql://x", has_demo=True, ad_server_url=None
    )

    assert ad_server.is_wanted(has_demo=True) is False
    assert environment[name] == "inline"
    assert not {"ADSERVER_URL", "ADSERVER_TOKEN_FILE"} & environment.keys()
    assert not (data.secrets / "adserver_token").exists()


def test_without_a_demo_there_is_none() -> None:
    assert ad_server.is_wanted(has_demo=False) is False


def test_the_token_is_in_no_command_line(data: DataDirectory) -> None:
    command = ad_server.command(data, port=8002)

    assert ad_server.token_file(data).read_text() not in " ".join(command)


def test_a_port_that_another_part_takes_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _port: True)

    chosen = ports.choose_port(asked=None, usual=8002, flag="--ad-server-port", taken=(8002,))

    assert chosen != 8002


def test_the_demo_has_inventory_of_every_product() -> None:
    inventory = json.loads(ad_server.INVENTORY.read_text("utf-8"))["products"]
    countries = {row.product_id: set(row.countries) for row in PRODUCTS}

    assert {name: set(row["countries"]) for name, row in inventory.items()} == countries
    assert all(abs(sum(row["countries"].values()) - 1) < 1e-9 for row in inventory.values())
    promised = {row.product_id: row.daily_impressions for row in PRODUCTS if row.daily_impressions}
    assert {name: inventory[name]["daily"] for name in promised} == promised
