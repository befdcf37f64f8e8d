"""Buys that wait for creatives, and a publisher who reviews."""

import pytest

from mediabuys.models import MediaBuy, Publisher
from mediabuys.states import CreativeApprovalMode
from tests.people import Buyer
from tests.trade.orders import booked_buy


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    """A confirmed buy of one display package, waiting for its creative."""
    return booked_buy(buyer)


@pytest.fixture
def reviewing(publisher: Publisher) -> Publisher:
    """A publisher whose people look at every creative."""
    publisher.creative_approval_mode = CreativeApprovalMode.REQUIRE_HUMAN
    publisher.save(update_fields=["creative_approval_mode"])
    return publisher
