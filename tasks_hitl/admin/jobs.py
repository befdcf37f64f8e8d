"""Scheduled jobs as staff see them: what each does, when it last ran, and whether it is paused."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.decorators import display

from mediabuys.admin.base import DeskModelAdmin

for stock in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    admin.site.unregister(stock)


@admin.register(PeriodicTask)
class JobAdmin(DeskModelAdmin):
    """Jobs come from the code; staff pause and retime them here."""

    list_display = (
        "name",
        "shown_state",
        "shown_schedule",
        "last_run_at",
        "total_run_count",
        "description",
    )
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab", "solar", "clocked")
    search_fields = ("name", "task", "description")
    ordering = ("name",)
    readonly_fields = (
        "name",
        "description",
        "task",
        "queue",
        "expires",
        "expire_seconds",
        "last_run_at",
        "total_run_count",
        "date_changed",
    )
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled")}),
        ("Schedule", {"fields": (("interval", "crontab"),)}),
        (
            "Runs",
            {
                "fields": (
                    ("last_run_at", "total_run_count"),
                    ("task", "queue"),
                    ("expire_seconds", "date_changed"),
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from the code."""
        return False

    def save_model(
        self, request: HttpRequest, obj: PeriodicTask, form: ModelForm, change: bool
    ) -> None:
        """Save whole: the model tells beat that something changed."""
        obj.save()

    @display(description="State", ordering="enabled", label={"on": "success", "off": "danger"})
    def shown_state(self, job: PeriodicTask) -> tuple[str, str]:
        return ("on", "Running") if job.enabled else ("off", "Paused")

    @display(description="Schedule")
    def shown_schedule(self, job: PeriodicTask) -> str:
        if job.crontab is not None:
            return str(job.crontab.human_readable)
        return str(job.interval or job.solar or job.clocked)


class ScheduleAdmin(DeskModelAdmin):
    """Times that jobs may be given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Reached from a job only."""
        return False


@admin.register(CrontabSchedule)
class CrontabAdmin(ScheduleAdmin):
    """Times of day, such as every minute."""

    list_display: Any = ("__str__", "human_readable")


@admin.register(IntervalSchedule)
class IntervalAdmin(ScheduleAdmin):
    """Pauses between two runs."""
