"""REST: one POST per task, the body exactly the flat AdCP body."""

from typing import Any, ClassVar, cast

from django.urls import URLPattern, path
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from adcp_sales.protocol.dispatch import run_task
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import TaskSpec, task_specs
from adcp_sales.transports.exceptions import respond
from adcp_sales.transports.openapi import TaskSchema
from mediabuys.models.accounts import Principal


class OnlyJson(BaseContentNegotiation):
    """Answers JSON always: an agent with an odd Accept header still gets its typed answer."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002 (DRF's signature)
        renderers: Any,
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> Any:
        return renderers[0], renderers[0].media_type


class TaskView(APIView):
    """Runs the task that its URL names."""

    content_negotiation_class = OnlyJson
    http_method_names = ["post"]
    spec: ClassVar[TaskSpec | None] = None

    def post(self, request: Request, task_name: str = "", **_: str) -> Response:
        """Run the task with the body as its parameters; without a name there is no such task."""
        _refuse_unmeasured(request)
        params = cast(dict[str, Any], request.data)
        principal = cast(Principal | None, request.user)
        return respond(run_task(task_name, params, principal, transport="rest"))


def _refuse_unmeasured(request: Request) -> None:
    """Refuse a chunked body: Django would read it as an empty one and drop what it says."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise AdcpError(
            "INVALID_REQUEST",
            "The body has no Content-Length.",
            suggestion="Send the body whole, with its Content-Length.",
            http_status=411,
        )


def _task_view(spec: TaskSpec) -> type[TaskView]:
    """Return a view class of the task's own, so that OpenAPI describes it."""
    name = "".join(word.title() for word in spec.name.split("_"))
    return type(f"{name}View", (TaskView,), {"spec": spec, "schema": TaskSchema()})


def _task_paths() -> list[URLPattern]:
    paths = []
    for spec in task_specs().values():
        view = _task_view(spec).as_view()
        paths += [path(url, view, {"task_name": _name_at(spec, url)}) for url in spec.rest_paths]
    return paths


def _name_at(spec: TaskSpec, url: str) -> str:
    """Return what the task is called at this path: by an alias, or by its name."""
    called = url.rpartition("/")[2]
    return called if called in spec.aliases else spec.name


class UnknownTaskView(TaskView):
    """Answers for every name that is no task."""

    schema = None


urlpatterns = [
    *_task_paths(),
    path("adcp/", UnknownTaskView.as_view()),
    path("adcp/<path:name>", UnknownTaskView.as_view()),
    path("legacy/", UnknownTaskView.as_view()),
    path("legacy/<path:name>", UnknownTaskView.as_view()),
]
