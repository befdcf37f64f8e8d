"""Reading tasks: the buyer's own, the desk's queue, and the operation behind a context id."""

import hashlib
from typing import Any

from django.db.models import QuerySet

from mediabuys.models import MediaBuy, Principal
from mediabuys.selectors.handwritten import columns, rows
from tasks_hitl.models import RuleVersion, Task
from tasks_hitl.states import OPEN_TASK_STATUSES, QueueState, TaskType

CURRENT_RULES = f"""
    SELECT {columns(RuleVersion, "rule")} FROM tasks_hitl_ruleversion rule
    WHERE rule.is_current AND rule.is_enabled ORDER BY rule.rule_key
"""  # noqa: S608 (made of column names)


def tasks_of(principal: Principal) -> QuerySet[Task]:
    """Return the tasks that a buyer's agent may read: its own, on accounts that it still has."""
    return Task.objects.filter(principal=principal, account__accesses__principal=principal)


def waiting_tasks() -> QuerySet[Task]:
    """Return what waits for a person, most urgent first, with what the queue shows joined."""
    return (
        Task.objects.filter(queue_state=QueueState.PENDING_MANUAL)
        .select_related("principal", "account", "media_buy", "change")
        .order_by("due_at", "pk")
    )


def open_change_task(buy: MediaBuy) -> Task | None:
    """Return the task of the buy's change that waits, whoever asked for it, or None."""
    return Task.objects.filter(
        media_buy=buy, task_type=TaskType.UPDATE_MEDIA_BUY, status__in=OPEN_TASK_STATUSES
    ).first()


def current_rules() -> list[RuleVersion]:
    """Return the rules in force, in their order; every order asks for them."""
    return [rule for (rule,) in rows(CURRENT_RULES, [], RuleVersion)]


def shown_digest(task: Task) -> str:
    """Return the digest that binds a decision to what was shown of a task."""
    shown = f"{task.task_id}:{task.request_digest}:{task.version}"
    return hashlib.sha256(shown.encode()).hexdigest()


def policy_of(task: Task) -> dict[str, Any]:
    """Return the rule trace of what waits: the change's own, else the order's."""
    return task.media_buy.policy if task.change is None else task.change.policy
