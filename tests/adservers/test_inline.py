"""The inline adapter keeps the port's rules."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServer
from mediabuys.adservers.profiles import PROFILES
from tests.adservers.contract import AloneRules
from tests.adservers.contract.base import Rules, answered
from tests.adservers.contract.races import RaceRules
from tests.concurrency import together


class Inline(Rules):
    profile = PROFILES["inline"]

    @pytest.fixture
    def server(self) -> AdServer:
        return InlineAdServer("Ledger Ad Server")


@pytest.mark.django_db
class TestInline(Inline, AloneRules):
    """In one transaction, which is thrown away."""


@pytest.mark.django_db(transaction=True)
class TestInlineRaces(Inline, RaceRules):
    """With a connection for each worker."""

    def together(self, *calls: Callable[[], Any]) -> Sequence[Any]:
        return together(*(partial(answered, call) for call in calls))
