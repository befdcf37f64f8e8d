"""Buys that wait for creatives."""

import pytest

from mediabuys.models import MediaBuy
from tests.people import Buyer
from tests.trade.orders import booked_buy


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    """A confirmed buy of one display package, waiting for its creative."""
    return booked_buy(buyer)
