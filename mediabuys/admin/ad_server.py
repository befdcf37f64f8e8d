"""The desk's page of the ad server: what we hear from it, and what it has not heard from us."""

from collections.abc import Callable
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mediabuys.admin.page import desk_page
from mediabuys.models import Publisher
from mediabuys.selectors.ad_server_state import (
    ad_server_state,
    adapter_name,
    creatives_under_review,
    is_ad_server_connected,
    most_behind,
    strays_by_reason,
)
from mediabuys.selectors.desk import capped_count, troubled_bookings

VIEW = "mediabuys.view_adserverfeed"
# Bookings that failed longer ago were seen long ago.
FRESH = timedelta(days=7)

View = Callable[..., HttpResponse]


def ad_server_urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """Return the page's pattern; `wrap` is the admin site's guard."""
    return [path("ad-server/", wrap(ad_server), name="ad_server")]


@never_cache
@require_safe
def ad_server(request: HttpRequest) -> HttpResponse:
    """Show how the talk with the ad server goes; asks only our own tables."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    now = timezone.now()
    publisher = Publisher.objects.first()
    context = {
        "title": "Ad server",
        "now": now,
        "name": publisher.ad_server_name if publisher else "The ad server",
        "adapter": adapter_name(),
        "is_connected": is_ad_server_connected(),
        "state": ad_server_state(now=now),
        "most_behind": most_behind(),
        "strays": strays_by_reason(),
        "bookings": capped_count(troubled_bookings(since=now - FRESH)),
        "under_review": creatives_under_review(),
    }
    return desk_page(request, "desk/ad_server.html", context)
