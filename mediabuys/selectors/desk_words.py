"""How the desk writes what has no words of its own."""

from datetime import datetime

from django.utils import timezone

DASH = "\N{EN DASH}"


def flight_in_words(start: datetime, end: datetime) -> str:
    """Return a flight as days, naming month and year once, and this year not at all.

    Days are those of the current time zone, which on the desk is the publisher's.
    """
    first, last = timezone.localtime(start), timezone.localtime(end)
    year = "" if last.year == timezone.localtime().year else f" {last.year}"
    ends = f"{last.day} {last:%b}{year}"
    if first.date() == last.date():
        return ends
    if first.year != last.year:
        return f"{first.day} {first:%b %Y} {DASH} {last.day} {last:%b %Y}"
    if first.month == last.month:
        return f"{first.day} {DASH} {ends}"
    return f"{first.day} {first:%b} {DASH} {ends}"
