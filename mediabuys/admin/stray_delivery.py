"""Delivery that counts nowhere: what the ad server told, and why it has no place."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.models import StrayDelivery
from mediabuys.selectors.desk_words import DASH
from mediabuys.states import PASSING_STRAY_REASONS, StrayReason

REASON_LABELS = dict.fromkeys(StrayReason.values, "danger") | dict.fromkeys(
    PASSING_STRAY_REASONS, "info"
)
NO_BREAK = "\N{NO-BREAK SPACE}"


class PlaceFilter(admin.SimpleListFilter):
    """What counts nowhere yet, unless the person asks for the rest."""

    title = "place"
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices beside the one that the list opens with."""
        return [("found", "Found its place"), ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name what the list opens with."""
        first, *others = list(super().choices(changelist))
        yield {**first, "display": "Counts nowhere"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[StrayDelivery]
    ) -> QuerySet[StrayDelivery]:
        """Filter by what was chosen."""
        if self.value() == "all":
            return queryset
        return queryset.filter(settled_at__isnull=self.value() != "found")


@admin.register(StrayDelivery)
class StrayDeliveryAdmin(ReadOnlyAdmin):
    """Rows of the ad server's report without a package; nobody edits what another party said."""

    list_display = (
        "shown_hour",
        "shown_reason",
        "shown_figures",
        "order_reference",
    )
    list_filter = (PlaceFilter, "reason")
    search_fields = ("order_reference", "package_ref")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("reason", "shown_outlook"),
                    ("order_reference", "package_ref"),
                    ("first_seen_at", "checked_at", "settled_at"),
                    "shown_row",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is shown and nothing edited."""
        return ("shown_outlook", "shown_row")

    @display(description="Hour")
    def shown_hour(self, stray: StrayDelivery) -> str:
        try:
            hour = datetime.fromisoformat(stray.row["hour"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError, OverflowError):
            return DASH
        return f"{hour:%-d %b %Y, %H:%M} UTC".replace(" ", NO_BREAK)

    @display(description="Why", ordering="reason", label=REASON_LABELS)
    def shown_reason(self, stray: StrayDelivery) -> tuple[str, str]:
        return stray.reason, stray.get_reason_display()

    @display(description="Delivered")
    def shown_figures(self, stray: StrayDelivery) -> str:
        impressions, spend = stray.row.get("impressions"), stray.row.get("spend")
        if not isinstance(impressions, int) or not isinstance(spend, str):
            return DASH
        return f"{impressions:,} impressions, {stray.row.get('currency')} {spend}"[:100]

    @display(description="What happens")
    def shown_outlook(self, stray: StrayDelivery) -> str:
        if stray.settled_at is not None:
            return "It has found its place and counts."
        if stray.reason in PASSING_STRAY_REASONS:
            return "Each import tries it again; it counts as soon as it can."
        return "It counts only when the ad server tells this hour anew. Ask whoever runs it."

    @display(description="As the ad server told it")
    def shown_row(self, stray: StrayDelivery) -> str:
        return format_html("<pre>{}</pre>", json.dumps(stray.row, indent=2, ensure_ascii=False))
