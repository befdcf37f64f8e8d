"""What the ad server must be told, and the one thing that staff do with it: tell it now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.admin.confirm import Confirmation, confirmed
from mediabuys.models import Trafficking
from mediabuys.selectors.trafficking_words import behind_in_words, told_in_words
from mediabuys.services.trafficking import trafficking_hurry

TELL = "mediabuys.change_trafficking"


class BehindFilter(admin.SimpleListFilter):
    """Orders and creatives of which the ad server does not have everything."""

    title = "behind"
    parameter_name = "behind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two choices."""
        return [("yes", "Still to be told"), ("error", "Not taken, with an error")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Trafficking]
    ) -> QuerySet[Trafficking]:
        """Filter, when one is chosen."""
        behind = queryset.filter(next_attempt_at__isnull=False, told__lt=F("wanted"))
        if self.value() == "yes":
            return behind
        return behind.exclude(error_message="") if self.value() == "error" else queryset


@admin.register(Trafficking)
class TraffickingAdmin(ReadOnlyAdmin):
    """Each order and creative as the ad server should have it, and has it."""

    list_display = (
        "shown_what",
        "shown_kind",
        "shown_state",
        "behind_since",
        "error_message",
        "next_attempt_at",
    )
    list_filter = (BehindFilter,)
    list_select_related = ("media_buy", "creative")
    search_fields = (
        "media_buy__reference",
        "media_buy__media_buy_id",
        "media_buy__brand_domain",
        "creative__creative_id",
        "creative__name",
    )
    actions_detail = ("tell_now",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "shown_words",
                    ("media_buy", "creative"),
                    ("wanted", "told"),
                    ("attempt_count", "next_attempt_at"),
                    ("error_code", "error_message"),
                    "told_at",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is shown and nothing edited."""
        return ("shown_words",)

    @display(description="What")
    def shown_what(self, row: Trafficking) -> str:
        return row.media_buy.brand_domain if row.media_buy else str(row.creative)

    @display(description="State")
    def shown_words(self, row: Trafficking) -> str:
        subject = row.media_buy or row.creative
        server = subject.account.publisher.ad_server_name if subject else "The ad server"
        return told_in_words(row, server=server)

    @display(description="Kind")
    def shown_kind(self, row: Trafficking) -> str:
        return "Order" if row.media_buy_id else "Creative"

    @display(
        description="State",
        label={"told": "success", "waits": "warning", "refused": "danger"},
    )
    def shown_state(self, row: Trafficking) -> tuple[str, str]:
        if row.is_told:
            return "told", "Told"
        state = "refused" if row.error_message else "waits"
        return state, f"Behind by {behind_in_words(row)}" if row.told else "Not told yet"

    def has_tell_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        """Whether this person may have it told now."""
        return request.user.has_perm(TELL)

    @action(description="Tell now…", url_path="tell-now", permissions=["tell"])
    def tell_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and on POST have a worker tell the ad server at once."""
        if not request.user.has_perm(TELL):
            raise PermissionDenied
        rows = Trafficking.objects.select_related("media_buy", "creative")
        found = rows.filter(pk=object_id).first()
        if found is None:
            raise Http404("There is no such row.")
        reason = f" Last time: {found.error_message}" if found.error_message else ""
        return confirmed(
            request,
            says=Confirmation(
                title=f"Tell the ad server of {found} now?",
                effect=f"A worker tells it the whole as it is now. Nothing is done twice.{reason}",
                submit="Tell now",
                back=reverse("admin:mediabuys_trafficking_change", args=[found.pk]),
                done="The ad server is being told.",
            ),
            form=forms.Form(request.POST or None),
            act=lambda _: trafficking_hurry(
                trafficking_pk=found.pk, actor=request.user.get_username()
            ),
        )
