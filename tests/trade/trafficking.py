"""Short ways to what the ad server has of a buy, and to a buy that it has as it is."""

from typing import Any

from mediabuys.models import InlineOrder, MediaBuy, Trafficking
from mediabuys.services.telling import trafficking_drain
from tests.people import Buyer
from tests.trade.changes import active_buy


def held(buy: MediaBuy) -> InlineOrder:
    return InlineOrder.objects.get(reference=buy.reference)


def live_lines(buy: MediaBuy) -> dict[str, dict[str, Any]]:
    """Return the lines that the ad server has of the buy, by package."""
    lines = held(buy).line_items
    return {line["package_id"]: line for line in lines if not line.get("is_canceled")}


def row_of(buy: MediaBuy) -> Trafficking:
    return Trafficking.objects.get(media_buy=buy)


def told_buy(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return a running buy that the ad server has as it is."""
    buy = active_buy(buyer, **changes)
    assert trafficking_drain() == 1
    assert row_of(buy).is_told
    return buy
