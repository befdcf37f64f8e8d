"""The one way in which anything is approved, rejected, or sent back for a change."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from mediabuys.errors import ChangeStale
from tasks_hitl.errors import (
    AlreadyDecided,
    ChangeOutdated,
    NotPermitted,
    ReasonRequired,
    ShownStale,
)
from tasks_hitl.handlers import handler_for
from tasks_hitl.locks import task_locked
from tasks_hitl.models import Approval, Decision, Task, TaskEvent
from tasks_hitl.permissions import may_decide
from tasks_hitl.selectors import shown_digest as digest_of
from tasks_hitl.services.events import actor_name, task_moved
from tasks_hitl.services.staleness import task_end_stale
from tasks_hitl.services.submissions import expiry_of
from tasks_hitl.services.tasks import task_ask, task_complete, task_fail
from tasks_hitl.states import (
    REJECTION_CODES,
    REJECTION_SUGGESTIONS,
    Outcome,
    RejectionReason,
    TaskStatus,
)

VERBS = {
    Outcome.APPROVED: "approved",
    Outcome.REJECTED: "rejected",
    Outcome.CHANGE_ASKED: "asked for a change of",
}


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
    suggestion: str = "",
    internal_note: str = "",
    now: datetime | None = None,
) -> Decision:
    """Approve, reject or send back a submitted task, once.

    `shown_digest` and `shown_version` are what the decider saw; `form_token` makes a second click
    find the first decision. `actor` is a person, else `policy_name` names the automatic policy.
    `note` is for the buyer with a rejection or a change asked for; the latter also says in
    `suggestion` what to send instead. Raises `NotPermitted`, `ReasonRequired`, `TaskNotFound`,
    `AlreadyDecided` (who was first), `ShownStale` or `NoLongerValid`; each leaves everything as
    it was. Raises `ChangeOutdated` where the buy of a change has moved on: then the change was
    refused without being applied, and its buyer told.

    One transaction: the task is locked, then its buy; vote, decision, status, events, booking and
    the buyer's notice commit together. Nothing waits for the network.
    """
    now = now or timezone.now()
    _check_words(outcome, reason_code, note, suggestion)
    with transaction.atomic():
        task = task_locked(task_id)
        _check_author(task, actor, policy_name)
        if task.status != TaskStatus.SUBMITTED:
            return _first_decision(task, form_token, actor)
        if (digest_of(task), task.version) != (shown_digest, shown_version):
            raise ShownStale(
                f"The {handler_for(task).noun} has changed since you opened it.",
                suggestion="Look at it again and decide on what it is now.",
            )
        decision = Decision(
            task=task,
            outcome=outcome,
            decided_by=actor,
            policy_name=policy_name,
            shown_digest=shown_digest,
            shown_version=shown_version,
            form_token=form_token,
            reason_code=reason_code,
            note=note,
            suggestion=suggestion,
            internal_note=internal_note,
            decided_at=now,
        )
        outdated = _APPLY[outcome](task, decision, actor_name(actor, policy_name))
    if outdated is not None:
        raise outdated
    return decision


def _check_words(outcome: Outcome, reason_code: str, note: str, suggestion: str) -> None:
    if outcome == Outcome.APPROVED:
        return
    is_known = reason_code in RejectionReason.values
    if outcome == Outcome.REJECTED and not is_known:
        raise ReasonRequired("Choose a reason for the rejection.", field="reason_code")
    if reason_code and not is_known:
        raise ReasonRequired("Choose one of the reasons, or none.", field="reason_code")
    if not note.strip():
        raise ReasonRequired("Write a note that tells the buyer why.", field="note")
    if outcome == Outcome.CHANGE_ASKED and not suggestion.strip():
        raise ReasonRequired("Say what the buyer should send instead.", field="suggestion")


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
    noun = handler_for(task).noun
    if first is None:
        raise AlreadyDecided(f"This {noun} is already closed: {task.get_status_display().lower()}.")
    when = date_format(timezone.localtime(first.decided_at), "j M Y, H:i")
    verb = VERBS[Outcome(first.outcome)]
    raise AlreadyDecided(f"{first.author} {verb} this {noun} on {when}.")


def _record(decision: Decision) -> None:
    if decision.decided_by is not None:
        Approval.objects.create(
            task=decision.task,
            voter=decision.decided_by,
            outcome=decision.outcome,
            at=decision.decided_at,
        )
    decision.save(force_insert=True)


def _approve(task: Task, decision: Decision, actor: str) -> ChangeOutdated | None:
    now = decision.decided_at
    try:
        applied = handler_for(task).on_approve(task, actor, now)
    except ChangeStale as stale:
        return _refuse_stale(task, stale, actor, now)
    _record(decision)
    if applied is not None:
        task_complete(
            task=task,
            result=applied.result,
            message=applied.message,
            action=TaskEvent.Action.APPLIED,
            actor=actor,
            now=now,
            data={"decision": decision.pk},
        )
        return None
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
    return None


def _refuse_stale(task: Task, stale: ChangeStale, actor: str, now: datetime) -> ChangeOutdated:
    """End a change that was approved too late. Nobody's approval stands: it took no effect."""
    task_end_stale(task=task, stale=stale, actor=actor, now=now)
    return ChangeOutdated(
        "The buy has changed since this was asked for, so the change was not applied.",
        moved=stale.moved,
    )


def _reject(task: Task, decision: Decision, actor: str) -> None:
    now = decision.decided_at
    _record(decision)
    handler_for(task).on_close(task, actor, decision.note, now)
    task_fail(
        task=task,
        error={
            "code": REJECTION_CODES[decision.reason_code],
            "message": decision.note,
            "suggestion": REJECTION_SUGGESTIONS[decision.reason_code],
            "recovery": "correctable",
        },
        action=TaskEvent.Action.REJECTED,
        actor=actor,
        now=now,
        data={"decision": decision.pk},
    )


def _ask(task: Task, decision: Decision, actor: str) -> None:
    now = decision.decided_at
    _record(decision)
    # The buyer has as long to answer as the publisher had.
    until = expiry_of(task.media_buy, now)
    handler_for(task).on_ask(task, until)
    task_ask(
        task=task,
        error={
            "code": REJECTION_CODES[decision.reason_code or RejectionReason.OTHER],
            "message": decision.note,
            "suggestion": decision.suggestion,
            "recovery": "correctable",
        },
        reason=handler_for(task).input_reason(task),
        expires_at=until,
        actor=actor,
        now=now,
        data={"decision": decision.pk},
    )


_APPLY = {Outcome.APPROVED: _approve, Outcome.REJECTED: _reject, Outcome.CHANGE_ASKED: _ask}
