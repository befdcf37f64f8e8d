"""Business time: when the publisher's people are at their desks."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mediabuys.models import Publisher

SATURDAY = 5
LONGEST_WAIT_DAYS = 3660


def business_time_add(moment: datetime, hours: int, publisher: Publisher) -> datetime:
    """Return the moment after so many business hours, in UTC-comparable time."""
    remaining = timedelta(hours=hours)
    for opens, closes in _business_days(moment, publisher):
        begins = max(opens, moment)
        if begins >= closes:
            continue
        if closes - begins >= remaining:
            return begins + remaining
        remaining -= closes - begins
    raise ValueError("The publisher has no business hours.")


def business_days_add(moment: datetime, days: int, publisher: Publisher) -> datetime:
    """Return the close of business after so many whole business days from the moment."""
    opened = (window for window in _business_days(moment, publisher) if window[0] >= moment)
    for count, (_, closes) in enumerate(opened, start=1):
        if count >= days:
            return closes
    raise ValueError("The publisher has no business days.")


def business_hours_between(start: datetime, end: datetime, publisher: Publisher) -> float:
    """Return how many business hours lie between two moments."""
    total = timedelta()
    for opens, closes in _business_days(start, publisher):
        if opens >= end:
            break
        total += max(timedelta(), min(closes, end) - max(opens, start))
    return total / timedelta(hours=1)


def _business_days(moment: datetime, publisher: Publisher) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(publisher.timezone)
    first: date = moment.astimezone(zone).date()
    for offset in range(LONGEST_WAIT_DAYS):
        day = first + timedelta(days=offset)
        if day.weekday() < SATURDAY:
            yield (
                datetime.combine(day, publisher.business_day_start, tzinfo=zone),
                datetime.combine(day, publisher.business_day_end, tzinfo=zone),
            )
