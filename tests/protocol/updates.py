"""Short ways to a buy and to an `update_media_buy` body for it."""

from typing import Any

from mediabuys.models import MediaBuy
from tests.protocol.conftest import KEY, Buyer, ask, order

LINE = {"product_id": "outdoor-display", "pricing_option_id": "display-cpm", "budget": 100}


def ordered(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return the buy of an order that was accepted and booked at once."""
    answer = ask("create_media_buy", order(buyer, **changes), buyer.token)
    return MediaBuy.objects.get(media_buy_id=answer.body["media_buy_id"])


def update(buyer: Buyer, buy: MediaBuy, number: int = 100, **changes: Any) -> dict[str, Any]:
    """Return an update_media_buy body for the buy."""
    return {
        "idempotency_key": KEY.format(number),
        "account": {"account_id": buyer.account.account_id},
        "media_buy_id": buy.media_buy_id,
        **changes,
    }


def of_package(buy: MediaBuy, **fields: Any) -> list[dict[str, Any]]:
    return [{"package_id": buy.packages.all()[0].package_id, **fields}]
