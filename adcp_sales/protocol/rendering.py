"""Bodies as bytes: one JSON spelling for answers, stored replays and schema checks."""

from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise


def dump_json(body: Any) -> bytes:
    """Return `body` as JSON: aware datetimes as RFC 3339 in UTC, money as exact numbers."""
    return orjson.dumps(body, default=_plain, option=orjson.OPT_UTC_Z)


def load_json(raw: bytes | str) -> Any:
    """Return what `dump_json` wrote."""
    return orjson.loads(raw)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # The shortest float that reads back as this amount: exact for every sum under 10^13.
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form.")
