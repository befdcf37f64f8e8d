"""The desk's own pages: the queue, one approval, and the three decisions."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.utils import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from psycopg.errors import LockNotAvailable

from mediabuys.admin.page import desk_page
from mediabuys.keyset import whole_number
from mediabuys.services.inventory_import import inventory_refresh
from tasks_hitl import permissions
from tasks_hitl.admin.choices import FORMS, choice_of, choices_of, words_for
from tasks_hitl.admin.forms import DecisionForm
from tasks_hitl.admin.people import person_of
from tasks_hitl.admin.refusals import refused
from tasks_hitl.desk.decided import decided_page, decided_today, start_of_day
from tasks_hitl.desk.decision import (
    ApprovalPage,
    approval_page,
    availability_of_task,
    task_for_desk,
)
from tasks_hitl.desk.queue import (
    QueueKind,
    QueueView,
    queue_counts,
    queue_page,
    waiting_money,
)
from tasks_hitl.errors import ApprovalError, BeingDecided, ReasonRequired
from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Decision, Task
from tasks_hitl.services import decide
from tasks_hitl.states import Outcome

VERSION_DIGITS = 9


def _require_view(request: HttpRequest) -> None:
    if not request.user.has_perm(permissions.VIEW):
        raise PermissionDenied


def _task(request: HttpRequest, task_id: str) -> Task:
    _require_view(request)
    task = task_for_desk(task_id)
    if task is None:
        raise Http404("There is no such approval.")
    return task


@never_cache
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show one named view of what waits, of one kind or all, page by page."""
    _require_view(request)
    now = timezone.now()
    view = _view_of(request.GET.get("view", ""))
    kind = _kind_of(request.GET.get("kind", ""))
    words = request.GET.get("q", "")
    context = {
        "title": "Approvals",
        "view": view,
        "views": QueueView,
        "kind": kind,
        "kinds": QueueKind,
        "words": words,
        "page": queue_page(
            view=view,
            kind=kind,
            words=words,
            after=request.GET.get("after", ""),
            before=request.GET.get("before", ""),
            now=now,
        ),
        "counts": queue_counts(now=now, kind=kind),
        "money": waiting_money(kind=kind),
        "decided": decided_today(now=now),
    }
    return desk_page(request, "desk/queue.html", context)


def _view_of(name: str) -> QueueView:
    return QueueView(name) if name in QueueView.values else QueueView.ALL


def _kind_of(name: str) -> QueueKind:
    return QueueKind(name) if name in QueueKind.values else QueueKind.ANY


@never_cache
@require_safe
def decided(request: HttpRequest) -> HttpResponse:
    """Show what was decided, newest first; `day=today` only since midnight."""
    _require_view(request)
    today = request.GET.get("day") == "today"
    since = start_of_day(timezone.now()) if today else None
    context = {
        "title": "Decided today" if today else "Decided",
        "today": today,
        "page": decided_page(before=request.GET.get("before", ""), since=since),
    }
    return desk_page(request, "desk/decided.html", context)


@never_cache
@require_safe
def approval(request: HttpRequest, task_id: str) -> HttpResponse:
    """Show everything about one approval; never changes anything."""
    facts = _facts(_task(request, task_id))
    context = _facts_context(request, facts)
    if context["may_decide"]:
        context["choices"] = list(choices_of(facts))
    return desk_page(request, "desk/approval.html", context)


def _facts(task: Task) -> ApprovalPage:
    """Return the page's facts, for which an ad server of old figures is asked again."""
    facts = approval_page(task=task, now=timezone.now())
    if facts.availability is None or not facts.availability.is_old:
        return facts
    trouble = inventory_refresh(buy=task.media_buy, now=timezone.now())
    found = availability_of_task(task, facts.packages, timezone.now(), trouble=trouble)
    return replace(facts, availability=found)


def _facts_context(request: HttpRequest, facts: ApprovalPage) -> dict[str, Any]:
    may_decide = facts.is_waiting and permissions.may_decide(person_of(request), facts.task)
    return {
        "title": "Approvals",
        "facts": facts,
        "task": facts.task,
        "buy": facts.task.media_buy,
        "may_decide": may_decide,
        "may_retry": request.user.has_perm(permissions.RETRY_BOOKINGS),
        "may_review": request.user.has_perm(permissions.REVIEW_CREATIVES),
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, task_id: str) -> HttpResponse:
    """Ask once more, and approve on POST."""
    return _decision(request, task_id, Outcome.APPROVED)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, task_id: str) -> HttpResponse:
    """Ask for note and suggestion, and send the task back to its buyer on POST."""
    return _decision(request, task_id, Outcome.CHANGE_ASKED)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, task_id: str) -> HttpResponse:
    """Ask for reason and note, and reject on POST."""
    return _decision(request, task_id, Outcome.REJECTED)


def _decision(request: HttpRequest, task_id: str, outcome: Outcome) -> HttpResponse:
    task = _task(request, task_id)
    if not permissions.may_decide(person_of(request), task):
        raise PermissionDenied("Your role may look at approvals, but not decide them.")
    if request.method != "POST":
        return _confirm(request, task, outcome)
    if outcome == Outcome.APPROVED and task.change is None:
        inventory_refresh(buy=task.media_buy, now=timezone.now())
    form = FORMS[outcome](request.POST)
    if not form.is_valid():
        return _confirm(request, task, outcome, form, status=422 if form.is_intact else 400)
    try:
        decision = _decide(request, task, outcome, form)
    except ReasonRequired as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _confirm(request, task, outcome, form, status=422)
    except ApprovalError as error:
        return refused(request, task, error, shown_version=form.cleaned_data["shown_version"])
    messages.success(request, _said(decision))
    return redirect("admin:approval", task_id=task_id)


def _decide(request: HttpRequest, task: Task, outcome: Outcome, form: DecisionForm) -> Decision:
    try:
        return decide(
            task_id=task.task_id, outcome=outcome, actor=person_of(request), **form.cleaned_data
        )
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise BeingDecided(
            f"Somebody else is deciding this {handler_for(task).noun} at this moment.",
            suggestion="Look at it again in a few seconds.",
        ) from error


def _said(decision: Decision) -> str:
    noun = handler_for(decision.task).noun
    if decision.outcome == Outcome.REJECTED:
        return f"You rejected this {noun}. The buyer is told why."
    if decision.outcome == Outcome.CHANGE_ASKED:
        return f"You sent this {noun} back. The buyer is told what to send instead."
    if decision.task.is_terminal:
        return f"You approved this {noun}. It is applied, and the buyer hears of it next."
    return f"You approved this {noun}. It is being booked now, and the buyer hears of it next."


def _form_as_shown(request: HttpRequest, facts: ApprovalPage, outcome: Outcome) -> DecisionForm:
    """Return a form that stays bound to the page whose link was followed, if there was one."""
    version = whole_number(request.GET.get("version", ""), digits=VERSION_DIGITS)
    return FORMS[outcome].bound_to(
        request.GET.get("digest") or facts.digest,
        facts.task.version if version is None else version,
        words=words_for(facts, outcome),
    )


def _confirm(
    request: HttpRequest,
    task: Task,
    outcome: Outcome,
    form: DecisionForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    facts = _facts(task)
    form = form or _form_as_shown(request, facts, outcome)
    if not facts.is_waiting and request.method != "POST":
        return redirect("admin:approval", task_id=task.task_id)
    context = _facts_context(request, facts) | {"choice": choice_of(facts, outcome, form)}
    return desk_page(request, "desk/confirm.html", context, status=status)
