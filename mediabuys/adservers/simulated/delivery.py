"""Delivery, made up as time passes: from where it was told to, hour by hour, until now.

Until the checkpoint all is final. What the running hour has had since is worked out anew each time
from the checkpoint, so that figures do not depend on how often somebody looks. Whatever changes
what is delivered (a pause, an approval) moves the checkpoint to its moment first.
"""

import sqlite3
import time
from collections import defaultdict
from dataclasses import dataclass

from mediabuys.adservers.simulated import store
from mediabuys.adservers.simulated.chance import around_one
from mediabuys.adservers.simulated.inventory import Product, product_of, taken_by_others
from mediabuys.adservers.simulated.moments import HOUR, day_of, hour_of
from mediabuys.adservers.simulated.pacing import HOURS, traffic
from mediabuys.adservers.simulated.running import RunningLine, line_of

SUPPLY_NOISE = 0.03
# A line that nothing limits has this share of all traffic.
UNLIMITED_SHARE = 0.3

LINES = """
SELECT lines.* FROM lines JOIN orders USING (reference)
WHERE lines.end_time > ? AND lines.start_time < ? AND orders.state = 'confirmed'
  AND NOT orders.is_paused AND NOT lines.is_paused AND NOT lines.is_canceled
ORDER BY lines.number
"""
TELL = """
INSERT INTO delivery (reference, package_id, hour, creative, country, currency,
                      impressions, clicks, views, spend, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  impressions = base_impressions + excluded.impressions, clicks = base_clicks + excluded.clicks,
  views = base_views + excluded.views, spend = base_spend + excluded.spend,
  version = version + 1, changed = excluded.changed
WHERE impressions <> base_impressions + excluded.impressions
   OR clicks <> base_clicks + excluded.clicks OR views <> base_views + excluded.views
   OR spend <> base_spend + excluded.spend
"""
TELL_NONE = """
UPDATE delivery SET impressions = base_impressions, clicks = base_clicks, views = base_views,
  spend = base_spend, version = version + 1, changed = ?
WHERE reference = ? AND package_id = ? AND hour = ? AND creative = ? AND country = ?
  AND (impressions <> base_impressions OR clicks <> base_clicks OR views <> base_views
       OR spend <> base_spend)
"""
SETTLE_ALL = (
    "UPDATE delivery SET base_impressions = impressions, base_clicks = clicks,"
    " base_views = views, base_spend = spend"
)
SETTLE = f"{SETTLE_ALL} WHERE reference = ? AND package_id = ? AND hour = ?"
KEEP = """
UPDATE lines SET delivered = ?, spent = ?, remainder = ?, told_impressions = ?, told_spend = ?
WHERE reference = ? AND package_id = ?
"""


@dataclass(frozen=True)
class Stretch:
    """A part of one hour: from the checkpoint, told until `told`, ending at `end` at the latest."""

    start: int
    told: int
    end: int

    def of(self, line: RunningLine) -> "Stretch | None":
        """Return the part of it that is in the line's flight."""
        start, end = max(self.start, line.start), min(self.end, line.end)
        return Stretch(start, min(self.told, end), end) if start < min(self.told, end) else None


class Delivering:
    """One run over time, with what it has read and what it is to write."""

    def __init__(self, db: sqlite3.Connection, start: int, end: int, default_daily: int) -> None:
        self.db = db
        self.products: dict[str, Product] = {}
        self.default_daily = default_daily
        self.contention: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        found = db.execute("SELECT reference, format_id FROM creatives WHERE review = 'approved'")
        formats = {row["reference"]: row["format_id"] for row in found}
        lines = [
            line_of(row, self._product(row["product_id"]), formats)
            for row in db.execute(LINES, [start, end]).fetchall()
        ]
        self.lines = [line for line in lines if line.cells and line.missing != 0]
        self.touched: dict[str, RunningLine] = {}
        self.rows: list[tuple[object, ...]] = []
        self.voids: list[tuple[object, ...]] = []

    def _product(self, product_id: str) -> Product:
        if product_id not in self.products:
            self.products[product_id] = product_of(self.db, product_id, self.default_daily)
        return self.products[product_id]

    def next_start(self, moment: int) -> int | None:
        """Return when something is delivered again; None where nothing will be."""
        starts = [
            max(line.start, moment)
            for line in self.lines
            if line.end > moment and line.missing != 0
        ]
        return min(starts, default=None)

    def tell(self, stretch: Stretch, *, told_before: int) -> None:
        """Work out one stretch, and note its rows."""
        parts = [(line, part) for line in self.lines if (part := stretch.of(line))]
        running = [(line, part) for line, part in parts if line.missing != 0]
        for line, part, granted in self._granted(running, stretch):
            elapsed = traffic(part.start, part.told) / traffic(part.start, part.end)
            served = line.serve(
                [amount * elapsed for amount in granted],
                start=stretch.start,
                elapsed=(part.start, part.told),
            )
            line.told = served
            self.touched[line.seed] = line
            self._note(line, hour_of(stretch.start), is_retold=told_before > stretch.start)

    def settle(self) -> None:
        """Make what was told last final."""
        for line in self.touched.values():
            line.settle()

    def _granted(
        self, running: list[tuple[RunningLine, Stretch]], stretch: Stretch
    ) -> list[tuple[RunningLine, Stretch, list[float]]]:
        """Return what each line gets of the whole stretch by cell: guaranteed lines come first."""
        supply: dict[tuple[str, str], float] = {}
        asked: dict[tuple[str, str, bool], float] = defaultdict(float)
        wishes = []
        for line, part in running:
            pools = {cell.pool for cell in line.cells}
            for pool in pools - supply.keys():
                supply[pool] = self._supply(line.product, pool[1], stretch)
            whole = line.wants(part.start, part.end)
            if whole is None:
                whole = UNLIMITED_SHARE * sum(supply[pool] for pool in pools)
            for cell in line.cells:
                asked[(*cell.pool, line.is_guaranteed)] += whole * cell.share
            wishes.append((line, part, whole))
        factors = _factors(supply, asked)
        return [
            (
                line,
                part,
                [
                    whole * cell.share * factors[*cell.pool, line.is_guaranteed]
                    for cell in line.cells
                ],
            )
            for line, part, whole in wishes
        ]

    def _supply(self, product: Product, country: str, stretch: Stretch) -> float:
        """Return the impressions of a stretch that others have not booked."""
        day = day_of(stretch.start)
        key = (product.product_id, day)
        if key not in self.contention:
            self.contention[key] = taken_by_others(self.db, product, day, day)
        noise = around_one(SUPPLY_NOISE, "supply", *key, country, hour_of(stretch.start))
        whole = product.capacity(day)[country] * noise
        left = whole - self.contention[key].get((day, country), 0)
        return max(0.0, left) * traffic(stretch.start, stretch.end) / HOURS

    def _note(self, line: RunningLine, hour: int, *, is_retold: bool) -> None:
        counts = line.told.counts if line.told else []
        for cell, (impressions, clicks, views, spend) in zip(line.cells, counts, strict=True):
            key = (line.reference, line.package_id, hour, cell.creative, cell.country)
            if impressions:
                self.rows.append((*key, line.currency, impressions, clicks, views, spend))
            elif is_retold:
                self.voids.append(key)

    def write(self, hour: int) -> None:
        """Write what was noted; what is final of `hour`, the running one, stays so."""
        count = len(self.rows) + len(self.voids)
        if count:
            first = store.next_numbers(self.db, count)
            self.db.executemany(TELL, [(*row, first + at) for at, row in enumerate(self.rows)])
            last = first + len(self.rows)
            self.db.executemany(TELL_NONE, [(last + at, *key) for at, key in enumerate(self.voids)])
        lines = self.touched.values()
        self.db.executemany(KEEP, [_kept(line) for line in lines])
        settled = [(line.reference, line.package_id, hour) for line in lines if line.told is None]
        self.db.executemany(SETTLE, settled)


def _factors(
    supply: dict[tuple[str, str], float], asked: dict[tuple[str, str, bool], float]
) -> dict[tuple[str, str, bool], float]:
    """Return which share of what was asked is granted, by pool, for guaranteed lines and others."""
    found = {}
    for pool, there in supply.items():
        promised, other = asked.get((*pool, True), 0.0), asked.get((*pool, False), 0.0)
        found[*pool, True] = min(1.0, there / promised) if promised else 0.0
        left = max(0.0, there - promised)
        found[*pool, False] = min(1.0, left / other) if other else 0.0
    return found


def _kept(line: RunningLine) -> tuple[object, ...]:
    shown = (line.told.impressions, line.told.spend) if line.told else (0, 0)
    return (
        *(line.delivered, line.spent, line.remainder),
        *(line.delivered + shown[0], line.spent + shown[1]),
        *(line.reference, line.package_id),
    )


def advance(
    db: sqlite3.Connection,
    until: int,
    *,
    default_daily: int,
    is_final: bool = False,
    patience: float | None = None,
) -> int:
    """Deliver until the moment, and return how far it came: less where `patience` (seconds) ended.

    `is_final` moves the checkpoint to the moment. A moment before the checkpoint changes nothing.
    """
    start, told_before = checkpoint(db)
    if until <= start:
        return start
    run = Delivering(db, start, until, default_daily)
    deadline = None if patience is None else time.monotonic() + patience
    at, final = start, start
    while at < until:
        begin = run.next_start(at)
        if begin is None or begin >= until:
            at = final = until
            break
        stretch = Stretch(max(at, hour_of(begin)), 0, hour_of(begin) + HOUR)
        stretch = Stretch(stretch.start, min(until, stretch.end), stretch.end)
        run.tell(stretch, told_before=told_before)
        at = stretch.told
        if at == stretch.end or is_final:
            run.settle()
            final = at
        else:
            final = stretch.start
        if deadline is not None and time.monotonic() > deadline:
            break
    run.write(hour_of(at))
    _move(db, final, max(at, told_before))
    return at


def checkpoint(db: sqlite3.Connection) -> tuple[int, int]:
    """Return until when delivery is final, and until when it was told."""
    final, told = store.setting(db, "delivered").split()
    return int(final), int(told)


def _move(db: sqlite3.Connection, final: int, told: int) -> None:
    store.keep(db, "delivered", f"{final} {told}")


def begin_at(db: sqlite3.Connection, moment: int) -> None:
    """Deliver from this moment on: at the very beginning, and where the clock was set back.

    Hours that are lived a second time add to what they had.
    """
    db.execute(f"{SETTLE_ALL} WHERE hour >= ?", [hour_of(moment)])
    _move(db, moment, moment)
