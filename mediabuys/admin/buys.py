"""Media buys, as they were sold: shown, archived, rejected and canceled, never edited."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from mediabuys.admin.base import ReadOnlyInline
from mediabuys.admin.buy_actions import BuyActions
from mediabuys.admin.buy_filters import ArchiveFilter, LiveFilter
from mediabuys.admin.buy_terms import TERMS, BuyTerms
from mediabuys.keyset import whole_number
from mediabuys.models import Event, MediaBuy, Package
from mediabuys.pricing import in_words
from mediabuys.selectors.desk_delivery import desk_delivery
from mediabuys.selectors.desk_targeting import targeting_in_words
from mediabuys.selectors.desk_words import flight_in_words
from mediabuys.selectors.trafficking_words import order_in_words
from mediabuys.states import WIRE_BUY_STATUSES, BuyStatus

STATUS_LABELS = {
    BuyStatus.DRAFT: "warning",
    BuyStatus.PENDING_CREATIVES: "warning",
    BuyStatus.PENDING_START: "info",
    BuyStatus.ACTIVE: "success",
    BuyStatus.PAUSED: "warning",
    BuyStatus.REJECTED: "danger",
    BuyStatus.DECLINED: "danger",
    BuyStatus.CANCELED: "danger",
}


class PackageInline(ReadOnlyInline):
    """The buy's lines."""

    model = Package
    fields = (
        "product",
        "pricing_option",
        "shown_budget",
        "shown_price",
        "impressions",
        "shown_targeting",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        """Join product and price."""
        rows: QuerySet[Package] = super().get_queryset(request)
        return rows.select_related("product", "pricing_option__product", "media_buy")

    @display(description="Budget")
    def shown_budget(self, package: Package) -> str:
        return in_words(package.budget, package.currency)

    @display(description="Unit price")
    def shown_price(self, package: Package) -> str:
        price = package.unit_price
        return "none" if price is None else f"{package.currency} {price.normalize():f}"

    @display(description="Targeting")
    def shown_targeting(self, package: Package) -> str:
        pairs = targeting_in_words(package.targeting_overlay)
        return "; ".join(f"{name}: {words}" for name, words in pairs) or "none"


class EventInline(ReadOnlyInline):
    """The buy's history."""

    model = Event
    fields = ("at", "action", "from_status", "to_status", "actor", "summary")
    readonly_fields = fields
    verbose_name_plural = "History"
    ordering = ("pk",)


@admin.register(MediaBuy)
class MediaBuyAdmin(BuyTerms, BuyActions):
    """Orders and buys, from draft to the end of their flight."""

    inlines = (PackageInline, EventInline)
    change_form_outer_before_template = "desk/_delivery.html"
    list_display = (
        "brand_domain",
        "shown_status",
        "account",
        "shown_agent",
        "shown_budget",
        "shown_flight",
        "shown_po",
    )
    list_filter = ("status", LiveFilter, ArchiveFilter)
    list_select_related = ("account", "principal")
    search_fields = (
        "media_buy_id",
        "reference",
        "context_id",
        "brand_domain",
        "po_number",
        "account__name",
        "principal__name",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("status", "shown_budget"),
                    ("brand_domain", "brand_id"),
                    ("account", "shown_agent"),
                    ("start_time", "end_time"),
                    ("confirmed_at", "creative_deadline"),
                    ("po_number", "agency_estimate_number"),
                    ("rejection_reason", "cancellation_reason"),
                    ("archived_at", "archived_by"),
                    "shown_approvals",
                    "shown_ad_server",
                )
            },
        ),
        ("Terms", {"fields": TERMS}),
        (
            "Identifiers",
            {
                "fields": (
                    ("media_buy_id", "revision"),
                    ("reference", "context_id"),
                    ("campaign_ref", "buyer_ref"),
                )
            },
        ),
    )

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def shown_status(self, buy: MediaBuy) -> tuple[str, str]:
        words = buy.get_status_display()
        return buy.status, words if buy.archived_at is None else f"{words}, archived"

    @display(description="Agent", ordering="principal__name")
    def shown_agent(self, buy: MediaBuy) -> str:
        return buy.principal.name

    @display(description="Flight", ordering="start_time")
    def shown_flight(self, buy: MediaBuy) -> str:
        return flight_in_words(buy.start_time, buy.end_time)

    @display(description="PO", ordering="po_number")
    def shown_po(self, buy: MediaBuy) -> str:
        return buy.po_number

    @display(description="Budget", ordering="total_budget")
    def shown_budget(self, buy: MediaBuy) -> str:
        return in_words(buy.total_budget, buy.currency)

    @display(description="Rules when it was ordered")
    def shown_approvals(self, buy: MediaBuy) -> str:
        outcome = {"wait": "Waited for a person", "accept": "Accepted at once"}.get(
            buy.policy.get("outcome", ""), "Not recorded"
        )
        rules = "; ".join(rule["explanation"] for rule in buy.policy.get("rules", ()))
        return format_html("{}{}", outcome, f": {rules}" if rules else "")

    @display(description="Ad server")
    def shown_ad_server(self, buy: MediaBuy) -> str:
        return order_in_words(buy) or "This order is not on the ad server."

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how an accepted buy delivers above everything else."""
        key = whole_number(object_id)
        buy = MediaBuy.objects.filter(pk=key, status__in=WIRE_BUY_STATUSES).first() if key else None
        if buy is not None and self.has_view_permission(request, buy):
            delivery = desk_delivery(buy, now=timezone.now())
            extra_context = {**(extra_context or {}), "delivery": delivery}
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return answer

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is shown and nothing edited."""
        return ("shown_agent", "shown_budget", "shown_approvals", "shown_ad_server", *TERMS)
