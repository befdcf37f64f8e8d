"""Reading what callers send: every field is checked, and a refusal names the field."""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mediabuys.adservers.simulated import moments
from mediabuys.adservers.simulated.problems import Refused

REFERENCE_CHARACTERS = 320
TEXT_CHARACTERS = 2_000
COUNT_LIMIT = 10**12
AMOUNT_LIMIT = Decimal(10) ** 13
LIST_LIMIT = 5_000
COUNTRY = re.compile(r"[A-Z]{2}")
CURRENCY = re.compile(r"[A-Z]{3}")


class Body:
    """A JSON object that was sent; `path` says where it stood, for messages."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise Refused(f"{path or 'The body'} must be a JSON object.")
        self.value: dict[str, Any] = value
        self.path = path

    def has(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self.value.get(name) is not None

    def text(self, name: str, *, limit: int = TEXT_CHARACTERS, default: str | None = None) -> str:
        """Return text; with a default it may be missing or empty."""
        value = self.value.get(name, default)
        if not isinstance(value, str) or len(value) > limit or (default is None and not value):
            raise self.wrong(name, f"must be text of at most {limit} characters")
        if not _is_unicode(value):
            raise self.wrong(name, "must be valid Unicode")
        return value

    def reference(self, name: str) -> str:
        """Return a name of something."""
        return self.text(name, limit=REFERENCE_CHARACTERS)

    def word(self, name: str, words: Collection[str], default: str | None = None) -> str:
        """Return one of the words."""
        value = self.value.get(name, default)
        if not isinstance(value, str) or value not in words:
            raise self.wrong(
                name, f"must be one of {', '.join(word or '(empty)' for word in words)}"
            )
        return value

    def whole(
        self, name: str, *, low: int = 0, high: int = COUNT_LIMIT, default: int | None = None
    ) -> int:
        """Return a whole number within its bounds."""
        value = self.value.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"must be a whole number from {low} to {high}")
        return value

    def number(self, name: str, *, low: float, high: float, default: float | None = None) -> float:
        """Return a number within its bounds."""
        value = self.value.get(name, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self.wrong(name, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Return true or false."""
        value = self.value.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def amount(self, name: str) -> Decimal:
        """Return an amount, which is sent as text so that no digit is lost; never negative."""
        try:
            value = Decimal(self.text(name, limit=40))
        except InvalidOperation as error:
            raise self.wrong(name, "must be a decimal number as text") from error
        if not value.is_finite() or not 0 <= value < AMOUNT_LIMIT:
            raise self.wrong(name, f"must be from 0 to below {AMOUNT_LIMIT:f}")
        return value

    def moment(self, name: str) -> int:
        """Return a time as milliseconds."""
        try:
            return moments.parse(self.text(name, limit=40))
        except ValueError as error:
            raise self.wrong(name, "must be an ISO 8601 time with its zone") from error

    def day(self, name: str) -> str:
        """Return a day, `YYYY-MM-DD`."""
        return day(self.text(name, limit=10), f"{self.path}{name}")

    def matching(self, name: str, pattern: re.Pattern[str], words: str) -> str:
        """Return text that is wholly of the pattern."""
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise self.wrong(name, words)
        return value

    def entries(self, name: str) -> list["Body"]:
        """Return the objects of a list."""
        return [
            Body(entry, f"{self.path}{name}[{position}].")
            for position, entry in enumerate(self._list(name))
        ]

    def countries(self, name: str) -> list[str]:
        """Return ISO 3166 countries, each once and in order."""
        values = self._list(name)
        if not all(isinstance(value, str) and COUNTRY.fullmatch(value) for value in values):
            raise self.wrong(name, "must be ISO 3166 countries, such as US")
        return sorted(set(values))

    def mapping(self, name: str) -> "Body":
        """Return an object within this one; empty where it is missing."""
        return Body(self.value.get(name, {}), f"{self.path}{name}.")

    def wrong(self, name: str, words: str) -> Refused:
        """Return a refusal that names the field."""
        return Refused(f"{self.path}{name} {words}.")

    def _list(self, name: str) -> list[Any]:
        value = self.value.get(name, [])
        if not isinstance(value, list) or len(value) > LIST_LIMIT:
            raise self.wrong(name, f"must be a list of at most {LIST_LIMIT}")
        return value


def known_name(name: str) -> str:
    """Return a name that stood where a field's name stands, or refuse it."""
    if not 0 < len(name) <= REFERENCE_CHARACTERS or not _is_unicode(name):
        raise Refused(f"A name must be text of at most {REFERENCE_CHARACTERS} characters.")
    return name


def _is_unicode(text: str) -> bool:
    """Return whether the text can be kept: JSON may spell halves of characters."""
    return text.isascii() or text.encode(errors="ignore").decode() == text


def day(text: str, name: str) -> str:
    """Return the day in its one spelling, or refuse the field of that name."""
    try:
        found = date.fromisoformat(text)
        moments.parse(f"{found.isoformat()}T00:00:00Z")
    except ValueError as error:
        raise Refused(f"{name} must be a day, such as 2026-03-01.") from error
    return found.isoformat()
