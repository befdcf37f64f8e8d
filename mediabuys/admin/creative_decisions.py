"""Deciding on creatives: one with its reason, or several at once."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from mediabuys.admin.confirm import Confirmation, confirmed
from mediabuys.admin.page import desk_page, seller_of
from mediabuys.creative_standing import (
    is_passed_on_when_approved,
    may_be_approved,
    may_be_refused,
)
from mediabuys.errors import TradeError
from mediabuys.keyset import whole_number
from mediabuys.models import Creative
from mediabuys.selectors.creative_queue import PAGE_SIZE, review_rows
from mediabuys.services.creatives import creative_review
from mediabuys.states import CreativeStatus, ReviewOutcome

REVIEW = "mediabuys.change_creative"
VERBS = {
    ReviewOutcome.APPROVED: ("Approve", "approved"),
    ReviewOutcome.REJECTED: ("Reject", "rejected"),
    ReviewOutcome.REVOKED: ("Revoke", "revoked"),
}
# Where a creative may stand when somebody decides: its status, or that it is passed on.
STANDINGS = [*CreativeStatus.choices, (ReviewOutcome.PASSED_ON, "Passed on")]
PASSES_ON = "Passes it on to {ad_server}, which reviews it too before it serves."
EFFECTS = {
    ReviewOutcome.APPROVED: "Lets it serve at once on every package that it is assigned to.",
    ReviewOutcome.REJECTED: (
        "Keeps it from serving. The buyer reads your reason and can send another version."
    ),
    ReviewOutcome.REVOKED: (
        "Takes it off the air. Buys that are live stay live, without it; the buyer reads your "
        "reason and can send another version, also after the deadline."
    ),
}
PATHS = {
    ReviewOutcome.APPROVED: "approve",
    ReviewOutcome.REJECTED: "reject",
    ReviewOutcome.REVOKED: "revoke",
}
PICK = re.compile(r"(?P<pk>\d{1,18})-(?P<revision>\d{1,9})")


class ReviewForm(forms.Form):
    """What the reviewer saw."""

    shown_revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    shown_standing = forms.ChoiceField(choices=STANDINGS, required=False, widget=forms.HiddenInput)


class RefuseCreativeForm(ReviewForm):
    """What the reviewer saw, and why it cannot run."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="The buyer reads this as it stands.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def outcomes_of(creative: Creative) -> list[ReviewOutcome]:
    """Return what can be decided on a creative as it is."""
    found = [ReviewOutcome.APPROVED] if may_be_approved(creative) else []
    if may_be_refused(creative):
        is_serving = creative.status == CreativeStatus.APPROVED
        found.append(ReviewOutcome.REVOKED if is_serving else ReviewOutcome.REJECTED)
    return found


def require_reviewer(request: HttpRequest) -> None:
    """Refuse whoever may not decide on creatives."""
    if not request.user.has_perm(REVIEW):
        raise PermissionDenied("Your role may look at creatives, but not decide on them.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def decision(request: HttpRequest, pk: int, outcome: ReviewOutcome) -> HttpResponse:
    """Ask once more, with the reason where there must be one, and decide on POST."""
    creative = Creative.objects.select_related("account__publisher").filter(pk=pk).first()
    if creative is None:
        raise Http404("There is no such creative.")
    require_reviewer(request)
    verb, done = VERBS[outcome]
    form_class = ReviewForm if outcome == ReviewOutcome.APPROVED else RefuseCreativeForm
    return confirmed(
        request,
        says=Confirmation(
            title=f"{verb} “{creative.name}”?",
            effect=_effect(creative, outcome),
            submit=f"{verb} this creative",
            back=reverse("admin:mediabuys_creative_change", args=[creative.pk]),
            done=f"“{creative.name}” is {done}.",
            is_bad=outcome != ReviewOutcome.APPROVED,
        ),
        form=form_class(request.POST or None, initial=_as_shown(request, creative)),
        act=lambda form: _decide(request, creative, outcome, form.cleaned_data),
    )


def _effect(creative: Creative, outcome: ReviewOutcome) -> str:
    ad_server = creative.account.publisher.ad_server_name
    if outcome not in outcomes_of(creative):
        standing = creative.get_status_display().lower()
        if creative.is_passed_on:
            standing = f"under review at {ad_server}"
        return f"It is {standing} and cannot be {VERBS[outcome][1]} now."
    if outcome == ReviewOutcome.APPROVED and is_passed_on_when_approved(creative):
        return PASSES_ON.format(ad_server=ad_server)
    return EFFECTS[outcome]


def _as_shown(request: HttpRequest, creative: Creative) -> dict[str, Any]:
    """Bind the form to the page whose link was followed, if there was one."""
    revision = whole_number(request.GET.get("revision", ""), digits=9)
    standing = request.GET.get("standing", "")
    return {
        "shown_revision": creative.revision if revision is None else revision,
        "shown_standing": standing if standing in dict(STANDINGS) else creative.standing,
    }


def _decide(
    request: HttpRequest, creative: Creative, outcome: ReviewOutcome, said: dict[str, Any]
) -> str | None:
    decided = creative_review(
        creative_pk=creative.pk,
        approve=outcome == ReviewOutcome.APPROVED,
        reason=said.get("reason", ""),
        reviewer=seller_of(request),
        shown_revision=said["shown_revision"],
        shown_standing=said["shown_standing"] or _expected(outcome),
    )
    if not decided.is_passed_on:
        return None
    ad_server = creative.account.publisher.ad_server_name
    return f"“{creative.name}” is approved here; {ad_server} reviews it now."


def _expected(outcome: ReviewOutcome) -> str:
    """Return where a creative must stand for this decision, when the form does not say."""
    is_revoked = outcome == ReviewOutcome.REVOKED
    return CreativeStatus.APPROVED if is_revoked else CreativeStatus.PENDING_REVIEW


@never_cache
@require_http_methods(["POST"])
def approve_many(request: HttpRequest) -> HttpResponse:
    """Show the creatives that were picked, and approve each on the second POST.

    Each is decided by itself, at the revision that was shown: one that cannot be approved any
    more does not keep the others.
    """
    require_reviewer(request)
    picks = _picks(request)
    if not picks:
        messages.warning(request, "Choose the creatives that you want to approve.")
        return redirect("admin:creative_review")
    if "confirmed" not in request.POST:
        return _asked_once_more(request, picks)
    decided = [_approved(request, pk, revision) for pk, revision in picks.items()]
    approved = [creative for creative in decided if creative is not None]
    if approved:
        messages.success(request, _approved_in_words(approved))
    return redirect("admin:creative_review")


def _approved_in_words(approved: Sequence[Creative]) -> str:
    words = f"{len(approved)} creative{'s' if len(approved) != 1 else ''} approved"
    passed_on = [creative for creative in approved if creative.is_passed_on]
    if not passed_on:
        return f"{words}."
    ad_server = passed_on[0].account.publisher.ad_server_name
    number = "them" if len(passed_on) == len(approved) > 1 else str(len(passed_on))
    return f"{words}; {ad_server} reviews {number if len(approved) > 1 else 'it'} now."


def _asked_once_more(request: HttpRequest, picks: dict[int, int]) -> HttpResponse:
    rows = review_rows(list(picks), now=timezone.now())
    passed_on = [row.creative for row in rows if is_passed_on_when_approved(row.creative)]
    context = {
        "title": "Creative review",
        "rows": rows,
        "ad_server": passed_on[0].account.publisher.ad_server_name if passed_on else "",
        "picks": [f"{pk}-{revision}" for pk, revision in picks.items()],
    }
    return desk_page(request, "desk/creative_approve_many.html", context)


def _picks(request: HttpRequest) -> dict[int, int]:
    """Return the picked creatives' primary keys with the revision that was shown of each."""
    found = [PICK.fullmatch(pick) for pick in request.POST.getlist("pick")[:PAGE_SIZE]]
    return {int(match["pk"]): int(match["revision"]) for match in found if match is not None}


def _approved(request: HttpRequest, pk: int, revision: int) -> Creative | None:
    try:
        return creative_review(
            creative_pk=pk,
            approve=True,
            reason="",
            reviewer=seller_of(request),
            shown_revision=revision,
            shown_standing=CreativeStatus.PENDING_REVIEW,
        )
    except TradeError as refusal:
        name = Creative.objects.filter(pk=pk).values_list("name", flat=True).first()
        messages.error(request, f"“{name or 'A creative'}” is not approved: {refusal.message}")
        return None
