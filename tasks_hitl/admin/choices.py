"""The three buttons of a decision, as a page names them."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks_hitl.admin.forms import ApproveForm, AskForm, DecisionForm, RejectForm
from tasks_hitl.desk.decision import ApprovalPage
from tasks_hitl.states import Outcome, RejectionReason

FORMS: dict[Outcome, type[DecisionForm]] = {
    Outcome.REJECTED: RejectForm,
    Outcome.CHANGE_ASKED: AskForm,
    Outcome.APPROVED: ApproveForm,
}
ROUTES = {
    Outcome.REJECTED: "admin:approval_reject",
    Outcome.CHANGE_ASKED: "admin:approval_ask",
    Outcome.APPROVED: "admin:approval_approve",
}
STYLES = {Outcome.REJECTED: "reject", Outcome.CHANGE_ASKED: "ask", Outcome.APPROVED: "approve"}
VERBS = {
    Outcome.REJECTED: "Reject",
    Outcome.CHANGE_ASKED: "Ask for a change",
    Outcome.APPROVED: "Approve",
}
CLOSE = "Close as out of date"


@dataclass(frozen=True)
class Choice:
    """One button: what it is called, what it asks, where it leads, and the form behind it.

    `obstacle` is why it cannot be pressed; empty where it can.
    """

    outcome: Outcome
    verb: str
    question: str
    button: str
    route: str
    style: str
    form: DecisionForm
    obstacle: str = ""


def choice_of(facts: ApprovalPage, outcome: Outcome, form: DecisionForm) -> Choice:
    """Return one way to decide, with the form as it stands."""
    verb, style = VERBS[outcome], STYLES[outcome]
    if facts.change is not None and facts.change.is_stale and outcome == Outcome.APPROVED:
        verb, style = CLOSE, "reject"
    asks = outcome == Outcome.CHANGE_ASKED
    return Choice(
        outcome=outcome,
        verb=verb,
        question=_question(facts, verb, outcome),
        button=verb if asks or verb == CLOSE else f"{verb} this {facts.noun}",
        route=ROUTES[outcome],
        style=style,
        form=form,
        obstacle=facts.obstacle if outcome == Outcome.APPROVED else "",
    )


def _question(facts: ApprovalPage, verb: str, outcome: Outcome) -> str:
    subject = f"{facts.task.media_buy.brand_domain}, {facts.amount}"
    if facts.change is not None:
        subject = f"the change of {subject}"
    if verb == CLOSE:
        return f"Close {subject}, as out of date?"
    if outcome == Outcome.CHANGE_ASKED:
        return f"Send {subject} back?"
    return f"{verb} {subject}?"


def choices_of(facts: ApprovalPage) -> Iterator[Choice]:
    """Return every way to decide what is shown, each with a fresh form bound to it."""
    for outcome, form in FORMS.items():
        bound = form.bound_to(
            facts.digest,
            facts.task.version,
            words=words_for(facts, outcome),
            auto_id=f"{outcome}_%s",
        )
        yield choice_of(facts, outcome, bound)


def words_for(facts: ApprovalPage, outcome: Outcome) -> dict[str, str]:
    """Return what a form may begin with: of an order that does not fit, what would."""
    if not facts.obstacle or facts.availability is None or outcome == Outcome.APPROVED:
        return {}
    return {
        "reason_code": RejectionReason.NO_INVENTORY,
        "note": facts.availability.note,
        "suggestion": facts.availability.suggestion,
    }
