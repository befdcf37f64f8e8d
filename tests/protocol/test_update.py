"""update_media_buy over REST."""

from typing import Any

import pytest

from mediabuys.models import MediaBuy
from tests.protocol.conftest import KEY, Buyer, ask, order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]


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


def test_a_budget_is_raised(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    package = buy.packages.get()
    change = update(
        sandbox_buyer, buy, packages=[{"package_id": package.package_id, "budget": 1500}]
    )

    answer = ask("update_media_buy", change, sandbox_buyer.token)

    assert answer.status == 200, answer.body
    assert answer.body["total_budget"] == 1500
