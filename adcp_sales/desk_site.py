"""The admin site itself: django-unfold's, under the publisher's name and in its time zone."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from unfold.sites import UnfoldAdminSite

from mediabuys.models import Publisher

UNNAMED = "Sales desk"


def desk_publisher(request: HttpRequest) -> Publisher | None:
    """Return the publisher, read once for each request; None before it is set up."""
    known = request.__dict__
    if "desk_publisher" not in known:
        known["desk_publisher"] = Publisher.objects.first()
    publisher: Publisher | None = known["desk_publisher"]
    return publisher


class DeskSite(UnfoldAdminSite):
    """Our pages beside the model pages; every time on it is the publisher's."""

    site_url = None
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        """Return the desk's own pages; unfold asks for them under this name."""
        # Imported here because the admin modules register themselves on this very site.
        from mediabuys.admin.ad_server import ad_server_urls
        from mediabuys.admin.creative_review import creative_urls
        from tasks_hitl.admin.urls import desk_urls

        return [
            *desk_urls(self.admin_view),
            *creative_urls(self.admin_view),
            *ad_server_urls(self.admin_view),
        ]

    def admin_view(
        self,
        view: Callable[..., HttpResponse],
        cacheable: bool = False,  # noqa: FBT001, FBT002
    ) -> Callable[..., HttpResponse]:
        """Guard a view as the admin does, and render it in the publisher's time zone."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def in_desk_time(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            publisher = desk_publisher(request)
            with timezone.override(ZoneInfo(publisher.timezone if publisher else "UTC")):
                response = guarded(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()
                return response

        return in_desk_time

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows, with the publisher's name on it."""
        publisher = desk_publisher(request)
        name = publisher.name if publisher else UNNAMED
        context: dict[str, Any] = super().each_context(request)
        return context | {
            "site_title": name,
            "site_header": name,
            "desk_timezone": publisher.timezone if publisher else "UTC",
        }

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what needs a person now."""
        from adcp_sales.desk_home import home_context

        self.index_template = "desk/home.html"
        return super().index(request, {**home_context(request), **(extra_context or {})})
