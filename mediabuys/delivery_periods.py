"""Which time a delivery report is about, and how it is cut into windows; all in UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from mediabuys.models import MediaBuy
from mediabuys.states import ReportingFrequency

HOUR = timedelta(hours=1)
LENGTHS = {ReportingFrequency.HOURLY.value: HOUR, ReportingFrequency.DAILY.value: timedelta(days=1)}
# The granularities in which a report can be cut.
GRANULARITIES = tuple(LENGTHS)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until right before `end`."""

    start: datetime
    end: datetime

    def windows(self, granularity: str) -> Iterator["Period"]:
        """Yield whole hours or days that cover the period, contiguous and in order."""
        length, start = LENGTHS[granularity], _floor(self.start, granularity)
        while start < self.end:
            yield Period(start, start + length)
            start += length

    def window_count(self, granularity: str) -> int:
        """Return how many windows there are, without making them."""
        span = self.end - _floor(self.start, granularity)
        return max(0, -(-span // LENGTHS[granularity]))


def whole_days(first: date, end: date, *, now: datetime) -> Period:
    """Return the days from `first` to right before `end`, as far as they have come to pass.

    What lies wholly ahead is returned as it is.
    """
    start, until = midnight(first), midnight(end)
    return Period(start, min(until, now) if start < now else until)


def flight_so_far(
    buy: MediaBuy, *, first_hour: datetime | None, last_hour: datetime | None, now: datetime
) -> Period:
    """Return the buy's flight up to now, and further where hours outside it were delivered."""
    start = buy.start_time.astimezone(UTC)
    end = min(now, buy.canceled_at or buy.end_time).astimezone(UTC)
    if first_hour is not None and first_hour + HOUR <= start:
        start = first_hour
    if last_hour is not None and last_hour >= end:
        end = last_hour + HOUR
    return Period(start, max(start, end))


def midnight(day: date) -> datetime:
    """Return when the day begins."""
    return datetime.combine(day, time(), UTC)


def _floor(moment: datetime, granularity: str) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if granularity == ReportingFrequency.HOURLY else hour.replace(hour=0)
