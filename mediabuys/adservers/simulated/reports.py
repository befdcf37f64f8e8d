"""The delivery report: the hours that changed after a cursor, oldest change first."""

import json
import sqlite3
from typing import Any

from mediabuys.adservers.simulated import amounts, moments, store
from mediabuys.adservers.simulated.problems import Refused

CHANGED = "SELECT * FROM delivery WHERE changed > ? ORDER BY changed LIMIT ?"
FORCED = "SELECT changed, body FROM forced_rows WHERE changed > ? ORDER BY changed LIMIT ?"


def after(db: sqlite3.Connection, cursor: str) -> int:
    """Return the number of the last change that the cursor's owner has seen.

    A cursor of an earlier life of the file, which somebody threw away, is one from the beginning.
    """
    epoch, _, number = cursor.partition(".")
    if not cursor or epoch != store.setting(db, "epoch"):
        return 0
    if not number.isdecimal() or len(number) > len(str(2**62)) - 1:
        raise Refused("after is not a cursor of this ad server.")
    return int(number)


def cursor(db: sqlite3.Connection, number: int) -> str:
    """Return the cursor of everything up to that change."""
    return f"{store.setting(db, 'epoch')}.{number}"


def page(db: sqlite3.Connection, seen: int, limit: int) -> tuple[list[dict[str, Any]], int, bool]:
    """Return rows after a change, the last change among them, and whether there are more."""
    found = [(row["changed"], _spelled(row)) for row in db.execute(CHANGED, [seen, limit + 1])]
    forced = db.execute(FORCED, [seen, limit + 1])
    found += [(row["changed"], json.loads(row["body"])) for row in forced]
    found.sort(key=lambda entry: entry[0])
    shown = found[:limit]
    last = shown[-1][0] if shown else seen
    return [row for _, row in shown], last, len(found) > limit


def _spelled(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "order_reference": row["reference"],
        "package_id": row["package_id"],
        "creative": row["creative"],
        "country": row["country"],
        "hour": moments.spell(row["hour"]),
        "impressions": row["impressions"],
        "clicks": row["clicks"],
        "completed_views": row["views"],
        "spend": amounts.spell(row["spend"], row["currency"]),
        "currency": row["currency"],
        "version": row["version"],
    }


def force(db: sqlite3.Connection, rows: list[Any]) -> None:
    """Put rows into the report as they are, whatever they say."""
    first = store.next_numbers(db, len(rows)) if rows else 0
    db.executemany(
        "INSERT INTO forced_rows VALUES (?, ?)",
        [(first + at, json.dumps(row)) for at, row in enumerate(rows)],
    )
