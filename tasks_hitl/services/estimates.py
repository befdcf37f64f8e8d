"""How long an approval takes, measured from past decisions."""

from datetime import datetime, timedelta
from math import ceil, floor
from statistics import quantiles

from mediabuys.models import Publisher
from tasks_hitl.calendar import business_hours_between
from tasks_hitl.models import Decision

SAMPLE_SIZE = 50
SAMPLE_MINIMUM = 5
SAMPLE_AGE = timedelta(days=90)


def approval_estimate_refresh(*, now: datetime) -> str:
    """Measure how long people took lately, and store it as the range that buyers are told.

    Returns the estimate, empty while there are too few decisions (the configured default then
    stands).
    """
    publisher = Publisher.objects.get()
    estimate = estimate_in_words(_hours_taken(publisher, now), publisher)
    if estimate != publisher.measured_approval_estimate:
        Publisher.objects.filter(pk=publisher.pk).update(measured_approval_estimate=estimate)
    return estimate


def _hours_taken(publisher: Publisher, now: datetime) -> list[float]:
    decided = (
        Decision.objects.filter(decided_by__isnull=False, decided_at__gte=now - SAMPLE_AGE)
        .order_by("-decided_at")
        .values_list("task__created_at", "decided_at")[:SAMPLE_SIZE]
    )
    return [business_hours_between(start, end, publisher) for start, end in decided]


def estimate_in_words(hours: list[float], publisher: Publisher) -> str:
    """Return the middle half of the sample as a range: `2-4 hours during business hours`."""
    if len(hours) < SAMPLE_MINIMUM:
        return ""
    lower, _, upper = quantiles(hours, n=4)
    day = publisher.business_day_end.hour - publisher.business_day_start.hour or 1
    if upper > day:
        return f"{max(1, floor(lower / day))}-{max(2, ceil(upper / day))} business days"
    first = floor(lower)
    last = max(ceil(upper), first + 1)
    if last <= 1:
        return "within 1 hour during business hours"
    return (
        f"{first}-{last} hours during business hours"
        if first
        else (f"within {last} hours during business hours")
    )
