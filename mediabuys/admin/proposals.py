"""Proposals: the list, the page of one, and what staff do to it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.decorators import display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.admin.confirm import CONFLICT, Confirmation, confirmed
from mediabuys.admin.page import desk_page, refusal_in_words, seller_of
from mediabuys.admin.proposal_forms import ProposalForm, consequence
from mediabuys.errors import TradeError
from mediabuys.keyset import whole_number
from mediabuys.models import Proposal
from mediabuys.pricing import in_words
from mediabuys.selectors.desk_words import DASH
from mediabuys.selectors.proposal_desk import ProposalFacts, proposal_facts
from mediabuys.services.proposal_revisions import proposal_revise, proposal_withdraw
from mediabuys.states import ProposalStatus

VIEW = "mediabuys.view_proposal"
CHANGE = "mediabuys.change_proposal"
STATUS_LABELS = {
    ProposalStatus.DRAFT: "info",
    ProposalStatus.COMMITTED: "success",
    ProposalStatus.WITHDRAWN: "danger",
}
UNPROCESSABLE = 422


class WithdrawForm(forms.Form):
    """Why it is taken back."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="For your colleagues, in the proposal's history. The buyer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    """Plans that agents were offered; staff shape them and take them back."""

    list_display = (
        "name",
        "shown_status",
        "shown_agent",
        "account",
        "brand_domain",
        "shown_value",
        "shown_expiry",
    )
    list_filter = ("status", "requires_signature")
    list_select_related = ("account", "principal")
    search_fields = (
        "proposal_id",
        "io_id",
        "name",
        "brand_domain",
        "principal__name",
        "account__name",
    )

    def get_urls(self) -> list[URLPattern]:
        """Put our pages before the admin's own, which would take any address."""
        pages = [
            path(
                "<int:pk>/edit/", self.admin_site.admin_view(edit), name="mediabuys_proposal_edit"
            ),
            path(
                "<int:pk>/withdraw/",
                self.admin_site.admin_view(withdraw),
                name="mediabuys_proposal_withdraw",
            ),
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one proposal: its plan, its insertion order and its history."""
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        facts = _facts(whole_number(object_id) or 0)
        context = {"facts": facts, "may_change": request.user.has_perm(CHANGE)}
        return _page(request, "desk/proposal.html", facts.proposal, context)

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def shown_status(self, proposal: Proposal) -> tuple[str, str]:
        return proposal.status, proposal.get_status_display()

    @display(description="Agent", ordering="principal__name")
    def shown_agent(self, proposal: Proposal) -> str:
        return proposal.principal.name

    @display(description="Value", ordering="recommended_budget")
    def shown_value(self, proposal: Proposal) -> str:
        return in_words(proposal.value, proposal.currency) if proposal.value else DASH

    @display(description="Stands until", ordering="expires_at")
    def shown_expiry(self, proposal: Proposal) -> str:
        moment = timezone.localtime(proposal.expires_at)
        is_over = proposal.expires_at <= timezone.now()
        return f"{moment:%-d %b %Y, %H:%M}{' (over)' if is_over else ''}"


def _facts(pk: int) -> ProposalFacts:
    facts = proposal_facts(pk=pk, now=timezone.now())
    if facts is None:
        raise Http404("There is no such proposal.")
    return facts


def _page(
    request: HttpRequest,
    template: str,
    proposal: Proposal,
    context: dict[str, Any],
    status: int = 200,
) -> TemplateResponse:
    shown = {"title": "Proposal", "proposal": proposal, **context}
    return desk_page(request, template, shown, status=status)


def _require_change(request: HttpRequest) -> None:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied("Your role may look at proposals, but not change them.")


def _address(proposal: Proposal) -> str:
    return reverse("admin:mediabuys_proposal_change", args=[proposal.pk])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form with what saving does, and save on POST."""
    _require_change(request)
    facts = _facts(pk)
    form = ProposalForm(request.POST or None, proposal=facts.proposal)
    status = 200
    if request.method == "POST":
        status = UNPROCESSABLE
        if form.is_valid():
            try:
                changes = proposal_revise(
                    proposal_pk=pk,
                    revision=form.revision(),
                    shown_at=form.cleaned_data["shown_at"],
                    actor=seller_of(request),
                    now=timezone.now(),
                )
            except TradeError as error:
                form.refuse(error.field, refusal_in_words(error))
                status = CONFLICT
            else:
                said = "; ".join(changes) if changes else "Nothing was different"
                messages.success(request, f"“{facts.proposal.name}”: {said}.")
                return redirect(_address(facts.proposal))
    context = {"facts": facts, "form": form, "consequence": consequence(facts.proposal)}
    return _page(request, "desk/proposal_edit.html", facts.proposal, context, status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once more and for the reason, and withdraw on POST."""
    _require_change(request)
    proposal = _facts(pk).proposal
    effect = (
        "Takes it back at once. The agent is told that there is no such proposal, also when it"
        " orders by it; orders that were placed before stay as they are. It cannot be undone."
    )
    return confirmed(
        request,
        says=Confirmation(
            title=f"Withdraw “{proposal.name}” for {proposal.principal.name}?",
            effect=effect,
            submit="Withdraw this proposal",
            back=_address(proposal),
            done=f"“{proposal.name}” is withdrawn.",
            is_bad=True,
        ),
        form=WithdrawForm(request.POST or None),
        act=lambda form: proposal_withdraw(
            proposal_pk=pk,
            reason=form.cleaned_data["reason"],
            actor=seller_of(request),
            now=timezone.now(),
        ),
    )
