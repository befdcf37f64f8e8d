"""What a decision does to an order that was parked."""

from datetime import datetime

from mediabuys.errors import InventoryGone
from mediabuys.locks import draft_locked
from mediabuys.pricing import in_words
from mediabuys.services.bookings import booking_enqueue
from mediabuys.services.holds import holds_consume, holds_extend
from mediabuys.services.orders import order_decline
from tasks_hitl.errors import NoLongerValid
from tasks_hitl.handling import told_in_words
from tasks_hitl.models import Task
from tasks_hitl.states import InputReason, RuleKind

MONEY_RULES = frozenset({RuleKind.BUDGET, RuleKind.CREDIT})


def order_approve(task: Task, _actor: str, now: datetime) -> None:
    """Queue the order's booking, and let it take the inventory that it holds.

    Raises `NoLongerValid` once its flight is over, or its guaranteed inventory is taken.
    """
    buy = draft_locked(task.media_buy_id)
    if buy.end_time <= now:
        raise NoLongerValid("The flight is already over. Reject the order and say so.")
    try:
        holds_consume(buy=buy, now=now)
    except InventoryGone as gone:
        raise NoLongerValid(gone.message, suggestion=gone.suggestion) from gone
    booking_enqueue(buy=buy, now=now)


def order_close(task: Task, actor: str, reason: str, now: datetime) -> None:
    """End the draft; it never was a buy."""
    buy = draft_locked(task.media_buy_id)
    order_decline(buy=buy, actor=actor, reason=reason, now=now)


def order_ask(task: Task, until: datetime) -> None:
    """Let the order hold its inventory for as long as its buyer may answer."""
    holds_extend(buy=task.media_buy, until=until)


def order_preview(task: Task) -> str:
    """Return in words what approving will do."""
    buy = task.media_buy
    count = buy.packages.count()
    lines = f"{count} line item{'s' if count != 1 else ''}"
    flight = f"{buy.start_time:%-d %B %Y} to {buy.end_time:%-d %B %Y}"
    return (
        f"Books {lines} for {buy.brand_domain}, {flight}, "
        f"{in_words(buy.total_budget, buy.currency)}, {told_in_words(task)}."
    )


def order_input_reason(task: Task) -> InputReason:
    """Return why the buyer must answer: its budget, where that alone stopped the order."""
    rules = task.media_buy.policy.get("rules", ())
    stopped = {rule["kind"] for rule in rules if rule["stopped"]}
    if stopped and stopped <= MONEY_RULES:
        return InputReason.BUDGET_EXCEEDS_LIMIT
    return InputReason.APPROVAL_REQUIRED
