"""What was sent to whom, for staff to look at: nothing here can be changed."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from webhooks.models import Attempt, Delivery, Destination
from webhooks.selectors import redacted_url
from webhooks.states import AttemptOutcome, DeliveryStatus

# A buyer's own words come back in a message under these names; they may be secrets.
HIDDEN_MEMBERS = frozenset({"token", "credentials", "authorization"})
STATUS_COLOURS = {
    DeliveryStatus.PENDING.label: "info",
    DeliveryStatus.DELIVERED.label: "success",
    DeliveryStatus.STOPPED.label: "warning",
    DeliveryStatus.DEAD.label: "danger",
}
OUTCOME_COLOURS = {
    AttemptOutcome.PENDING.label: "info",
    AttemptOutcome.SUCCESS.label: "success",
    AttemptOutcome.FAILED.label: "danger",
    AttemptOutcome.TIMEOUT.label: "danger",
    AttemptOutcome.CONNECTION_ERROR.label: "danger",
}


class LookOnly:
    """Rows that staff may see and nobody may touch."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False


class AttemptInline(LookOnly, TabularInline):
    model = Attempt
    extra = 0
    fields = ["number", "started_at", "shown_outcome", "http_status", "response_ms", "error"]
    readonly_fields = fields
    ordering = ["-number"]
    verbose_name_plural = "attempts, newest first"

    @display(description="Outcome", label=OUTCOME_COLOURS)
    def shown_outcome(self, attempt: Attempt) -> str:
        return attempt.get_outcome_display()


@admin.register(Destination)
class DestinationAdmin(LookOnly, ModelAdmin):
    list_display = ["shown_url", "owner_key", "kind", "scheme", "health", "created_at"]
    list_filter = ["kind", "scheme", ("paused_at", admin.EmptyFieldListFilter)]
    search_fields = ["owner_key", "url", "public_id"]
    show_full_result_count = False
    fields = [
        "public_id",
        "shown_url",
        "owner_key",
        "kind",
        "scheme",
        "health",
        "consecutive_failures",
        "circuit_open_until",
        "paused_at",
        "paused_because",
        "created_at",
    ]
    readonly_fields = fields

    @display(description="Address")
    def shown_url(self, destination: Destination) -> str:
        return redacted_url(destination.url)

    @display(
        description="Health",
        label={"Well": "success", "Failing": "warning", "Resting": "danger", "Paused": "danger"},
    )
    def health(self, destination: Destination) -> str:
        if destination.paused_at:
            return "Paused"
        if destination.circuit_open_until:
            return "Resting"
        return "Failing" if destination.consecutive_failures else "Well"


@admin.register(Delivery)
class DeliveryAdmin(LookOnly, ModelAdmin):
    list_display = [
        "subject_key",
        "kind",
        "shown_status",
        "address",
        "attempt_count",
        "created_at",
        "settled_at",
    ]
    list_filter = ["status", "kind", "destination__kind"]
    search_fields = ["subject_key", "owner_key", "idempotency_key", "public_id"]
    list_select_related = ["destination"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    ordering = ["-created_at", "-id"]
    inlines = [AttemptInline]
    fields = [
        "public_id",
        "subject_key",
        "kind",
        "sequence",
        "shown_status",
        "stopped_because",
        "address",
        "owner_key",
        "idempotency_key",
        "created_at",
        "first_attempt_at",
        "next_attempt_at",
        "horizon_at",
        "settled_at",
        "shown_body",
    ]
    readonly_fields = fields

    @display(description="Status", label=STATUS_COLOURS, ordering="status")
    def shown_status(self, delivery: Delivery) -> str:
        return delivery.get_status_display()

    @display(description="Address")
    def address(self, delivery: Delivery) -> str:
        return redacted_url(delivery.destination.url)

    @display(description="Body")
    def shown_body(self, delivery: Delivery) -> SafeString:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', _readable(delivery))


@admin.register(Attempt)
class AttemptAdmin(LookOnly, ModelAdmin):
    list_display = [
        "started_at",
        "subject",
        "number",
        "shown_outcome",
        "http_status",
        "response_ms",
        "error",
    ]
    list_filter = ["outcome", "http_status"]
    search_fields = ["delivery__subject_key", "delivery__idempotency_key"]
    date_hierarchy = "started_at"
    show_full_result_count = False
    ordering = ["-started_at", "-id"]
    fields = [
        "delivery",
        "number",
        "started_at",
        "completed_at",
        "shown_outcome",
        "http_status",
        "response_ms",
        "error",
        "payload_bytes",
        "response_headers",
        "response_excerpt",
    ]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        return super().get_queryset(request).select_related("delivery")

    @display(description="About")
    def subject(self, attempt: Attempt) -> str:
        return attempt.delivery.subject_key

    @display(description="Outcome", label=OUTCOME_COLOURS, ordering="outcome")
    def shown_outcome(self, attempt: Attempt) -> str:
        return attempt.get_outcome_display()


def _readable(delivery: Delivery) -> str:
    """Return the message for reading, without what may be the receiver's secrets."""
    text = bytes(delivery.body).decode("utf-8", "replace")
    try:
        return json.dumps(_without_secrets(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: "•••" if name.lower() in HIDDEN_MEMBERS else _without_secrets(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(member) for member in value]
    return value
