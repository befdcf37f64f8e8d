"""Is the deployment well: the database, a worker, beat, and the talk with the ad server."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.utils import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adcp_sales.protocol.heartbeats import heartbeats_by_part
from mediabuys.selectors.ad_server_state import ad_server_state

# Four missed ticks of the fifteen-second heartbeat.
STALE_AFTER = timedelta(seconds=60)
BACKGROUND_PARTS = ("worker", "beat")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 (Django's signature)
    """Answer 200 while web and database answer, with each part's state; else 503.

    A stale background part and a failing ad server are reported but fail nothing: restarting web
    would not cure them.
    """
    try:
        beats = heartbeats_by_part()
        ad_server = ad_server_state(now=timezone.now())
    except (DatabaseError, InterfaceError):
        connection.close()
        parts = {"web": {"state": "ok"}, "database": {"state": "down"}}
        return JsonResponse({"status": "down", "parts": parts}, status=503)
    parts = {"web": {"state": "ok"}, "database": {"state": "ok"}}
    parts |= {part: _background(beats.get(part)) for part in BACKGROUND_PARTS}
    parts["ad_server"] = {"state": ad_server.state.value}
    is_well = all(part["state"] == "ok" for part in parts.values())
    return JsonResponse({"status": "ok" if is_well else "degraded", "parts": parts})


def _background(beat_at: datetime | None) -> dict[str, Any]:
    if beat_at is None:
        return {"state": "never_seen"}
    age = timezone.now() - beat_at
    state = "ok" if age <= STALE_AFTER else "stale"
    return {"state": state, "age_seconds": max(0, round(age.total_seconds()))}
