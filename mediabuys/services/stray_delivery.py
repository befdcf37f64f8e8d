"""Rows of the ad server's report that count nowhere: kept once, tried again where it may help."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from mediabuys.adservers.port import DeliveredHour
from mediabuys.delivered_hours import VERSION_LIMIT
from mediabuys.models import StrayDelivery
from mediabuys.services.delivered_hours import REFERENCE_CHARACTERS, hours_write
from mediabuys.services.feeds import FeedClaim, feed_locked
from mediabuys.states import PASSING_STRAY_REASONS, StrayReason

# However many strays there are, an import tries no more of them than this.
RETRIES = 500
ROW_CHARACTERS = 10_000
# What JSON may say and the database cannot hold: NUL, and halves of characters.
_UNTIDY = re.compile(r"\\u0000|\\ud[89a-f]")

# A later version of the same hour takes the place of an earlier one, and is open again.
_KEEP = """
    INSERT INTO mediabuys_straydelivery AS stray
        (order_reference, package_ref, row, row_digest, version, reason, first_seen_at, checked_at)
    SELECT *, %(now)s, %(now)s
    FROM unnest(%(orders)s::text[], %(packages)s::text[], %(rows)s::jsonb[], %(digests)s::text[],
        %(versions)s::bigint[], %(reasons)s::text[])
    ON CONFLICT (row_digest) DO UPDATE SET
        row = excluded.row, version = excluded.version, reason = excluded.reason,
        checked_at = excluded.checked_at, settled_at = NULL
    WHERE stray.version < excluded.version
"""


def strays_keep(
    *,
    strays: Iterable[tuple[DeliveredHour, StrayReason]],
    unreadable: Iterable[dict[str, object]],
    now: datetime,
) -> None:
    """Keep what found no place, each hour once, in one statement of the caller's transaction."""
    kept: dict[str, StrayDelivery] = {}
    for stray in (*(_hour(*one) for one in strays), *map(_unreadable, unreadable)):
        earlier = kept.get(stray.row_digest)
        if earlier is None or earlier.version < stray.version:
            kept[stray.row_digest] = stray
    if not kept:
        return
    found = list(kept.values())
    parameters: dict[str, Any] = {
        "now": now,
        "orders": [one.order_reference for one in found],
        "packages": [one.package_ref for one in found],
        "rows": [one.row for one in found],
        "digests": [one.row_digest for one in found],
        "versions": [one.version for one in found],
        "reasons": [one.reason for one in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, parameters)


def _hour(row: DeliveredHour, reason: StrayReason) -> StrayDelivery:
    """Return the stray that is kept of an hour; `row` is JSON text, whole and in its own words."""
    said = {**asdict(row), "hour": row.hour.isoformat(), "spend": str(row.spend)}
    text, is_whole = _text(said)
    line = (row.order_reference, row.package_id, row.currency)
    named = (*line, row.creative, row.country, said["hour"])
    return StrayDelivery(
        order_reference=_cut(row.order_reference),
        package_ref=_cut(row.package_id),
        row=text,
        row_digest=_digest("hour", *named),
        version=max(0, min(row.version, VERSION_LIMIT)),
        # What the database cannot hold as it is can never be placed.
        reason=reason if is_whole else StrayReason.UNREADABLE,
    )


def _unreadable(row: dict[str, object]) -> StrayDelivery:
    text, _ = _text(row)
    said = {name: row.get(name) for name in ("order_reference", "package_id")}
    names = {name: _cut(value) if isinstance(value, str) else "" for name, value in said.items()}
    return StrayDelivery(
        order_reference=names["order_reference"],
        package_ref=names["package_id"],
        row=text,
        row_digest=_digest("text", text),
        version=0,
        reason=StrayReason.UNREADABLE,
    )


def _text(row: dict[str, Any]) -> tuple[str, bool]:
    """Return the row as JSON that PostgreSQL holds, and whether that is the row as it came."""
    try:
        text = json.dumps(row, sort_keys=True, default=str)
    except (RecursionError, TypeError):
        return json.dumps({"text": "Nested too deeply, or named by what is not text."}), False
    is_whole = len(text) <= ROW_CHARACTERS and _is_plain(row) and not _UNTIDY.search(text)
    return (text, True) if is_whole else (json.dumps({"text": text[:ROW_CHARACTERS]}), False)


def _is_plain(row: dict[str, Any]) -> bool:
    """Whether all its numbers are numbers: JSON has no infinity."""
    try:
        json.dumps(row, default=str, allow_nan=False)
    except ValueError:
        return False
    return True


def _cut(text: str) -> str:
    tidy = text.replace("\0", "").encode("utf-8", "replace").decode()
    return tidy[:REFERENCE_CHARACTERS]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def strays_retry(*, claim: FeedClaim, now: datetime) -> int:
    """Try again what may have found its place meanwhile; return how many did. One transaction.

    The longest-waiting are tried first, `RETRIES` at most, so that a flood holds nothing up. Does
    nothing when the claim was lost; the feed's row is locked.
    """
    with transaction.atomic():
        feed = feed_locked(claim=claim)
        if feed is None:
            return 0
        due = list(
            StrayDelivery.objects.filter(
                settled_at__isnull=True, reason__in=PASSING_STRAY_REASONS
            ).order_by("checked_at", "pk")[:RETRIES]
        )
        if not due:
            return 0
        rows = [_row_of(stray) for stray in due]
        as_of = feed.as_of or now
        left = hours_write(rows=rows, told_until=as_of, as_of=as_of, now=now)
        return _note(due, rows, left, now)


def _row_of(stray: StrayDelivery) -> DeliveredHour:
    said = stray.row
    return DeliveredHour(
        **{
            **said,
            "hour": datetime.fromisoformat(said["hour"]),
            "spend": Decimal(said["spend"]),
        }
    )


def _note(
    due: Sequence[StrayDelivery],
    rows: Sequence[DeliveredHour],
    left: Sequence[tuple[DeliveredHour, StrayReason]],
    now: datetime,
) -> int:
    """Write down what became of each: one statement, and one for each reason that changed."""
    reasons = {id(row): reason for row, reason in left}
    tried = StrayDelivery.objects.filter(pk__in=[stray.pk for stray in due])
    tried.update(checked_at=now)
    changed: dict[StrayReason | None, list[int]] = defaultdict(list)
    for stray, row in zip(due, rows, strict=True):
        reason = reasons.get(id(row))
        if reason != stray.reason:
            changed[reason].append(stray.pk)
    for reason, keys in changed.items():
        those = StrayDelivery.objects.filter(pk__in=keys)
        if reason is None:
            those.update(settled_at=now)
        else:
            those.update(reason=reason)
    return len(changed[None])
