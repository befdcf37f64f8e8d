"""The engine's numbers: each with its unit and its reason, each a setting that may override it."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings


@dataclass(frozen=True)
class Limits:
    """Bounds of one exchange, in seconds and bytes."""

    connect_seconds: float = 5
    read_seconds: float = 10
    # A peer that sends a byte now and then never exceeds the read limit; this one ends it.
    total_seconds: float = 15
    response_bytes: int = 5_000_000


# An answer is kept as evidence, not as content.
RESPONSE_EXCERPT_BYTES = 4096
PAYLOAD_BYTES = 1_000_000
DAY_SECONDS = 86_400
# Buyers may read an attempt's record for so long after it ended, and while it is pending: nothing
# may delete one sooner.
WEBHOOK_ACTIVITY_DAYS = 30


def delivery_limits() -> Limits:
    """Return the bounds of one delivery attempt."""
    return Limits(
        connect_seconds=getattr(settings, "WEBHOOK_CONNECT_SECONDS", 5),
        read_seconds=getattr(settings, "WEBHOOK_READ_SECONDS", 10),
        total_seconds=getattr(settings, "WEBHOOK_TOTAL_SECONDS", 15),
        response_bytes=RESPONSE_EXCERPT_BYTES,
    )


def lease() -> timedelta:
    """Return how long a claimed row is one worker's own: four times the longest exchange."""
    return timedelta(seconds=getattr(settings, "WEBHOOK_LEASE_SECONDS", 60))


def horizon() -> timedelta:
    """Return how long after its first attempt a message may still be retried."""
    return timedelta(seconds=getattr(settings, "WEBHOOK_RETRY_HORIZON_SECONDS", DAY_SECONDS))


def in_flight_per_destination() -> int:
    """Return how many requests one healthy destination gets at the same time."""
    return int(getattr(settings, "WEBHOOK_IN_FLIGHT_PER_DESTINATION", 4))


def concurrency() -> int:
    """Return how many requests one process has open at the same time."""
    return int(getattr(settings, "WEBHOOK_CONCURRENCY", 32))


def private_destinations_allowed() -> bool:
    """Return whether loopback and private addresses may be reached: demo and tests only."""
    return bool(settings.ALLOW_PRIVATE_DESTINATIONS)
