"""The adapter over HTTP keeps the port's rules, against the simulator's own process."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from django.conf import settings

from mediabuys.adservers.port import AdServer, ReviewState
from mediabuys.adservers.profiles import PROFILES
from mediabuys.adservers.registry import ADAPTERS, PATIENCE_SECONDS
from tests.adservers.contract import AdServerContract
from tests.simulator import Simulator


@dataclass
class SimulatedWorld:
    """The world of the contract, by way of the simulator's own API for it."""

    simulator: Simulator

    def stock(self, product_id: str, daily: int) -> None:
        self.simulator.stock(product_id, daily)

    def decide(self, reference: str, review: ReviewState, reason: str = "") -> None:
        self.simulator.decide(reference, review, reason)

    def let_pass(self, until: datetime) -> None:
        self.simulator.set_clock(until)


class TestSimulated(AdServerContract):
    profile = PROFILES["simulated"]

    @pytest.fixture
    def server(self, simulator: Simulator) -> AdServer:
        simulator.robot("hold")
        return ADAPTERS[settings.ADSERVER]("Ledger Ad Server", PATIENCE_SECONDS)

    @pytest.fixture
    def world(self, simulator: Simulator) -> SimulatedWorld:
        return SimulatedWorld(simulator)
