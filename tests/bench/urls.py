"""The product's addresses, and the bare view that a poll is measured against."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from tasks_hitl.models import Task


def bare_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """One indexed query, answered as JSON: what Django itself costs on this server."""
    columns = ("task_id", "task_type", "status", "created_at", "updated_at")
    return JsonResponse(Task.objects.values(*columns).get(task_id=task_id))


urlpatterns = [
    path("bench/tasks/<str:task_id>", bare_task),
    path("", include("adcp_sales.urls")),
]
