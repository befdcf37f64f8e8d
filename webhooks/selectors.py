"""What was sent, to whom, and what is late."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from webhooks.models import Delivery
from webhooks.states import DeliveryStatus

# A path segment that is long, or mixes digits, letters and cases, is as likely a secret as a name.
_TOKEN_LIKE = re.compile(
    r"^(?=.*\d)(?=.*[A-Za-z]).{16,}$|^(?=(?:.*?[a-z][A-Z]){3}).{16,}$|^.{32,}$", re.DOTALL
)


def deliveries_for_subject(subject_key: str) -> QuerySet[Delivery]:
    """Return the messages about one subject, oldest first, for staff."""
    return (
        Delivery.objects.filter(subject_key=subject_key)
        .select_related("destination")
        .prefetch_related("attempts")
        .order_by("created_at", "id")
    )


def lag_seconds() -> float:
    """Return how late the most overdue message is; 0 when nothing waits for a dispatcher.

    Paused destinations and open circuits wait on purpose and do not count.
    """
    oldest = (
        Delivery.objects.filter(
            Q(destination__circuit_open_until=None) | Q(destination__circuit_open_until__lte=Now()),
            status=DeliveryStatus.PENDING,
            next_attempt_at__lte=Now(),
            destination__paused_at=None,
        )
        .aggregate(oldest=Min("next_attempt_at"))
        .get("oldest")
    )
    if oldest is None:
        return 0.0
    return max(timezone.now() - oldest, timedelta()).total_seconds()


def redacted_url(url: str) -> str:
    """Return the URL as it may be shown: no query, no fragment, no segment that may be a secret."""
    parts = urlsplit(url)
    path = "/".join(
        "redacted" if _TOKEN_LIKE.match(segment) else segment for segment in parts.path.split("/")
    )
    return f"{parts.scheme}://{parts.netloc}{path}" if parts.netloc else f"{parts.scheme}:{path}"
