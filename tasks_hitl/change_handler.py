"""What a decision does to a change of a buy that was parked."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from mediabuys.change_words import NOTHING
from mediabuys.errors import TradeError
from mediabuys.models import MediaBuyChange
from mediabuys.services.parked_changes import change_apply_parked, change_refuse
from mediabuys.states import ChangeStatus
from mediabuys.wire.changes import update_success
from tasks_hitl.handling import Applied, told_in_words
from tasks_hitl.models import Task
from tasks_hitl.states import InputReason

DIFFERENCES_IN_MESSAGE = 5


def change_approve(task: Task, _actor: str, now: datetime) -> Applied:
    """Apply the change at once; raises `ChangeStale`, with nothing written, where it cannot be."""
    change = change_of(task)
    # A savepoint: what is left of a stale change can still be ended in this transaction.
    with transaction.atomic():
        applied = change_apply_parked(change=change, now=now)
    return Applied(
        result=update_success(applied.buy, applied.packages),
        message=f"The change was approved and applied: {change_in_one_line(change)}.",
    )


def change_close(task: Task, _actor: str, _reason: str, now: datetime) -> None:
    """End the change; the buy stays as it is."""
    change_refuse(change=change_of(task), now=now)


def change_ask(_task: Task, _until: datetime) -> None:
    """Nothing: a change holds no inventory of its own."""


def change_preview(task: Task) -> str:
    """Return in words what approving will do, or that it can do nothing any more."""
    change, buy = change_of(task), task.media_buy
    if change.status == ChangeStatus.WAITING and buy.revision != change.base_revision:
        return (
            f"The buy has moved on from revision {change.base_revision} to {buy.revision} since "
            "this was asked, so it cannot be applied. Closing it leaves the buy as it is, and "
            "tells its buyer to ask again."
        )
    return (
        f"Changes the buy of {buy.brand_domain} at once: {change_in_one_line(change)}, "
        f"{told_in_words(task)}."
    )


def change_input_reason(_task: Task) -> InputReason:
    """Return why the buyer must answer."""
    return InputReason.CHANGE_CONFIRMATION


def change_in_one_line(change: MediaBuyChange) -> str:
    """Return what changes in one line: `Budget of Homepage from $5,000 to $7,500`."""
    shown = [_in_words(row) for row in change.differences[:DIFFERENCES_IN_MESSAGE]]
    more = len(change.differences) - len(shown)
    return "; ".join([*shown, f"{more} more"] if more else shown)


def _in_words(row: Mapping[str, str]) -> str:
    if row["before"] in ("", NOTHING):
        return f"{row['label']}: {row['after']}"
    return f"{row['label']} from {row['before']} to {row['after']}"


def change_of(task: Task) -> MediaBuyChange:
    """Return the change that a task is about, or raise `TradeError` for a task of another kind."""
    if task.change is None:
        raise TradeError("This task has no change.")
    return task.change
