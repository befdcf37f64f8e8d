"""The API over plain HTTP is refused, not redirected: a redirect would hide a leaked token."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from adcp_sales.protocol.envelope import refused
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.rendering import dump_json

API_PREFIXES = ("/adcp/", "/legacy/", "/mcp", "/a2a")


class HttpsOnlyMiddleware:
    """Answers 403 to API calls that did not come over TLS, wherever pages are redirected to it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.SECURE_SSL_REDIRECT:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse before anything of the request is read."""
        if request.is_secure() or not request.path.startswith(API_PREFIXES):
            return self.get_response(request)
        outcome = refused(
            AdcpError(
                "PERMISSION_DENIED",
                "This API is served over https only.",
                suggestion="Use the https address, and replace any token that was sent.",
            )
        )
        return HttpResponse(
            dump_json(outcome.body), status=outcome.http_status, content_type="application/json"
        )
