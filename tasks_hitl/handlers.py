"""What a decision does to the trade, for each kind of task: the only binding between the two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mediabuys.errors import TradeError
from mediabuys.locks import draft_locked
from mediabuys.pricing import in_words
from mediabuys.services.bookings import booking_enqueue
from mediabuys.services.orders import order_decline
from tasks_hitl.errors import NoLongerValid
from tasks_hitl.models import Task
from tasks_hitl.states import TaskType


@dataclass(frozen=True)
class Handler:
    """One kind of task: `preview` says in words what approving will do."""

    on_approve: Callable[[Task, datetime], None]
    on_reject: Callable[[Task, str, str, datetime], None]
    preview: Callable[[Task], str]


def _order_approve(task: Task, now: datetime) -> None:
    buy = draft_locked(task.media_buy_id)
    if buy.end_time <= now:
        raise NoLongerValid("The flight is already over. Reject the order and say so.")
    booking_enqueue(buy=buy, now=now)


def _order_reject(task: Task, actor: str, reason: str, now: datetime) -> None:
    buy = draft_locked(task.media_buy_id)
    order_decline(buy=buy, actor=actor, reason=reason, now=now)


def _order_preview(task: Task) -> str:
    buy = task.media_buy
    count = buy.packages.count()
    lines = f"{count} line item{'s' if count != 1 else ''}"
    flight = f"{buy.start_time:%-d %B %Y} to {buy.end_time:%-d %B %Y}"
    told = "and tells the buyer" if task.destination_id else "and shows it when the buyer polls"
    return (
        f"Books {lines} for {buy.brand_domain}, {flight}, "
        f"{in_words(buy.total_budget, buy.currency)}, {told}."
    )


HANDLERS: Mapping[str, Handler] = {
    TaskType.CREATE_MEDIA_BUY: Handler(_order_approve, _order_reject, _order_preview),
}


def handler_for(task: Task) -> Handler:
    """Return the handler of a task, or raise `TradeError` for a kind that nothing handles."""
    handler = HANDLERS.get(task.task_type)
    if handler is None:
        raise TradeError(f"Nothing handles tasks of the kind {task.task_type}.")
    return handler
