"""A running buy, and an ad server that tells of it what the test says."""

from datetime import timedelta
from typing import Any

import pytest

from mediabuys.adservers import profiles, registry
from mediabuys.adservers.profiles import AdServerProfile, SnapshotProfile
from mediabuys.models import MediaBuy, Package
from tests.delivery.scripted import ScriptedAdServer
from tests.documents.scenes import running_buy
from tests.people import Buyer


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    """A buy of one package of $1,000 that runs since six hours."""
    return running_buy(buyer)


@pytest.fixture
def package(buy: MediaBuy) -> Package:
    return buy.packages.get()


@pytest.fixture
def ad_server(monkeypatch: pytest.MonkeyPatch, settings: Any) -> ScriptedAdServer:
    """The publisher's ad server, whose figures are a minute old at most."""
    scripted = ScriptedAdServer()
    profile = AdServerProfile(SnapshotProfile(timedelta(seconds=60)))
    monkeypatch.setitem(registry.ADAPTERS, "scripted", lambda *_: scripted)
    monkeypatch.setitem(profiles.PROFILES, "scripted", profile)
    settings.ADSERVER = "scripted"
    return scripted
