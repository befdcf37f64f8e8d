"""Guaranteed inventory that a waiting order holds, and an approved one takes.

A hold is columns of its package, written with it. It counts while its status says so and its time
has not run out, so that an order whose end nobody wrote down holds nothing for ever.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from mediabuys.adservers.profiles import publishers_profile
from mediabuys.demand import Demand, demands_of
from mediabuys.errors import InventoryGone
from mediabuys.models import MediaBuy, Package
from mediabuys.selectors.availability import availability_of
from mediabuys.selectors.orders import live_lines
from mediabuys.states import HOLD_MOVES, HoldStatus

# In the order's policy: what waits for a person is read with it, and most orders hold nothing.
HOLDS = "holds_inventory"


def hold_columns(demand: Demand, *, until: datetime | None, is_taken: bool) -> dict[str, Any]:
    """Return the hold of a line as columns of its package; empty where it holds nothing.

    Only a guaranteed line whose price says how many impressions it wants holds any, and without
    `until`, when the order fails unanswered, none does. `is_taken` is of an order that is accepted
    as it is written: it takes them for its flight.
    """
    if until is None or not demand.is_guaranteed or not demand.impressions:
        return {}
    return {
        "hold_status": HoldStatus.CONSUMED if is_taken else HoldStatus.HELD,
        "held_impressions": demand.impressions,
        "held_until": demand.ends if is_taken else until,
    }


def policy_with_holds(policy: dict[str, Any], holds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the order's policy, which also says whether any of its packages holds inventory."""
    return {**policy, HOLDS: True} if any(holds) else policy


def holds_inventory(buy: MediaBuy) -> bool:
    """Return whether a package of the order was written with a hold, whatever became of it."""
    return bool(buy.policy.get(HOLDS))


def holds_consume(*, buy: MediaBuy, now: datetime) -> None:
    """Let an approved order take for its flight what it holds.

    Raises `InventoryGone`, with nothing written, where the ad server has told of the inventory and
    it is no longer all free: other orders took it. What orders hold that still wait does not count
    against a person's approval. In the caller's transaction, the draft's row held; the guaranteed
    products are locked until its end. Two reads and a write, nothing for an order without holds.
    """
    if not holds_inventory(buy):
        return
    _check_free(buy, now)
    _holding(buy, "consume").update(
        hold_status=HOLD_MOVES["consume"].target,
        held_until=Coalesce("end_time", Value(buy.end_time)),
    )


def _check_free(buy: MediaBuy, now: datetime) -> None:
    if not publishers_profile().has_inventory:
        return
    lines = live_lines(buy)
    found = availability_of(demands_of(buy, lines), now=now, other_than=buy, locked=True)
    for line, availability in zip(lines, found, strict=True):
        if availability.blocks:
            raise InventoryGone(
                f"{line.product.name} is short by {availability.short_by:,} of "
                f"{availability.wanted:,} impressions: other orders took them.",
                suggestion=f"Ask the buyer for at most {availability.free:,}, or reject the order.",
            )


def holds_extend(*, buy: MediaBuy, until: datetime) -> None:
    """Let a waiting order hold until then, as its buyer has that long to answer.

    The caller holds the order's task. One statement, none for an order without holds.
    """
    if holds_inventory(buy):
        _holding(buy, "consume").update(held_until=until)


def holds_release(*, buy: MediaBuy) -> None:
    """Free what the order holds or has taken: it will not run.

    The caller holds the order's row. One statement, none for an order without holds.
    """
    if holds_inventory(buy):
        _holding(buy, "release").update(hold_status=HOLD_MOVES["release"].target)


def _holding(buy: MediaBuy, move: str) -> QuerySet[Package]:
    return Package.objects.filter(media_buy=buy, hold_status__in=HOLD_MOVES[move].sources)
