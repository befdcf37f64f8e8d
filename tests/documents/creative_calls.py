"""Short ways from a buyer's creative to what get_media_buys says of it."""

from typing import Any

from mediabuys.models import Creative, MediaBuy
from mediabuys.services.creatives import creative_review
from tests.creatives.library import call, sync_body, wish
from tests.people import Buyer

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def read(buy: MediaBuy, buyer: Buyer) -> dict[str, Any]:
    """Return the buy as get_media_buys shows it."""
    status, body = call("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer)
    assert status == 200, body
    [found] = body["media_buys"]
    return dict(found)


def approvals(buy: MediaBuy, buyer: Buyer) -> list[dict[str, Any]]:
    """Return the creative approvals of the buy's packages."""
    return [
        approval
        for package in read(buy, buyer)["packages"]
        for approval in package["creative_approvals"]
    ]


def send(buyer: Buyer, *items: dict[str, Any], key: int, **changes: Any) -> dict[str, Any]:
    """Send creatives over REST; return the first result."""
    status, body = call("sync_creatives", sync_body(buyer, *items, key=key, **changes), buyer)
    assert status == 200, body
    first: dict[str, Any] = body["creatives"][0]
    return first


def on(buy: MediaBuy, creative_id: str = "banner") -> dict[str, Any]:
    """Return the assignment of a creative to the buy's one package."""
    return wish(creative_id, buy.packages.get().package_id)


def review(creative_id: str = "banner", *, reason: str = "") -> None:
    """Approve, or reject for a reason."""
    creative_review(
        creative_pk=Creative.objects.get(creative_id=creative_id).pk,
        approve=not reason,
        reason=reason,
        reviewer="seller:rep",
    )
