"""The page that says why a decision was refused: what changed, and who did it."""

from django.http import HttpRequest, HttpResponse

from mediabuys.admin.page import desk_page
from tasks_hitl.desk.decision import changes_since, decision_of
from tasks_hitl.desk.history import actor_in_words, event_in_words
from tasks_hitl.errors import (
    AlreadyDecided,
    ApprovalError,
    BeingDecided,
    ChangeOutdated,
    NoLongerValid,
    NotPermitted,
    ShownStale,
)
from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Task

TITLES: dict[type[ApprovalError], str] = {
    AlreadyDecided: "Somebody was first",
    ShownStale: "This {noun} changed while you were looking",
    BeingDecided: "Somebody is at it right now",
    ChangeOutdated: "This {noun} is out of date",
    NoLongerValid: "This {noun} cannot be approved any more",
    NotPermitted: "Your role cannot decide",
}
NOT_PERMITTED, CONFLICT = 403, 409


def refused(
    request: HttpRequest, task: Task, error: ApprovalError, *, shown_version: int
) -> HttpResponse:
    """Return the page for a decision that was not made, with status 409 (403 for the role)."""
    decision, noun = decision_of(task), handler_for(task).noun
    is_outdated = isinstance(error, ChangeOutdated)
    # What an outdated change says of the buy is the news; that it just ended is the headline.
    events = [] if is_outdated else changes_since(task=task, version=shown_version)
    changes = [
        (event, event_in_words(event, noun), actor_in_words(event.actor, task, decision))
        for event in events
    ]
    context = {
        "title": "Approvals",
        "headline": TITLES.get(type(error), "Nothing was decided").format(noun=noun),
        "task": task,
        "noun": noun,
        "error": error,
        "decision": decision,
        "changes": changes,
        "is_outdated": is_outdated,
        "moved": error.moved if isinstance(error, ChangeOutdated) else (),
    }
    status = NOT_PERMITTED if isinstance(error, NotPermitted) else CONFLICT
    return desk_page(request, "desk/refused.html", context, status=status)
