"""What the desk's own pages share: the frame around them, who is at it, how a refusal reads."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from mediabuys.errors import TradeError


def desk_page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """Return a page inside the admin site's frame."""
    request.current_app = admin.site.name
    return TemplateResponse(
        request, template, {**admin.site.each_context(request), **context}, status=status
    )


def seller_of(request: HttpRequest) -> str:
    """Return how histories call the person who is signed in."""
    return f"seller:{request.user.get_username()}"


def refusal_in_words(error: TradeError) -> str:
    """Return why a service refused, and what to do about it where it says so."""
    return f"{error.message} {error.suggestion or ''}".strip()
