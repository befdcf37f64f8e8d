"""Signs of life of the background processes."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from adcp_sales.protocol.models import Heartbeat


def heartbeat_record(*, parts: Iterable[str]) -> None:
    """Note that these parts are alive now; one statement, no lock held."""
    now = timezone.now()
    Heartbeat.objects.bulk_create(
        [Heartbeat(part=part, beat_at=now) for part in parts],
        update_conflicts=True,
        unique_fields=["part"],
        update_fields=["beat_at"],
    )


def heartbeats_by_part() -> dict[str, datetime]:
    """Return when each part last showed that it lives."""
    return dict(Heartbeat.objects.values_list("part", "beat_at"))
