"""What a decision does to the trade, for each kind of task: the only binding between the two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.errors import TradeError
from mediabuys.locks import draft_locked
from mediabuys.pricing import in_words
from mediabuys.services.bookings import booking_enqueue
from mediabuys.services.orders import order_decline
from tasks_hitl.errors import NoLongerValid
from tasks_hitl.models import Task
from tasks_hitl.states import InputReason, RuleKind, TaskType

MONEY_RULES = frozenset({RuleKind.BUDGET, RuleKind.CREDIT})


@dataclass(frozen=True)
class Applied:
    """An approval that took effect at once: the body with which the call would have answered."""

    result: dict[str, Any]
    message: str


@dataclass(frozen=True)
class Handler:
    """One kind of task.

    `noun` names what is asked for and `again` says how to ask anew. `on_approve` returns None while
    the work goes on elsewhere; `on_close` ends it without effect, because it was rejected, nobody
    answered or the buyer sent another; it takes who and why. `preview` says in words what
    approving will do, `input_reason` why the buyer must answer.
    """

    noun: str
    again: str
    on_approve: Callable[[Task, str, datetime], Applied | None]
    on_close: Callable[[Task, str, str, datetime], None]
    preview: Callable[[Task], str]
    input_reason: Callable[[Task], InputReason]


def _order_approve(task: Task, _actor: str, now: datetime) -> None:
    buy = draft_locked(task.media_buy_id)
    if buy.end_time <= now:
        raise NoLongerValid("The flight is already over. Reject the order and say so.")
    booking_enqueue(buy=buy, now=now)


def _order_close(task: Task, actor: str, reason: str, now: datetime) -> None:
    buy = draft_locked(task.media_buy_id)
    order_decline(buy=buy, actor=actor, reason=reason, now=now)


def _order_preview(task: Task) -> str:
    buy = task.media_buy
    count = buy.packages.count()
    lines = f"{count} line item{'s' if count != 1 else ''}"
    flight = f"{buy.start_time:%-d %B %Y} to {buy.end_time:%-d %B %Y}"
    return (
        f"Books {lines} for {buy.brand_domain}, {flight}, "
        f"{in_words(buy.total_budget, buy.currency)}, {told_in_words(task)}."
    )


def _order_input_reason(task: Task) -> InputReason:
    rules = task.media_buy.policy.get("rules", ())
    stopped = {rule["kind"] for rule in rules if rule["stopped"]}
    if stopped and stopped <= MONEY_RULES:
        return InputReason.BUDGET_EXCEEDS_LIMIT
    return InputReason.APPROVAL_REQUIRED


def told_in_words(task: Task) -> str:
    """Return how the buyer will hear of it."""
    return "and tells the buyer" if task.destination_id else "and shows it when the buyer polls"


HANDLERS: Mapping[str, Handler] = {
    TaskType.CREATE_MEDIA_BUY: Handler(
        noun="order",
        again="Send the order again, with a later start if its flight is near.",
        on_approve=_order_approve,
        on_close=_order_close,
        preview=_order_preview,
        input_reason=_order_input_reason,
    ),
}


def handler_for(task: Task) -> Handler:
    """Return the handler of a task, or raise `TradeError` for a kind that nothing handles."""
    handler = HANDLERS.get(task.task_type)
    if handler is None:
        raise TradeError(f"Nothing handles tasks of the kind {task.task_type}.")
    return handler
