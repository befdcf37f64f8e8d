"""Buyers' tokens in the admin: issued once in the clear, revoked by a confirmed POST."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from adcp_sales.protocol.auth import token_issue, token_revoke
from adcp_sales.protocol.models import ApiToken

PERMISSION = "protocol.change_apitoken"


class TokenIssueForm(forms.ModelForm):
    """What a new token is for, and until when."""

    class Meta:
        model = ApiToken
        fields = ["principal", "name", "expires_at"]
        widgets = {"name": UnfoldAdminTextInputWidget}
        field_classes = {"expires_at": forms.SplitDateTimeField}

    expires_at = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="Empty: until it is revoked.",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Tokens by agent; their secrets are nowhere to be read."""

    form = TokenIssueForm
    list_display = ["name", "principal", "prefix", "shown_state", "last_used_at", "created_at"]
    list_filter = ["principal"]
    list_select_related = ["principal"]
    search_fields = ["name", "prefix", "principal__name"]
    show_full_result_count = False
    actions_detail = ["revoke"]

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django's signature)
        obj: ApiToken | None = None,
    ) -> list[str]:
        """A token is never edited: only issued and revoked."""
        if obj is None:
            return []
        return [
            "principal",
            "name",
            "prefix",
            "created_at",
            "created_by",
            "expires_at",
            "revoked_at",
            "last_used_at",
        ]

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        """Show what there is to fill in, or everything that is known."""
        return self.get_readonly_fields(request, obj) or ["principal", "name", "expires_at"]

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django's signature)
        obj: Any = None,  # noqa: ARG002
    ) -> bool:
        """Tokens are revoked, so that what they did stays attributable."""
        return False

    @display(description="state", label={"active": "success", "revoked": "danger"})
    def shown_state(self, obj: ApiToken) -> str:
        """Return whether the token still opens the door."""
        if obj.revoked_at is not None:
            return "revoked"
        if obj.expires_at is not None and obj.expires_at <= timezone.now():
            return "expired"
        return "active"

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiToken,
        form: Any,  # noqa: ARG002 (Django's signature)
        change: bool,  # noqa: FBT001
    ) -> None:
        """Issue the token and show its plain text this one time."""
        if change:
            return
        issued, plain = token_issue(
            principal=obj.principal,
            name=obj.name,
            expires_at=obj.expires_at,
            created_by=request.user.get_username(),
        )
        obj.pk, obj.prefix = issued.pk, issued.prefix
        obj.created_at = issued.created_at
        messages.warning(request, f"Copy the token now, it is not shown again: {plain}")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that confirms a revocation."""
        page = path(
            "<int:object_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="protocol_apitoken_confirm_revoke",
        )
        return [page, *super().get_urls()]

    def has_revoke_permission(self, request: HttpRequest, object_id: int | str) -> bool:
        """Offer the button only for a token that still works, to those who may."""
        is_live = ApiToken.objects.filter(pk=object_id, revoked_at=None).exists()
        return is_live and request.user.has_perm(PERMISSION)

    @action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: int) -> HttpResponse:  # noqa: ARG002
        """Go to the confirmation; nothing changes by following a link."""
        return redirect(reverse("admin:protocol_apitoken_confirm_revoke", args=[object_id]))

    def revoke_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask, and on POST revoke."""
        token = get_object_or_404(ApiToken.objects.select_related("principal"), pk=object_id)
        if not (isinstance(request.user, AbstractUser) and request.user.has_perm(PERMISSION)):
            raise PermissionDenied
        if request.method == "POST":
            token_revoke(token=token)
            messages.success(request, f"{token.name} no longer opens anything.")
            return redirect(reverse("admin:protocol_apitoken_change", args=[object_id]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revoke {token.name}?",
            "token": token,
            "opts": self.model._meta,  # noqa: SLF001 (Django's documented template context)
        }
        return TemplateResponse(request, "protocol/revoke_token.html", context)
