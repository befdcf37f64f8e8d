"""The approval rules that staff edit: every edit is a new version, and none is ever changed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html, format_html_join
from django.utils.text import slugify
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget

from mediabuys.admin.base import DeskModelAdmin
from mediabuys.admin.fields import WordsField
from tasks_hitl.admin.people import person_of
from tasks_hitl.models import RuleVersion
from tasks_hitl.services import rule_revise
from tasks_hitl.states import RuleKind

PARAMETERS: dict[str, str] = {
    RuleKind.UNDER_RATE_CARD: "percent",
    RuleKind.STARTS_SOON: "hours",
    RuleKind.CATEGORY: "categories",
    RuleKind.NEW_BUYER: "minimum_accepted_buys",
}
KEY_LENGTH = 60


class RuleForm(forms.ModelForm):
    """A rule with its parameters as plain fields; each kind has at most one."""

    percent = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=1,
        label="Discount that needs nobody, in percent",
        help_text="An order with a deeper discount under rate card waits. 0: every discount waits.",
        widget=UnfoldAdminDecimalFieldWidget,
    )
    hours = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=24 * 365,
        decimal_places=1,
        label="Hours before the start",
        help_text="An order whose flight starts sooner waits.",
        widget=UnfoldAdminDecimalFieldWidget,
    )
    categories = WordsField(
        required=False,
        label="Categories",
        help_text="Product categories or advertiser industries, with commas: politics, gambling.",
    )
    minimum_accepted_buys = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1000,
        label="Accepted buys that make a buyer known",
        help_text="Orders of a buyer with fewer wait.",
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = RuleVersion
        fields = ("name", "kind", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "kind" in self.fields:
            self.fields["kind"].disabled = True
        for name, value in (self.instance.parameters or {}).items():
            if name in self.fields:
                self.initial[name] = value

    def clean(self) -> dict[str, Any]:
        """Require the parameter of the chosen kind, and a key that no other rule has."""
        cleaned = super().clean() or {}
        needed = PARAMETERS.get(self.kind)
        if needed and cleaned.get(needed) in (None, "", []):
            self.add_error(needed, "This kind of rule needs it.")
        if not self.instance.pk and "name" in cleaned:
            self._check_key(cleaned["name"])
        return cleaned

    def _check_key(self, name: str) -> None:
        if not self.rule_key:
            self.add_error("name", "Use a name with letters or digits.")
        elif RuleVersion.objects.filter(rule_key=self.rule_key).exists():
            self.add_error("name", f"There is already a rule with this name: {name}.")

    @property
    def kind(self) -> str:
        """The rule's kind; it never changes after the first version."""
        if self.instance.pk:
            return self.instance.kind
        return str(self.cleaned_data.get("kind", ""))

    @property
    def rule_key(self) -> str:
        """What names the rule in every trace."""
        return self.instance.rule_key or slugify(self.cleaned_data.get("name", ""))[:KEY_LENGTH]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the rule's kind, as JSON keeps them."""
        name = PARAMETERS.get(self.kind)
        if name is None:
            return {}
        value = self.cleaned_data[name]
        return {name: value if isinstance(value, list | int) else float(value)}


@admin.register(RuleVersion)
class RuleAdmin(DeskModelAdmin):
    """Rules in force; saving one puts its next version in force."""

    form = RuleForm
    list_display = (
        "name",
        "kind",
        "shown_parameters",
        "shown_state",
        "version",
        "created_by",
        "created_at",
    )
    list_select_related = ("created_by",)
    search_fields = ("name", "rule_key")
    conditional_fields = {name: f"kind == '{kind}'" for kind, name in PARAMETERS.items()}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleVersion]:
        """List rules, not versions; an old version opens by its own address."""
        rows: QuerySet[RuleVersion] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.filter(is_current=True) if is_list else rows

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Past versions stay as they were, because past orders name them."""
        is_past = isinstance(obj, RuleVersion) and not obj.is_current
        return not is_past and bool(super().has_change_permission(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: RuleVersion | None = None) -> Any:
        """Show the parameter of the rule's kind, and its versions once there are some."""
        if obj is None:
            fields: tuple[Any, ...] = ("name", "kind", *PARAMETERS.values(), "is_enabled")
            return ((None, {"fields": fields}),)
        editable = self.has_change_permission(request, obj)
        named = PARAMETERS.get(obj.kind)
        parameter = (named,) if named and editable else ("shown_parameters",)
        return (
            (None, {"fields": ("name", "kind", *parameter, "is_enabled")}),
            ("Versions", {"fields": ("shown_versions",)}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: RuleVersion | None = None
    ) -> tuple[str, ...]:
        """Versions are only shown."""
        return ("shown_parameters", "shown_versions") if obj else ()

    def save_model(
        self,
        request: HttpRequest,
        obj: RuleVersion,
        form: RuleForm,
        change: bool,
    ) -> None:
        """Add the next version; the one that was edited stays as it was."""
        version = rule_revise(
            rule_key=form.rule_key,
            kind=RuleKind(form.kind),
            name=form.cleaned_data["name"],
            parameters=form.parameters,
            is_enabled=form.cleaned_data["is_enabled"],
            actor=person_of(request),
        )
        obj.pk, obj.version, obj.rule_key = version.pk, version.version, version.rule_key

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Offer one way to save: what is on the page becomes the version in force."""
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**buttons, **(extra_context or {})}
        )
        return response

    def response_change(self, request: HttpRequest, obj: RuleVersion) -> HttpResponse:
        """Say which version is in force now, and go back to the rules."""
        self.message_user(request, f"Version {obj.version} of “{obj.name}” is in force.")
        return redirect("admin:tasks_hitl_ruleversion_changelist")

    @display(description="Looks at")
    def shown_parameters(self, rule: RuleVersion) -> str:
        words = {
            RuleKind.UNDER_RATE_CARD: "discounts over {percent} %",
            RuleKind.STARTS_SOON: "starts within {hours:g} hours",
            RuleKind.NEW_BUYER: "buyers with fewer than {minimum_accepted_buys} buys",
            RuleKind.BUDGET: "the threshold of the account, else of the publisher",
            RuleKind.CREDIT: "the account's credit limit",
            RuleKind.GUARANTEED: "guaranteed products in the order",
            RuleKind.TERMS: "terms of the buyer's own",
        }
        if rule.kind == RuleKind.CATEGORY:
            return ", ".join(rule.parameters.get("categories", ()))
        try:
            return words[RuleKind(rule.kind)].format(**rule.parameters)
        except (KeyError, ValueError):
            return "no parameter: it stops every order"

    @display(description="In force", label={"on": "success", "off": "danger"})
    def shown_state(self, rule: RuleVersion) -> tuple[str, str]:
        return ("on", "On") if rule.is_enabled else ("off", "Off")

    @display(description="Versions")
    def shown_versions(self, rule: RuleVersion) -> str:
        versions = (
            RuleVersion.objects.filter(rule_key=rule.rule_key)
            .select_related("created_by")
            .order_by("-version")
        )
        rows = format_html_join(
            "",
            "<li>Version {}{}: {}, {}, by {}, {}</li>",
            (
                (
                    row.version,
                    " (in force)" if row.is_current else "",
                    row.name,
                    f"{self.shown_parameters(row)}{'' if row.is_enabled else ', switched off'}",
                    row.created_by or "the system",
                    f"{row.created_at:%-d %b %Y %H:%M} UTC",
                )
                for row in versions
            ),
        )
        return format_html("<ol>{}</ol>", rows)
