"""The one way in which anything is approved or rejected."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from tasks_hitl.errors import AlreadyDecided, NotPermitted, ReasonRequired, ShownStale
from tasks_hitl.handlers import handler_for
from tasks_hitl.locks import task_locked
from tasks_hitl.models import Approval, Decision, Task, TaskEvent
from tasks_hitl.permissions import may_decide
from tasks_hitl.selectors import shown_digest as digest_of
from tasks_hitl.services.events import actor_name, task_moved
from tasks_hitl.services.tasks import task_fail
from tasks_hitl.states import (
    REJECTION_CODES,
    REJECTION_SUGGESTIONS,
    Outcome,
    RejectionReason,
    TaskStatus,
)


def decide(
    *,
    task_id: str,
    outcome: Outcome,
    shown_digest: str,
    shown_version: int,
    form_token: UUID,
    actor: User | None = None,
    policy_name: str = "",
    reason_code: str = "",
    note: str = "",
    internal_note: str = "",
    now: datetime | None = None,
) -> Decision:
    """Approve or reject a submitted task, once.

    `shown_digest` and `shown_version` are what the decider saw; `form_token` makes a second click
    find the first decision. `actor` is a person, else `policy_name` names the automatic policy.
    Raises `NotPermitted`, `ReasonRequired`, `TaskNotFound`, `AlreadyDecided` (who was first),
    `ShownStale` or `NoLongerValid`; each leaves everything as it was.

    One transaction: the task is locked, then its buy; vote, decision, status, events, booking and
    the buyer's notice commit together. Nothing waits for the network.
    """
    now = now or timezone.now()
    _check_reason(outcome, reason_code, note)
    with transaction.atomic():
        task = task_locked(task_id)
        _check_author(task, actor, policy_name)
        if task.status != TaskStatus.SUBMITTED:
            return _first_decision(task, form_token, actor)
        if (digest_of(task), task.version) != (shown_digest, shown_version):
            raise ShownStale(
                "The order has changed since you opened it.",
                suggestion="Look at it again and decide on what it is now.",
            )
        if actor is not None:
            Approval.objects.create(task=task, voter=actor, outcome=outcome, at=now)
        decision = Decision.objects.create(
            task=task,
            outcome=outcome,
            decided_by=actor,
            policy_name=policy_name,
            shown_digest=shown_digest,
            shown_version=shown_version,
            form_token=form_token,
            reason_code=reason_code,
            note=note,
            internal_note=internal_note,
            decided_at=now,
        )
        _APPLY[outcome](task, decision, actor_name(actor, policy_name), now)
        return decision


def _check_reason(outcome: Outcome, reason_code: str, note: str) -> None:
    if outcome != Outcome.REJECTED:
        return
    if reason_code not in RejectionReason.values:
        raise ReasonRequired("Choose a reason for the rejection.", field="reason_code")
    if not note.strip():
        raise ReasonRequired("Write a note that tells the buyer why.", field="note")


def _check_author(task: Task, actor: User | None, policy_name: str) -> None:
    if actor is None and not policy_name:
        raise NotPermitted("A decision needs a person or a named policy.")
    if actor is not None and not may_decide(actor, task):
        raise NotPermitted("Your role may look at approvals, but not decide them.")


def _first_decision(task: Task, form_token: UUID, actor: User | None) -> Decision:
    """Return the decision that this very form made, or say who was first."""
    first = task.decisions.filter(withdrawn_at__isnull=True).select_related("decided_by").first()
    if first is not None and first.form_token == form_token and first.decided_by == actor:
        return first
    if first is None:
        raise AlreadyDecided(f"This order is already closed: {task.get_status_display().lower()}.")
    when = date_format(timezone.localtime(first.decided_at), "j M Y, H:i")
    raise AlreadyDecided(f"{first.author} {first.outcome} this order on {when}.")


def _approve(task: Task, decision: Decision, actor: str, now: datetime) -> None:
    handler_for(task).on_approve(task, now)
    before = task.status
    task.start()
    task_moved(
        task=task,
        action=TaskEvent.Action.APPROVED,
        from_status=before,
        actor=actor,
        now=now,
        data={"decision": decision.pk},
    )


def _reject(task: Task, decision: Decision, actor: str, now: datetime) -> None:
    handler_for(task).on_reject(task, actor, decision.note, now)
    error = {
        "code": REJECTION_CODES[decision.reason_code],
        "message": decision.note,
        "suggestion": REJECTION_SUGGESTIONS[decision.reason_code],
        "recovery": "correctable",
    }
    task_fail(
        task=task,
        error=error,
        action=TaskEvent.Action.REJECTED,
        actor=actor,
        now=now,
        data={"decision": decision.pk},
    )


_APPLY = {Outcome.APPROVED: _approve, Outcome.REJECTED: _reject}
