"""What the deployment says of itself at well-known addresses."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from adcp_sales.protocol.rendering import dump_json
from webhooks.signing import public_jwks

CACHE_SECONDS = 300


@require_safe
@cache_control(public=True, max_age=CACHE_SECONDS)
def jwks(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Publish the keys that verify our webhooks."""
    return HttpResponse(dump_json(public_jwks()), content_type="application/json")


@require_safe
@cache_control(public=True, max_age=CACHE_SECONDS)
def brand(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Publish who sells here, and where its keys are: exactly one sales agent."""
    agent = {
        "type": "sales",
        "url": settings.PUBLIC_URL,
        "id": "sales",
        "jwks_uri": f"{settings.PUBLIC_URL}/.well-known/jwks.json",
    }
    body = {"version": "1.0", "agents": [agent]}
    return HttpResponse(dump_json(body), content_type="application/json")
