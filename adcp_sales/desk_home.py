"""What the desk's home page shows, from every layer below."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from adcp_sales.health import BACKGROUND_PARTS, STALE_AFTER
from adcp_sales.protocol.heartbeats import heartbeats_by_part
from tasks_hitl import permissions
from tasks_hitl.desk.home import home_page
from tasks_hitl.desk.queue import waiting_money


@dataclass(frozen=True)
class PartState:
    """One background part of the deployment; `seen_at` is None when it never showed itself."""

    name: str
    seen_at: datetime | None
    is_well: bool


def home_context(request: HttpRequest) -> dict[str, Any]:
    """Return the home page's facts; empty for staff who may not see approvals."""
    if not request.user.has_perm(permissions.VIEW):
        return {"title": "Home"}
    now = timezone.now()
    return {
        "title": "Home",
        "home": home_page(now=now),
        "money": waiting_money(),
        "parts": _parts(now),
    }


def _parts(now: datetime) -> list[PartState]:
    beats = heartbeats_by_part()
    return [
        PartState(part, beats.get(part), part in beats and now - beats[part] <= STALE_AFTER)
        for part in BACKGROUND_PARTS
    ]
