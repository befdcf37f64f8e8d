"""Which ad server an account's orders go to, and what is known of it."""

from typing import Any

import pytest

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import CALL_SECONDS
from mediabuys.adservers.profiles import (
    PROFILES,
    AdServerProfile,
    profile_of,
    publishers_profile,
    snapshot_profile,
)
from mediabuys.adservers.registry import PATIENCE_SECONDS, ad_server_for, publishers_ad_server
from mediabuys.adservers.simulated_client import SimulatedAdServer
from mediabuys.models import Publisher
from tests import people


@pytest.fixture
def simulated(settings: Any) -> None:
    settings.ADSERVER, settings.ADSERVER_URL = "simulated", "http://127.0.0.1:9"
    settings.ADSERVER_TOKEN = "a-token"


@pytest.mark.usefixtures("simulated")
def test_orders_go_to_the_publishers_ad_server(buyer: people.Buyer) -> None:
    server = ad_server_for(buyer.account)

    assert isinstance(server, SimulatedAdServer)
    assert server.name == buyer.account.publisher.ad_server_name
    assert profile_of(buyer.account) == publishers_profile() == PROFILES["simulated"]


@pytest.mark.usefixtures("simulated")
def test_sandbox_orders_never_leave_us(sandbox_buyer: people.Buyer) -> None:
    server = ad_server_for(sandbox_buyer.account)

    assert isinstance(server, InlineAdServer)
    assert profile_of(sandbox_buyer.account) == AdServerProfile()
    assert snapshot_profile(sandbox_buyer.account) is None


@pytest.mark.usefixtures("simulated")
def test_a_caller_in_a_hurry_waits_less(publisher: Publisher) -> None:
    usual, hurried = publishers_ad_server(publisher), publishers_ad_server(publisher, patience=2)

    assert isinstance(usual, SimulatedAdServer)
    assert isinstance(hurried, SimulatedAdServer)
    assert usual.exchange.patience == PATIENCE_SECONDS < CALL_SECONDS
    assert hurried.exchange.patience == 2


def test_what_each_ad_server_has() -> None:
    has = {
        name: (profile.reviews_creatives, profile.has_inventory, profile.has_delivery)
        for name, profile in PROFILES.items()
    }

    assert has == {
        "inline": (False, False, False),
        "simulated": (True, True, True),
        "batch": (True, True, True),
        "google_ad_manager": (True, True, True),
    }
