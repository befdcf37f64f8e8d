"""What a decision does to the trade, for each kind of task: the only binding between the two."""

from collections.abc import Mapping

from mediabuys.errors import TradeError
from tasks_hitl import change_handler, order_handler
from tasks_hitl.handling import Handler
from tasks_hitl.models import Task
from tasks_hitl.states import TaskType

HANDLERS: Mapping[str, Handler] = {
    TaskType.CREATE_MEDIA_BUY: Handler(
        noun="order",
        again="Send the order again, with a later start if its flight is near.",
        on_approve=order_handler.order_approve,
        on_close=order_handler.order_close,
        on_ask=order_handler.order_ask,
        preview=order_handler.order_preview,
        input_reason=order_handler.order_input_reason,
    ),
    TaskType.UPDATE_MEDIA_BUY: Handler(
        noun="change",
        again="Read the media buy with get_media_buys, and send the change again.",
        on_approve=change_handler.change_approve,
        on_close=change_handler.change_close,
        on_ask=change_handler.change_ask,
        preview=change_handler.change_preview,
        input_reason=change_handler.change_input_reason,
    ),
}


def handler_for(task: Task) -> Handler:
    """Return the handler of a task, or raise `TradeError` for a kind that nothing handles."""
    handler = HANDLERS.get(task.task_type)
    if handler is None:
        raise TradeError(f"Nothing handles tasks of the kind {task.task_type}.")
    return handler
