"""Moments as whole milliseconds since 1970 (UTC), and days as text, as the file keeps them."""

from datetime import UTC, date, datetime, timedelta

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# From 1971 to about 8800: far enough from what a date can hold that sums do not overflow.
EARLIEST, LATEST = 365 * DAY, 2_500_000 * DAY


def parse(text: str) -> int:
    """Return the moment of an ISO 8601 text; ValueError where it names none, or no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("A time needs its zone.")
    try:
        found = (moment - EPOCH) // timedelta(milliseconds=1)
    except OverflowError as error:
        raise ValueError("The time is out of range.") from error
    if not EARLIEST <= found <= LATEST:
        raise ValueError("The time is out of range.")
    return found


def spell(moment: int) -> str:
    """Return the moment as the API spells it."""
    found = EPOCH + timedelta(milliseconds=moment)
    fraction = "milliseconds" if moment % SECOND else "seconds"
    return found.replace(tzinfo=None).isoformat(timespec=fraction) + "Z"


def day_of(moment: int) -> str:
    """Return the UTC day of the moment, `YYYY-MM-DD`."""
    return (EPOCH + timedelta(milliseconds=moment)).date().isoformat()


def start_of(day: str) -> int:
    """Return the day's first moment."""
    return (date.fromisoformat(day).toordinal() - EPOCH.toordinal()) * DAY


def hour_of(moment: int) -> int:
    """Return the start of the moment's hour."""
    return moment - moment % HOUR


def days_between(start: int, end: int) -> list[str]:
    """Return the days that the stretch touches, in order."""
    first = start - start % DAY
    return [day_of(moment) for moment in range(first, end, DAY)]
