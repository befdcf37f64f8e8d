"""Short ways to a change of a buy that waits for a person, through the real services."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from adcp_sales.protocol.usecases.update_media_buy import place_change
from mediabuys.models import MediaBuy
from mediabuys.services.changes import AppliedChange
from tasks_hitl.models import Task
from tests.people import Buyer
from tests.trade.orders import approve, book_order, waiting_task


def sold_buy(buyer: Buyer, approver: User, **changes: Any) -> MediaBuy:
    """Return a guaranteed buy of $50,000 that was approved and booked."""
    task = waiting_task(buyer, **changes)
    approve(task, approver)
    return book_order(task)


def budget_change(buy: MediaBuy, budget: int, **changes: Any) -> dict[str, Any]:
    """Return an `update_media_buy` body that gives the first package this budget."""
    package = buy.packages.order_by("position")[0]
    body = {
        "idempotency_key": f"change-{buy.revision:016}",
        "account": {"account_id": buy.account.account_id},
        "media_buy_id": buy.media_buy_id,
        "packages": [{"package_id": package.package_id, "budget": budget}],
    }
    return {**body, **changes}


def change(
    buyer: Buyer, params: dict[str, Any], now: datetime | None = None
) -> AppliedChange | Task:
    """Change a buy in a transaction of its own."""
    with transaction.atomic():
        return place_change(
            principal=buyer.principal,
            account=buyer.account,
            params=params,
            now=now or timezone.now(),
        )


def waiting_change(buyer: Buyer, buy: MediaBuy, budget: int = 75_000, **changes: Any) -> Task:
    """Return the task of a higher budget that waits."""
    placed = change(buyer, budget_change(buy, budget, **changes))
    assert isinstance(placed, Task)
    return placed
