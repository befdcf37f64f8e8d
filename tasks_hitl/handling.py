"""What a kind of task must say: how it is approved, ended and described."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks_hitl.models import Task
from tasks_hitl.states import InputReason


@dataclass(frozen=True)
class Applied:
    """An approval that took effect at once: the body with which the call would have answered."""

    result: dict[str, Any]
    message: str


@dataclass(frozen=True)
class Handler:
    """One kind of task.

    `noun` names what is asked for and `again` says how to ask anew. `on_approve` returns None while
    the work goes on elsewhere; only a change's raises `ChangeStale`. `on_close` ends it without
    effect, because it was rejected, nobody answered or the buyer sent another; it takes who and
    why. `on_ask` sends it back to the buyer, who has until then to answer. `preview` says in words
    what approving will do, `input_reason` why the buyer must answer.
    """

    noun: str
    again: str
    on_approve: Callable[[Task, str, datetime], Applied | None]
    on_close: Callable[[Task, str, str, datetime], None]
    on_ask: Callable[[Task, datetime], None]
    preview: Callable[[Task], str]
    input_reason: Callable[[Task], InputReason]


def told_in_words(task: Task) -> str:
    """Return how the buyer will hear of it."""
    return "and tells the buyer" if task.destination_id else "and shows it when the buyer polls"
