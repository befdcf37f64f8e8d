"""Taking apart what the simulated ad server answers: it may say anything, so all is checked.

Every function raises `NotUnderstood` for what breaks the API, and tells nothing of what came.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from mediabuys.adservers.port import (
    AdServerUnavailable,
    BookedOrder,
    CreativePage,
    CreativeState,
    DeliveredHour,
    DeliveryPage,
    Health,
    OrderState,
    ProductDay,
    ReviewState,
)

REFERENCE_CHARACTERS = 64
CREATIVE_CHARACTERS = 320
ID_CHARACTERS = 100
CURSOR_CHARACTERS = 500
MESSAGE_CHARACTERS = 300
# More than all the world's people see in a day: a larger number is an error of somebody's.
COUNT_LIMIT = 10**12
VERSION_LIMIT = 2**63 - 1
REVISION_LIMIT = 2**31 - 1

AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?")
COUNTRY = re.compile(r"([A-Z]{2})?")
CURRENCY = re.compile(r"[A-Z]{3}")
Word = TypeVar("Word", bound=StrEnum)


class NotUnderstood(AdServerUnavailable):
    """An answer that breaks the API; retryable, because the next one may be whole."""

    def __init__(self) -> None:
        super().__init__("The ad server's answer was not understood.")


def held_order(answer: object, *, reference: str) -> BookedOrder:
    """Return what the ad server holds; the answer must be of the reference that was asked for."""
    held = mapping(answer)
    if held.get("reference") != reference:
        raise NotUnderstood
    lines = mapping(held.get("line_items"))
    return BookedOrder(
        order_id=text(held, "order_id", ID_CHARACTERS),
        line_items={name: text(lines, name, ID_CHARACTERS) for name in lines},
        state=word(held, "state", OrderState),
        revision=number(held, "revision", low=1, high=REVISION_LIMIT),
        is_paused=flag(held, "is_paused"),
    )


def product_days(
    answer: object, *, product_ids: Collection[str], first: date, last: date
) -> tuple[ProductDay, ...]:
    """Return the days of an availability answer: each once, of what was asked for, in its range."""
    days = tuple(_product_day(one) for one in listing(mapping(answer), "days"))
    names = {(one.product_id, one.day, one.country) for one in days}
    asked = all(one.product_id in product_ids and first <= one.day <= last for one in days)
    if len(names) != len(days) or not asked:
        raise NotUnderstood
    return days


def _product_day(value: object) -> ProductDay:
    one = mapping(value)
    day = ProductDay(
        product_id=text(one, "product_id", CREATIVE_CHARACTERS),
        day=_day(one),
        country=matching(one, "country", COUNTRY),
        capacity=number(one, "capacity", low=0),
        low=number(one, "low", low=0),
        high=number(one, "high", low=0),
        reserved=number(one, "reserved", low=0),
    )
    if not day.low <= day.capacity <= day.high:
        raise NotUnderstood
    return day


def creative_state(answer: object) -> CreativeState:
    """Return one creative's review; a reason is plain text of bounded length."""
    state = mapping(answer)
    reason = state.get("reason") or ""
    if not isinstance(reason, str):
        raise NotUnderstood
    return CreativeState(
        reference=text(state, "reference", CREATIVE_CHARACTERS),
        revision=number(state, "revision", low=1, high=REVISION_LIMIT),
        review=word(state, "review", ReviewState),
        reason=plain(reason),
    )


def creative_page(answer: object, *, after: str) -> CreativePage:
    """Return a page of reviews that were asked for after a cursor."""
    page = mapping(answer)
    return CreativePage(
        states=tuple(creative_state(one) for one in listing(page, "states")),
        **_onward(page, after),
    )


def delivery_page(answer: object, *, after: str) -> DeliveryPage:
    """Return a page of delivery; rows that make no sense are kept apart and stop no other."""
    page = mapping(answer)
    hours: dict[str, datetime] = {}
    rows, unreadable = [], []
    for value in listing(page, "rows"):
        try:
            rows.append(_delivered_hour(value, hours))
        except NotUnderstood:
            unreadable.append(value if isinstance(value, dict) else {"row": value})
    return DeliveryPage(
        rows=tuple(rows),
        as_of=moment(page, "as_of"),
        unreadable=tuple(unreadable),
        **_onward(page, after),
    )


def _delivered_hour(value: object, hours: dict[str, datetime]) -> DeliveredHour:
    """Return one row; `hours` remembers the hours that were read, because they repeat."""
    row = mapping(value)
    said = row.get("hour")
    hour = hours.get(said) if isinstance(said, str) else None
    if hour is None:
        hour = hours[str(said)] = _hour(row)
    return DeliveredHour(
        order_reference=text(row, "order_reference", REFERENCE_CHARACTERS),
        package_id=text(row, "package_id", REFERENCE_CHARACTERS),
        creative=text(row, "creative", CREATIVE_CHARACTERS, empty=True),
        country=matching(row, "country", COUNTRY),
        hour=hour,
        # A negative number is readable; whether it may stand is not the adapter's to say.
        impressions=number(row, "impressions", low=-COUNT_LIMIT),
        clicks=number(row, "clicks", low=-COUNT_LIMIT),
        completed_views=number(row, "completed_views", low=-COUNT_LIMIT),
        spend=Decimal(matching(row, "spend", AMOUNT)),
        currency=matching(row, "currency", CURRENCY),
        version=number(row, "version", low=0, high=VERSION_LIMIT),
    )


def health(answer: object) -> Health:
    """Return how the ad server says it is, and its clock."""
    said = mapping(answer)
    message = text(said, "message", 100 * MESSAGE_CHARACTERS, empty=True)
    return Health(flag(said, "well"), plain(message), moment(said, "now"))


def plain(message: str) -> str:
    """Return the ad server's words as one bounded line without control characters."""
    printable = "".join(char if char.isprintable() else " " for char in message)
    return " ".join(printable.split())[:MESSAGE_CHARACTERS].rstrip()


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise NotUnderstood
    return value


def listing(values: Mapping[str, Any], name: str) -> list[Any]:
    """Return a JSON array."""
    value = values.get(name)
    if not isinstance(value, list):
        raise NotUnderstood
    return value


def text(values: Mapping[str, Any], name: str, limit: int, *, empty: bool = False) -> str:
    """Return text of at most `limit` characters; empty only where it may be."""
    value = values.get(name)
    if not isinstance(value, str) or len(value) > limit or not (value or empty):
        raise NotUnderstood
    return value


def matching(values: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """Return text that is wholly of the pattern."""
    value = values.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise NotUnderstood
    return value


def number(values: Mapping[str, Any], name: str, *, low: int, high: int = COUNT_LIMIT) -> int:
    """Return a whole number in its bounds; `true` is none, and neither is 1.0."""
    value = values.get(name)
    if type(value) is not int or not low <= value <= high:
        raise NotUnderstood
    return value


def flag(values: Mapping[str, Any], name: str) -> bool:
    """Return true or false."""
    value = values.get(name)
    if not isinstance(value, bool):
        raise NotUnderstood
    return value


def word(values: Mapping[str, Any], name: str, words: type[Word]) -> Word:
    """Return one of the words that the API has there."""
    value = values.get(name)
    if not isinstance(value, str) or value not in list(words):
        raise NotUnderstood
    return words(value)


def moment(values: Mapping[str, Any], name: str) -> datetime:
    """Return a time that names its zone, in UTC."""
    try:
        said = datetime.fromisoformat(values[name])
        if said.tzinfo is not None:
            return said.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NotUnderstood from error
    raise NotUnderstood


def _hour(values: Mapping[str, Any]) -> datetime:
    hour = moment(values, "hour")
    if (hour.minute, hour.second, hour.microsecond) != (0, 0, 0):
        raise NotUnderstood
    return hour


def _day(values: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(values["day"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood from error


def _onward(page: Mapping[str, Any], after: str) -> dict[str, Any]:
    """Return a page's cursor and whether there is more; more of the same page would never end."""
    cursor, more = text(page, "cursor", CURSOR_CHARACTERS, empty=True), flag(page, "more")
    if more and cursor == after:
        raise NotUnderstood
    return {"cursor": cursor, "more": more}
