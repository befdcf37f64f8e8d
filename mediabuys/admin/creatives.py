"""Creatives and their review."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display

from mediabuys.admin.base import ReadOnlyAdmin, ReadOnlyInline
from mediabuys.admin.confirm import Confirmation, confirmed
from mediabuys.models import Creative, CreativeAssignment
from mediabuys.services.creatives import creative_review
from mediabuys.states import CREATIVE_MOVES, CreativeStatus

REVIEW = "mediabuys.change_creative"


class ReviewForm(forms.Form):
    """What the reviewer saw."""

    shown_revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class RejectCreativeForm(ReviewForm):
    """What the reviewer saw, and why it cannot run."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="The buyer reads this as it stands.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AssignmentInline(ReadOnlyInline):
    """Where the creative serves."""

    model = CreativeAssignment
    fields = ("package", "weight", "assigned_at")
    readonly_fields = fields
    verbose_name_plural = "Packages"


@admin.register(Creative)
class CreativeAdmin(ReadOnlyAdmin):
    """Creatives as buyers sent them; a person approves or rejects."""

    inlines = (AssignmentInline,)
    list_display = ("name", "shown_status", "account", "shown_agent", "format_key", "updated_at")
    list_filter = ("status", "format_key")
    list_select_related = ("account", "principal")
    search_fields = ("name", "creative_id", "account__name", "principal__name")
    actions_detail = ("approve_creative", "reject_creative")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "status"),
                    ("account", "shown_agent"),
                    ("format_key", "revision"),
                    "shown_assets",
                    ("rejection_reason", "reviewed_by"),
                    ("creative_id", "updated_at"),
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is shown and nothing edited."""
        return ("shown_agent", "shown_assets")

    @display(
        description="Status",
        ordering="status",
        label={
            CreativeStatus.APPROVED: "success",
            CreativeStatus.PENDING_REVIEW: "warning",
            CreativeStatus.PROCESSING: "info",
            CreativeStatus.REJECTED: "danger",
            CreativeStatus.SUSPENDED: "danger",
        },
    )
    def shown_status(self, creative: Creative) -> tuple[str, str]:
        return creative.status, creative.get_status_display()

    @display(description="Agent", ordering="principal__name")
    def shown_agent(self, creative: Creative) -> str:
        return creative.principal.name

    @display(description="Assets")
    def shown_assets(self, creative: Creative) -> str:
        return format_html_join("", "<div><strong>{}</strong>: {}</div>", _assets(creative))

    def has_review_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether this person reviews creatives."""
        return request.user.has_perm(REVIEW)

    @action(description="Approve…", url_path="approve", permissions=["review"])
    def approve_creative(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _review(request, object_id, approve=True)

    @action(description="Reject…", url_path="reject", permissions=["review"])
    def reject_creative(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _review(request, object_id, approve=False)


def _assets(creative: Creative) -> list[tuple[str, str]]:
    return [(name, _asset_in_words(asset)) for name, asset in creative.assets.items()]


def _asset_in_words(asset: Any) -> str:
    if not isinstance(asset, dict):
        return str(asset)
    address = str(asset.get("url", ""))
    if address.startswith(("https://", "http://")):
        # A link, never an image: the desk loads nothing from a buyer's address by itself.
        return format_html(
            '<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>', address, address
        )
    return str(asset.get("content") or asset)


def _review(request: HttpRequest, object_id: str, *, approve: bool) -> HttpResponse:
    creative = Creative.objects.filter(pk=object_id).first() if object_id.isdigit() else None
    if creative is None:
        raise Http404("There is no such creative.")
    if not request.user.has_perm(REVIEW):
        raise PermissionDenied
    if creative.status not in CREATIVE_MOVES["approve" if approve else "reject"].sources:
        verb = "approved" if approve else "rejected"
        says = f"It is {creative.get_status_display().lower()} and cannot be {verb} now."
    elif approve:
        says = "Lets it serve at once on every package that it is assigned to."
    else:
        says = "Keeps it from serving. The buyer reads your reason and can send another version."
    form_class = ReviewForm if approve else RejectCreativeForm
    return confirmed(
        request,
        says=Confirmation(
            title=f"{'Approve' if approve else 'Reject'} “{creative.name}”?",
            effect=says,
            submit=f"{'Approve' if approve else 'Reject'} this creative",
            back=reverse("admin:mediabuys_creative_change", args=[creative.pk]),
            done=f"“{creative.name}” is {'approved' if approve else 'rejected'}.",
            is_bad=not approve,
        ),
        form=form_class(request.POST or None, initial={"shown_revision": creative.revision}),
        act=lambda form: creative_review(
            creative_pk=creative.pk,
            approve=approve,
            reason=form.cleaned_data.get("reason", ""),
            reviewer=request.user.get_username(),
            shown_revision=form.cleaned_data["shown_revision"],
        ),
    )
