"""How the desk writes money, prices and durations."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.utils import timezone

from mediabuys.pricing import in_words
from mediabuys.selectors.desk_words import DASH, flight_in_words

register = template.Library()

MINUTE_SECONDS = 60


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """Write an amount: `$50,000` or `EUR 1,250.50`."""
    return DASH if amount is None else in_words(amount, currency)


@register.filter
def price(amount: Decimal | None, currency: str) -> str:
    """Write a unit price, with the fractions of a cent that prices have."""
    if amount is None:
        return DASH
    exact = amount.quantize(Decimal("0.0001"))
    digits = f"{exact:,.2f}" if exact == exact.quantize(Decimal("0.01")) else f"{exact:,.4f}"
    return f"${digits}" if currency == "USD" else f"{currency} {digits}"


@register.filter
def span(duration: timedelta | None) -> str:
    """Write a duration in its two largest units: `1 h 12 min`, `3 days 4 h`."""
    if duration is None:
        return DASH
    minutes = int(abs(duration).total_seconds()) // 60
    if minutes < 1:
        return "under 1 min"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        (days, "day" if days == 1 else "days"),
        (hours, "h"),
        (minutes, "min"),
    ]
    first = next(place for place, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


@register.filter
def until(moment: datetime) -> str:
    """Write how far away a moment is: `in 1 h 40 min` or `1 h 12 min ago`."""
    left = moment - timezone.now()
    return f"in {span(left)}" if left > timedelta() else f"{span(left)} ago"


@register.filter
def due(moment: datetime) -> str:
    """Write a due time: `1 h 12 min over`, `in 1 h 40 min`, or the day when it is far."""
    left = moment - timezone.now()
    if left <= timedelta():
        return f"{span(left)} over"
    return f"in {span(left)}"


@register.filter
def since(moment: datetime) -> str:
    """Write how long ago a moment was: `2 days 3 h`."""
    return span(timezone.now() - moment)


@register.filter
def age(moment: datetime) -> str:
    """Write how long ago a moment was, to the second while it is fresh: `40 s`."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    return f"{seconds} s" if seconds < MINUTE_SECONDS else span(timedelta(seconds=seconds))


@register.filter
def at(numbers: Mapping[object, object], key: object) -> object:
    """Return one entry of a mapping whose keys a template cannot write."""
    return numbers[key]


register.filter("flight", flight_in_words)


@register.filter
def signed(number: Decimal) -> str:
    """Write a percentage with its sign: `+5` or `-33.3`, the minus as long as the plus."""
    return f"{number:+.1f}".removesuffix(".0").replace("-", "\N{MINUS SIGN}")


@register.filter
def words(identifier: str) -> str:
    """Write an identifier as words: `net 30`."""
    return identifier.replace("_", " ")


@register.filter
def purchase_order(number: str) -> str:
    """Write a PO number so that it reads as one, once."""
    return number if number.upper().startswith("PO") else f"PO {number}"
