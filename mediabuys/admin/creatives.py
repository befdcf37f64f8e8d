"""Creatives: the list of all, and the page of one."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.admin.creative_decisions import PATHS, decision
from mediabuys.admin.creative_review import creative_page
from mediabuys.models import Creative
from mediabuys.selectors.desk import creatives_passed_on, creatives_to_review
from mediabuys.states import CreativeStatus, ReviewOutcome


class ReviewFilter(admin.SimpleListFilter):
    """Whose it is to review a creative that waits."""

    title = "review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two reviewers."""
        return [("ours", "Waits for us"), ("ad_server", "Under review at the ad server")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Creative]) -> QuerySet[Creative]:
        """Filter, when one is chosen."""
        if self.value() == "ours":
            return queryset & creatives_to_review()
        if self.value() == "ad_server":
            return queryset & creatives_passed_on()
        return queryset


@admin.register(Creative)
class CreativeAdmin(ReadOnlyAdmin):
    """Creatives as buyers sent them; a person approves, rejects or revokes."""

    list_display = ("name", "shown_status", "account", "shown_agent", "format_key", "updated_at")
    list_filter = ("status", ReviewFilter, "format_key")
    list_select_related = ("account", "principal")
    search_fields = ("name", "creative_id", "account__name", "principal__name")

    def get_urls(self) -> list[URLPattern]:
        """Put the pages of the decisions before the admin's own, which would take any address."""
        pages = [
            path(
                f"<int:pk>/{verb}/",
                self.admin_site.admin_view(decision),
                {"outcome": outcome},
                name=f"mediabuys_creative_{verb}",
            )
            for outcome, verb in PATHS.items()
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one creative: what is in it, where it serves, and its history."""
        return creative_page(request, object_id)

    @display(
        description="Status",
        ordering="status",
        label={
            CreativeStatus.APPROVED: "success",
            CreativeStatus.PENDING_REVIEW: "warning",
            CreativeStatus.PROCESSING: "info",
            ReviewOutcome.PASSED_ON: "info",
            CreativeStatus.REJECTED: "danger",
            CreativeStatus.SUSPENDED: "danger",
        },
    )
    def shown_status(self, creative: Creative) -> tuple[str, str]:
        if creative.is_passed_on:
            return ReviewOutcome.PASSED_ON, "Under review at the ad server"
        return creative.status, creative.get_status_display()

    @display(description="Agent", ordering="principal__name")
    def shown_agent(self, creative: Creative) -> str:
        return creative.principal.name
