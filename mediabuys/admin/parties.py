"""Who sells and who buys."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from mediabuys.admin.base import DeskModelAdmin, ReadOnlyInline
from mediabuys.admin.fields import GovernanceAgentField
from mediabuys.models import Account, AccountAccess, Principal, Publisher
from mediabuys.pricing import in_words
from mediabuys.services.publishers import publisher_save
from mediabuys.states import AccountStatus, PrincipalStatus


def _timezones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class PublisherForm(forms.ModelForm):
    """The publisher's settings."""

    timezone = forms.ChoiceField(choices=_timezones, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Publisher
        fields = "__all__"  # noqa: DJ007 (the admin's fieldsets name what is edited)

    def clean(self) -> dict[str, Any]:
        """Refuse a business day that ends before it begins, and proposals that never stand."""
        cleaned = super().clean() or {}
        start, end = cleaned.get("business_day_start"), cleaned.get("business_day_end")
        if start and end and end <= start:
            self.add_error("business_day_end", "The business day must end after it begins.")
        if cleaned.get("proposal_validity_hours") == 0:
            self.add_error("proposal_validity_hours", "A proposal must stand for an hour at least.")
        return cleaned


@admin.register(Publisher)
class PublisherAdmin(DeskModelAdmin):
    """The one publisher; the list leads straight to it."""

    form = PublisherForm
    readonly_fields = ("measured_approval_estimate",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "domain"),
                    "description",
                    ("currency", "timezone"),
                    "ad_server_name",
                )
            },
        ),
        (
            "Approvals",
            {
                "fields": (
                    "approval_budget_threshold",
                    ("business_day_start", "business_day_end"),
                    ("approval_due_business_hours", "approval_expiry_business_days"),
                    ("default_approval_estimate", "measured_approval_estimate"),
                    "staff_notice_emails",
                )
            },
        ),
        ("Creatives", {"fields": (("creative_approval_mode", "creative_deadline_hours"),)}),
        ("Proposals", {"fields": (("proposal_validity_hours", "signature_threshold"),)}),
        ("Older surface", {"fields": ("allows_legacy_account_filter",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is exactly one."""
        return bool(super().has_add_permission(request)) and not Publisher.objects.exists()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Open the one publisher."""
        publisher = Publisher.objects.first()
        if publisher is not None and self.has_view_permission(request):
            return redirect("admin:mediabuys_publisher_change", publisher.pk)
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def save_model(
        self,
        request: HttpRequest,
        obj: Publisher,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        """Save, and keep the destination of staff mail in step."""
        publisher_save(publisher=obj)


class AccessInline(ReadOnlyInline):
    """Which agents may act on the account."""

    model = AccountAccess
    fields = ("principal", "created_at")
    readonly_fields = fields
    verbose_name_plural = "Agents"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountAccess]:
        """Join the agent."""
        rows: QuerySet[AccountAccess] = super().get_queryset(request)
        return rows.select_related("principal", "account")


class AccountForm(forms.ModelForm):
    """What staff set of an account."""

    governance_agents = GovernanceAgentField(
        required=False,
        label="Governance agent",
        help_text="Its https address. Where the deployment asks for it, orders on this account"
        " must then name their campaign plan (plan_id).",
    )

    class Meta:
        model = Account
        fields = "__all__"  # noqa: DJ007 (the admin's fieldsets name what is edited)


@admin.register(Account)
class AccountAdmin(DeskModelAdmin):
    """Accounts as buyers declared them; staff set credit, threshold and governance agent."""

    form = AccountForm
    inlines = (AccessInline,)
    list_display = ("name", "owner", "shown_status", "shown_credit", "payment_terms", "sandbox")
    list_filter = ("status", "sandbox")
    list_select_related = ("owner",)
    search_fields = ("name", "account_id", "brand_domain", "operator_domain", "owner__name")
    readonly_fields = (
        "account_id",
        "owner",
        "status",
        "brand_domain",
        "brand_id",
        "operator_domain",
        "sandbox",
        "billing",
        "currency",
        "created_at",
        "shown_governance_agent",
    )
    fieldsets = (
        (None, {"fields": ("name", ("status", "sandbox"), "owner", "account_id")}),
        ("Brand", {"fields": (("brand_domain", "brand_id", "operator_domain"),)}),
        (
            "Money",
            {
                "fields": (
                    ("billing", "payment_terms", "currency"),
                    ("credit_limit", "approval_budget_threshold"),
                )
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> list[Any]:
        """Add the governance agent: to be edited, or in words for who may only look."""
        may_edit = self.has_change_permission(request, obj)
        field = "governance_agents" if may_edit else "shown_governance_agent"
        return [*super().get_fieldsets(request, obj), ("Governance", {"fields": (field,)})]

    @display(description="Governance agent")
    def shown_governance_agent(self, account: Account) -> str:
        return ", ".join(agent["url"] for agent in account.governance_agents) or "none"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Buyers declare their accounts."""
        return False

    @display(
        description="Status",
        ordering="status",
        label={
            AccountStatus.ACTIVE: "success",
            AccountStatus.PENDING_APPROVAL: "warning",
            AccountStatus.PAYMENT_REQUIRED: "danger",
            AccountStatus.SUSPENDED: "danger",
            AccountStatus.REJECTED: "danger",
        },
    )
    def shown_status(self, account: Account) -> tuple[str, str]:
        return account.status, account.get_status_display()

    @display(description="Credit limit", ordering="credit_limit")
    def shown_credit(self, account: Account) -> str:
        limit = account.credit_limit
        return "none" if limit is None else in_words(limit, account.currency)


@admin.register(Principal)
class PrincipalAdmin(DeskModelAdmin):
    """Buyers' agents; their tokens are a page of their own."""

    list_display = ("name", "domain", "shown_status", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "principal_id", "domain")
    readonly_fields = "principal_id", "created_at"
    fieldsets = ((None, {"fields": (("name", "domain"), "status", "principal_id", "created_at")}),)

    @display(
        description="Status",
        ordering="status",
        label={
            PrincipalStatus.ACTIVE: "success",
            PrincipalStatus.SUSPENDED: "warning",
            PrincipalStatus.BLOCKED: "danger",
        },
    )
    def shown_status(self, principal: Principal) -> tuple[str, str]:
        return principal.status, principal.get_status_display()
