"""Every task, for looking things up; deciding has a page of its own."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import display

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.keyset import whole_number
from mediabuys.pricing import in_words
from tasks_hitl.models import Task
from tasks_hitl.states import TaskStatus


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    """Tasks of all states; each leads to its decision page."""

    list_display = (
        "title",
        "queue_state",
        "shown_status",
        "shown_agent",
        "account",
        "shown_budget",
        "due_at",
        "created_at",
    )
    list_filter = ("queue_state", "status", "task_type")
    list_select_related = ("principal", "account", "media_buy", "change")
    search_fields = ("task_id", "context_id", "title", "principal__name", "account__name")

    @display(
        description="Status",
        ordering="status",
        label={
            TaskStatus.SUBMITTED: "warning",
            TaskStatus.WORKING: "info",
            TaskStatus.INPUT_REQUIRED: "info",
            TaskStatus.COMPLETED: "success",
            TaskStatus.FAILED: "danger",
            TaskStatus.CANCELED: "danger",
        },
    )
    def shown_status(self, task: Task) -> tuple[str, str]:
        return task.status, task.get_status_display()

    @display(description="Agent", ordering="principal__name")
    def shown_agent(self, task: Task) -> str:
        return task.principal.name

    @display(description="Budget", ordering="media_buy__total_budget")
    def shown_budget(self, task: Task) -> str:
        budget = task.media_buy.total_budget if task.change is None else task.change.budget_after
        return in_words(budget, task.media_buy.currency)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Open the decision page."""
        task = Task.objects.filter(pk=whole_number(object_id)).first()
        if task is None:
            raise Http404("There is no such approval.")
        return redirect("admin:approval", task.task_id)
