"""JSON as every transport reads it: what is ambiguous, unbounded or unstorable is refused."""

import json
import math
from typing import Any

from adcp_sales.protocol.errors import AdcpError

DEPTH_LIMIT = 64
# From 2^53 on a JSON number means different things to different parsers (RFC 7493).
INTEGER_LIMIT = 2**53 - 1


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises AdcpError INVALID_REQUEST for invalid UTF-8, duplicate keys, NaN and Infinity, numbers
    that lose precision, nesting deeper than DEPTH_LIMIT, and text that no database can hold.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refusal("The body is not valid UTF-8.") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            parse_int=_safe_integer,
        )
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise _refusal("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise _refusal("The body must be a JSON object.")
    _check_tree(value, check_text="\\u" in text)
    return value


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _refusal("The body repeats a key within one object.")
    return value


def _refuse_constant(name: str) -> Any:
    raise _refusal(f"{name} is not a JSON number.")


def _finite_float(text: str) -> float:
    number = float(text)
    # A larger one comes back from jsonb as an integer of any length, which no answer can carry.
    if not math.isfinite(number) or abs(number) > INTEGER_LIMIT:
        raise _out_of_range()
    return number


def _safe_integer(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > INTEGER_LIMIT:
        raise _out_of_range()
    return number


def _check_tree(root: Any, *, check_text: bool) -> None:
    pending = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > DEPTH_LIMIT:
            raise _too_deep()
        if isinstance(value, dict):
            pending.extend((child, depth + 1) for child in value.values())
            if check_text:
                pending.extend((key, depth) for key in value)
        elif isinstance(value, list):
            pending.extend((child, depth + 1) for child in value)
        elif check_text and isinstance(value, str):
            _check_text(value)


def _check_text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _refusal("The body contains text with a NUL character or half a surrogate pair.")


def _refusal(message: str) -> AdcpError:
    return AdcpError("INVALID_REQUEST", message, suggestion="Send one plain JSON object.")


def _too_deep() -> AdcpError:
    return _refusal(f"The body nests deeper than {DEPTH_LIMIT} levels.")


def _out_of_range() -> AdcpError:
    return _refusal("The body contains a number that is out of range.")
