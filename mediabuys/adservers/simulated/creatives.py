"""Creatives and their review, by the simulator's robot or by a person."""

import sqlite3
from typing import Any

from mediabuys.adservers.simulated import moments, store
from mediabuys.adservers.simulated.problems import NotFound
from mediabuys.adservers.simulated.requests import Creative

POLICIES = ("approve", "reject", "hold")
REVIEWS = ("pending", "approved", "rejected")
# In a creative's name or in its assets: the robot refuses it, whatever its policy.
BAD_SIGN = "[reject]"
REASONS = {
    BAD_SIGN: "The creative contains something that this publisher does not run.",
    "reject": "The ad server rejects every creative at the moment.",
}


def set_robot(db: sqlite3.Connection, *, policy: str, delay_seconds: float) -> None:
    """Say what the robot does with creatives, and how long it takes."""
    store.keep(db, "robot_policy", policy)
    store.keep(db, "robot_delay", int(delay_seconds * moments.SECOND))


def robot(db: sqlite3.Connection) -> tuple[str, int]:
    """Return the robot's policy and its delay in milliseconds."""
    return store.setting(db, "robot_policy", "approve"), int(store.setting(db, "robot_delay", "0"))


def push(db: sqlite3.Connection, creative: Creative, now: int) -> None:
    """Keep a creative, or a newer revision of it, which waits for its review then.

    The same revision again, or an older one, changes nothing.
    """
    held = _row(db, creative.reference)
    if held is not None and held["revision"] >= creative.revision:
        return
    db.execute(
        "INSERT OR REPLACE INTO creatives VALUES (?, ?, ?, ?, ?, ?, 'pending', '', ?, ?)",
        [
            *(creative.reference, creative.revision, creative.advertiser, creative.name),
            *(creative.format_id, creative.assets, now, store.next_numbers(db)),
        ],
    )


def next_due(db: sqlite3.Connection, now: int) -> int | None:
    """Return when the robot should have decided the oldest creative that it has not decided."""
    policy, delay = robot(db)
    if policy == "hold":
        return None
    row = db.execute(
        "SELECT min(pushed_at) AS first FROM creatives WHERE review = 'pending' AND pushed_at <= ?",
        [now - delay],
    ).fetchone()
    return None if row["first"] is None else row["first"] + delay


def decide_due(db: sqlite3.Connection, now: int) -> None:
    """Let the robot decide what is due by then."""
    policy, delay = robot(db)
    due = db.execute(
        "SELECT * FROM creatives WHERE review = 'pending' AND pushed_at <= ? ORDER BY pushed_at",
        [now - delay],
    ).fetchall()
    for row in due:
        is_bad = BAD_SIGN in row["name"] or BAD_SIGN in row["assets"]
        reason = REASONS[BAD_SIGN] if is_bad else REASONS.get(policy, "")
        decide(db, row["reference"], "rejected" if reason else "approved", reason)


def decide(db: sqlite3.Connection, reference: str, review: str, reason: str) -> None:
    """Write what the review says, as a change that is told."""
    _found(db, reference)
    db.execute(
        "UPDATE creatives SET review = ?, reason = ?, changed = ? WHERE reference = ?",
        [review, reason, store.next_numbers(db), reference],
    )


def state(db: sqlite3.Connection, reference: str) -> dict[str, Any]:
    """Return what is told of a creative."""
    return _told(_found(db, reference))


def page(db: sqlite3.Connection, seen: int, limit: int) -> tuple[list[dict[str, Any]], int, bool]:
    """Return states after a change, the last change among them, and whether there are more."""
    rows = db.execute(
        "SELECT * FROM creatives WHERE changed > ? ORDER BY changed LIMIT ?", [seen, limit + 1]
    ).fetchall()
    shown = rows[:limit]
    last = shown[-1]["changed"] if shown else seen
    return [_told(row) for row in shown], last, len(rows) > limit


def _told(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("reference", "revision", "review", "reason")}


def _found(db: sqlite3.Connection, reference: str) -> sqlite3.Row:
    row = _row(db, reference)
    if row is None:
        raise NotFound("There is no such creative.")
    return row


def _row(db: sqlite3.Connection, reference: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM creatives WHERE reference = ?", [reference]
    ).fetchone()
    return found
