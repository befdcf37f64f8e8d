"""How the list of media buys is narrowed."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from mediabuys.models import MediaBuy
from mediabuys.states import LIVE_BUY_STATUSES


class LiveFilter(admin.SimpleListFilter):
    """Buys that are sold and not over, or the others."""

    title = "live"
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two choices."""
        return [("yes", "Sold and not over"), ("no", "Not live")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MediaBuy]) -> QuerySet[MediaBuy]:
        """Filter, when one is chosen."""
        if self.value() == "yes":
            return queryset.filter(status__in=LIVE_BUY_STATUSES)
        if self.value() == "no":
            return queryset.exclude(status__in=LIVE_BUY_STATUSES)
        return queryset


class ArchiveFilter(admin.SimpleListFilter):
    """Without a choice the archive stays out of the list, and a search finds it all the same."""

    title = "archive"
    parameter_name = "archive"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what else than the default can be chosen."""
        return [("only", "Archived only"), ("with", "With the archive")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Say of the default what it does: Django would call it “All”."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Not archived, unless searched for"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[MediaBuy]) -> QuerySet[MediaBuy]:
        """Hide the archive, show nothing else, or show everything."""
        is_search = self.value() is None and request.GET.get(SEARCH_VAR)
        if self.value() == "with" or is_search:
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "only")
