"""Bookings on the ad server, and the one thing that staff do with them: try now."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from unfold.decorators import action, display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.admin.confirm import Confirmation, confirmed
from mediabuys.models import Booking
from mediabuys.pricing import in_words
from mediabuys.selectors.desk import troubled_bookings
from mediabuys.selectors.desk_words import DASH
from mediabuys.states import BookingStatus
from tasks_hitl.admin.people import person_of
from tasks_hitl.permissions import RETRY_BOOKINGS
from tasks_hitl.services import booking_retry

FRESH = timedelta(days=7)


class TroubleFilter(admin.SimpleListFilter):
    """Bookings that failed lately, or wait after a failed attempt."""

    title = "trouble"
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the one choice."""
        return [("yes", "Failed in 7 days, or tried again")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        """Filter, when it is chosen."""
        if self.value() != "yes":
            return queryset
        return queryset & troubled_bookings(since=timezone.now() - FRESH)


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    """Each order's way onto the ad server."""

    list_display = (
        "shown_buy",
        "queued_at",
        "shown_status",
        "step",
        "attempt_count",
        "shown_next_attempt",
        "error_message",
    )
    list_filter = ("status", TroubleFilter)
    list_select_related = ("media_buy",)
    search_fields = (
        "booking_id",
        "order_id",
        "media_buy__reference",
        "media_buy__media_buy_id",
        "media_buy__brand_domain",
    )
    actions_detail = ("try_now",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("status", "step"),
                    ("media_buy", "order_id"),
                    ("attempt_count", "shown_next_attempt"),
                    ("error_code", "error_message"),
                    ("queued_at", "settled_at"),
                    "booking_id",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is shown and nothing edited."""
        return ("shown_next_attempt",)

    @display(description="Buy", ordering="media_buy__brand_domain")
    def shown_buy(self, booking: Booking) -> str:
        buy = booking.media_buy
        return f"{buy.brand_domain}, {in_words(buy.total_budget, buy.currency)}"

    @display(description="Next attempt", ordering="next_attempt_at")
    def shown_next_attempt(self, booking: Booking) -> str:
        if booking.settled_at is not None:
            return DASH
        return date_format(timezone.localtime(booking.next_attempt_at), "DATETIME_FORMAT")

    @display(
        description="Status",
        ordering="status",
        label={
            BookingStatus.QUEUED: "warning",
            BookingStatus.BOOKING: "info",
            BookingStatus.BOOKED: "success",
            BookingStatus.FAILED: "danger",
        },
    )
    def shown_status(self, booking: Booking) -> tuple[str, str]:
        return booking.status, booking.get_status_display()

    def has_retry_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether this person may hurry this booking, and it waits."""
        if not request.user.has_perm(RETRY_BOOKINGS):
            return False
        rows = Booking.objects.filter(pk=object_id, status=BookingStatus.QUEUED)
        return object_id is None or rows.exists()

    @action(description="Try now…", url_path="try-now", permissions=["retry"])
    def try_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and on POST let a worker try the booking at once."""
        if not request.user.has_perm(RETRY_BOOKINGS):
            raise PermissionDenied
        booking = Booking.objects.select_related("media_buy").filter(pk=object_id).first()
        if booking is None:
            raise Http404("There is no such booking.")
        reason = f" Last time: {booking.error_message}" if booking.error_message else ""
        return confirmed(
            request,
            says=Confirmation(
                title=f"Try the booking of {booking.media_buy.brand_domain} now?",
                effect=f"A worker calls the ad server at once. Nothing is booked twice.{reason}",
                submit="Try now",
                back=reverse("admin:mediabuys_booking_change", args=[booking.pk]),
                done="The booking is tried again now.",
            ),
            form=forms.Form(request.POST or None),
            act=lambda _: booking_retry(booking_id=booking.booking_id, actor=person_of(request)),
        )
