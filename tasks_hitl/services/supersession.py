"""A buyer's answer to a question: the corrected call takes the place of the one sent back."""

from datetime import datetime

from django.db.models import QuerySet

from mediabuys.models import Account, MediaBuy, Principal
from mediabuys.services.events import agent_actor
from tasks_hitl.handlers import handler_for
from tasks_hitl.locks import tasks_locked
from tasks_hitl.models import Task, TaskEvent
from tasks_hitl.services.tasks import task_cancel
from tasks_hitl.states import TaskStatus, TaskType


def order_supersede(
    *, principal: Principal, account: Account, context_id: str, now: datetime
) -> Task | None:
    """Cancel the caller's order that waits for its correction, and return its task.

    `context_id` names the operation; one that is unknown, foreign, of another account or not sent
    back changes nothing, and None is returned. The old draft is declined, so that its proposal and
    its credit are free for the order that follows in the same transaction; `task_submit` links
    the two. The caller may hold the account: nobody who holds a task asks for one.
    """
    named = tasks_locked().filter(
        account=account, context_id=context_id, task_type=TaskType.CREATE_MEDIA_BUY
    )
    return _supersede(named, principal, now)


def change_supersede(*, buy: MediaBuy, principal: Principal, now: datetime) -> Task | None:
    """Cancel the buy's change that waits for the caller's correction, and return its task.

    None, and no change, when there is none, or somebody is at it right now: the caller already
    holds the buy, and must not wait for a task. Call it before `change_park`; `change_submit`
    links the two.
    """
    unlocked = tasks_locked().select_for_update(of=("self",), skip_locked=True)
    named = unlocked.filter(media_buy=buy, task_type=TaskType.UPDATE_MEDIA_BUY)
    return _supersede(named, principal, now)


def _supersede(named: QuerySet[Task], principal: Principal, now: datetime) -> Task | None:
    """Cancel the one of the named tasks that waits for this agent; return it, None without one."""
    task = named.filter(principal=principal, status=TaskStatus.INPUT_REQUIRED).first()
    if task is None:
        return None
    what = handler_for(task).noun
    actor = agent_actor(principal)
    error = {
        "code": "CONFLICT",
        "message": f"The buyer sent a corrected {what} in its place.",
        "suggestion": f"Follow the corrected {what}.",
        "recovery": "correctable",
    }
    handler_for(task).on_close(task, actor, error["message"], now)
    task_cancel(task=task, error=error, action=TaskEvent.Action.SUPERSEDED, actor=actor, now=now)
    return task
