"""What every model page of the desk has in common."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline


class DeskModelAdmin(ModelAdmin):
    """A model page: nothing is deleted from the desk, and counting stays cheap."""

    show_full_result_count = False
    list_per_page = 50
    actions: Any = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes: rows are the history of what was sold."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write only what the person changed, so that a value set meanwhile survives."""
        if not change:
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}  # noqa: SLF001 (Django's API)
        obj.save(update_fields=columns & {*form.changed_data, "updated_at"})


class ReadOnlyAdmin(DeskModelAdmin):
    """A page that only shows; what changes the row is a service behind a page of its own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from buyers and from the system."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are changed by services only."""
        return False


class ReadOnlyInline(TabularInline):
    """Rows of another table, shown and never edited."""

    extra = 0
    can_delete = False
    tab = True
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Shown only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Shown only."""
        return False
