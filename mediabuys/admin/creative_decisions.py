"""Deciding on creatives: one with its reason, or several at once."""

import re
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
from mediabuys.errors import TradeError
from mediabuys.keyset import whole_number
from mediabuys.models import Creative
from mediabuys.selectors.creative_queue import PAGE_SIZE, review_rows
from mediabuys.services.creatives import creative_review
from mediabuys.states import CREATIVE_MOVES, CreativeStatus, ReviewOutcome

REVIEW = "mediabuys.change_creative"
VERBS = {
    ReviewOutcome.APPROVED: ("Approve", "approved"),
    ReviewOutcome.REJECTED: ("Reject", "rejected"),
    ReviewOutcome.REVOKED: ("Revoke", "revoked"),
}
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
    shown_status = forms.ChoiceField(
        choices=CreativeStatus.choices, required=False, widget=forms.HiddenInput
    )


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
    found = []
    if creative.status in CREATIVE_MOVES["approve"].sources:
        found.append(ReviewOutcome.APPROVED)
    if creative.status == CreativeStatus.APPROVED:
        found.append(ReviewOutcome.REVOKED)
    elif creative.status in CREATIVE_MOVES["reject"].sources:
        found.append(ReviewOutcome.REJECTED)
    return found


def require_reviewer(request: HttpRequest) -> None:
    """Refuse whoever may not decide on creatives."""
    if not request.user.has_perm(REVIEW):
        raise PermissionDenied("Your role may look at creatives, but not decide on them.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def decision(request: HttpRequest, pk: int, outcome: ReviewOutcome) -> HttpResponse:
    """Ask once more, with the reason where there must be one, and decide on POST."""
    creative = Creative.objects.filter(pk=pk).first()
    if creative is None:
        raise Http404("There is no such creative.")
    require_reviewer(request)
    verb, done = VERBS[outcome]
    effect = EFFECTS[outcome]
    if outcome not in outcomes_of(creative):
        effect = f"It is {creative.get_status_display().lower()} and cannot be {done} now."
    form_class = ReviewForm if outcome == ReviewOutcome.APPROVED else RefuseCreativeForm
    return confirmed(
        request,
        says=Confirmation(
            title=f"{verb} “{creative.name}”?",
            effect=effect,
            submit=f"{verb} this creative",
            back=reverse("admin:mediabuys_creative_change", args=[creative.pk]),
            done=f"“{creative.name}” is {done}.",
            is_bad=outcome != ReviewOutcome.APPROVED,
        ),
        form=form_class(request.POST or None, initial=_as_shown(request, creative)),
        act=lambda form: _decide(request, creative, outcome, form.cleaned_data),
    )


def _as_shown(request: HttpRequest, creative: Creative) -> dict[str, Any]:
    """Bind the form to the page whose link was followed, if there was one."""
    revision = whole_number(request.GET.get("revision", ""), digits=9)
    status = request.GET.get("status", "")
    return {
        "shown_revision": creative.revision if revision is None else revision,
        "shown_status": status if status in CreativeStatus.values else creative.status,
    }


def _decide(
    request: HttpRequest, creative: Creative, outcome: ReviewOutcome, said: dict[str, Any]
) -> None:
    creative_review(
        creative_pk=creative.pk,
        approve=outcome == ReviewOutcome.APPROVED,
        reason=said.get("reason", ""),
        reviewer=seller_of(request),
        shown_revision=said["shown_revision"],
        shown_status=said["shown_status"] or _expected(outcome),
    )


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
    approved = [_approved(request, pk, revision) for pk, revision in picks.items()]
    if any(approved):
        number = approved.count(True)
        messages.success(request, f"{number} creative{'s' if number != 1 else ''} approved.")
    return redirect("admin:creative_review")


def _asked_once_more(request: HttpRequest, picks: dict[int, int]) -> HttpResponse:
    context = {
        "title": "Creative review",
        "rows": review_rows(list(picks), now=timezone.now()),
        "picks": [f"{pk}-{revision}" for pk, revision in picks.items()],
    }
    return desk_page(request, "desk/creative_approve_many.html", context)


def _picks(request: HttpRequest) -> dict[int, int]:
    """Return the picked creatives' primary keys with the revision that was shown of each."""
    found = [PICK.fullmatch(pick) for pick in request.POST.getlist("pick")[:PAGE_SIZE]]
    return {int(match["pk"]): int(match["revision"]) for match in found if match is not None}


def _approved(request: HttpRequest, pk: int, revision: int) -> bool:
    try:
        creative_review(
            creative_pk=pk,
            approve=True,
            reason="",
            reviewer=seller_of(request),
            shown_revision=revision,
            shown_status=CreativeStatus.PENDING_REVIEW,
        )
    except TradeError as refusal:
        name = Creative.objects.filter(pk=pk).values_list("name", flat=True).first()
        messages.error(request, f"“{name or 'A creative'}” is not approved: {refusal.message}")
        return False
    return True
