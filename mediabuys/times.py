"""Moments as requests write them."""

from datetime import MAXYEAR, MINYEAR, datetime

from mediabuys.errors import InvalidRequest


def parse_time(value: str, field: str) -> datetime:
    """Return an RFC 3339 time with its offset, or raise `InvalidRequest` at the field."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _no_time(field)
    return moment


def parse_shown_time(value: str, field: str) -> datetime:
    """Return a time as `parse_time` does, of a year that every time zone can show."""
    moment = parse_time(value, field)
    if not MINYEAR < moment.year < MAXYEAR:
        raise _no_time(field)
    return moment


def _no_time(field: str) -> InvalidRequest:
    return InvalidRequest(
        f"{field} is not a date and time with an offset.",
        field=field,
        suggestion="Write it as RFC 3339, such as 2027-03-01T00:00:00Z.",
    )
