"""Orders: drafts, confirmed and canceled ones, each with its lines under one reference."""

import json
import sqlite3
from decimal import Decimal
from typing import Any

from mediabuys.adservers.simulated import reservations
from mediabuys.adservers.simulated.problems import Declined, NotFound, Refused
from mediabuys.adservers.simulated.requests import Line, Order

WRITE_LINE = """
INSERT INTO lines (
  reference, package_id, product_id, pricing_model, currency, start_time, end_time, impressions,
  is_guaranteed, is_paused, pacing, unit_price, budget, countries, creatives
) VALUES (
  :reference, :package_id, :product_id, :pricing_model, :currency, :start_time, :end_time,
  :impressions, :is_guaranteed, :is_paused, :pacing, :unit_price, :budget, :countries, :creatives
) ON CONFLICT DO UPDATE SET
  product_id = excluded.product_id, pricing_model = excluded.pricing_model,
  currency = excluded.currency, start_time = excluded.start_time, end_time = excluded.end_time,
  impressions = excluded.impressions, is_guaranteed = excluded.is_guaranteed,
  is_paused = excluded.is_paused, pacing = excluded.pacing, unit_price = excluded.unit_price,
  budget = excluded.budget, countries = excluded.countries, creatives = excluded.creatives,
  is_canceled = 0
"""
# What a line's reservation depends on.
RESERVED_BY = ("product_id", "start_time", "end_time", "impressions", "is_guaranteed", "countries")


def validate(order: Order, now: int) -> None:
    """Refuse an order that could not run, wherever there is room."""
    if not order.lines:
        raise Refused("The order has no line items.")
    for line in order.lines:
        if line.end_time <= now:
            raise Declined(f"The flight of {line.package_id} is already over.")


def check_inventory(db: sqlite3.Connection, order: Order, *, now: int, default_daily: int) -> None:
    """Raise Declined where the order's guaranteed lines do not fit."""
    demands = [reservations.demand_of(line, delivered=0, now=now) for line in order.lines]
    reservations.check_fits(
        db, order.reference, [one for one in demands if one], default_daily=default_daily
    )


def create(db: sqlite3.Connection, order: Order, now: int) -> None:
    """Make a draft, or leave the order that is there; a newer revision of a draft replaces it."""
    held = find(db, order.reference)
    if held is not None and held["state"] == "canceled":
        raise Refused("This reference was canceled.")
    if held is None:
        _insert(db, order, "draft", now)
    elif held["state"] == "draft" and held["revision"] < order.revision:
        db.execute("DELETE FROM lines WHERE reference = ?", [order.reference])
        _write_header(db, order)


def add_lines(db: sqlite3.Connection, order: Order) -> None:
    """Add the lines that a draft has not yet; a confirmed order has them all."""
    held = _live(db, order.reference)
    if held["state"] == "draft":
        there = {row["package_id"] for row in _rows(db, order.reference)}
        _write(db, order, [line for line in order.lines if line.package_id not in there])


def confirm(db: sqlite3.Connection, reference: str, *, now: int, default_daily: int) -> None:
    """Commit a draft: its guaranteed lines take their inventory, all of them or none."""
    held = _live(db, reference)
    if held["state"] == "confirmed":
        return
    lines = [line_of(row) for row in _rows(db, reference)]
    if not lines:
        raise Refused("The order has no line items.")
    demands = [reservations.demand_of(line, delivered=0, now=now) for line in lines]
    needed = [demand for demand in demands if demand]
    reservations.check_fits(db, reference, needed, default_daily=default_daily)
    for demand in needed:
        reservations.reserve(db, reference, demand, default_daily=default_daily)
    db.execute("UPDATE orders SET state = 'confirmed' WHERE reference = ?", [reference])


def change(db: sqlite3.Connection, order: Order, *, now: int, default_daily: int) -> None:
    """Make a confirmed order what is described: lines added, changed, and canceled if missing.

    All or nothing; raises Declined where the inventory does not allow it. An older revision than
    the one held changes nothing.
    """
    held = _confirmed(db, order.reference)
    if order.revision < held["revision"]:
        return
    rows = {row["package_id"]: row for row in _rows(db, order.reference)}
    moved = [line for line in order.lines if _takes_otherwise(line, rows.get(line.package_id))]
    delivered = _delivered(db, order.reference)
    demands = [
        reservations.demand_of(line, delivered=delivered.get(line.package_id, 0), now=now)
        for line in moved
    ]
    needed = [demand for demand in demands if demand]
    reservations.check_fits(db, order.reference, needed, default_daily=default_daily)
    gone = rows.keys() - {line.package_id for line in order.lines}
    for package_id in {line.package_id for line in moved} | gone:
        reservations.free(db, order.reference, package_id)
    for demand in needed:
        reservations.reserve(db, order.reference, demand, default_daily=default_daily)
    _cancel_lines(db, order.reference, gone)
    _write(db, order, order.lines)
    _write_header(db, order)


def pause(db: sqlite3.Connection, reference: str, *, revision: int, is_paused: bool) -> None:
    """Hold the order's delivery or let it go on; an older revision changes nothing."""
    held = _confirmed(db, reference)
    if revision >= held["revision"]:
        db.execute(
            "UPDATE orders SET is_paused = ?, revision = ? WHERE reference = ?",
            [is_paused, revision, reference],
        )


def cancel(db: sqlite3.Connection, reference: str, now: int) -> None:
    """End the order for good and free its inventory; an unknown one is remembered as canceled."""
    if find(db, reference) is None:
        _insert(db, Order(reference, 1, "", now, now, ()), "canceled", now)
    db.execute("UPDATE orders SET state = 'canceled' WHERE reference = ?", [reference])
    reservations.free(db, reference)


def held(db: sqlite3.Connection, reference: str) -> dict[str, Any]:
    """Return what is held under the reference, or raise NotFound."""
    order = find(db, reference)
    if order is None:
        raise NotFound("There is no such order.")
    return {
        "reference": reference,
        "order_id": f"sim-order-{order['number']:06}",
        "state": order["state"],
        "revision": order["revision"],
        "is_paused": bool(order["is_paused"]),
        "line_items": {
            row["package_id"]: f"sim-line-{row['number']:06}" for row in _rows(db, reference)
        },
    }


def find(db: sqlite3.Connection, reference: str) -> sqlite3.Row | None:
    """Return the order's row, if there is one."""
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM orders WHERE reference = ?", [reference]
    ).fetchone()
    return found


def line_of(row: sqlite3.Row) -> Line:
    """Return the line of a row as it was asked for."""
    price = row["unit_price"]
    return Line(
        **{name: row[name] for name in ("package_id", "product_id", "pricing_model", "currency")},
        **{name: row[name] for name in ("start_time", "end_time", "impressions", "pacing")},
        unit_price=None if price is None else Decimal(price),
        budget=Decimal(row["budget"]),
        is_guaranteed=bool(row["is_guaranteed"]),
        is_paused=bool(row["is_paused"]),
        countries=tuple(json.loads(row["countries"])),
        creatives=tuple((name, weight) for name, weight in json.loads(row["creatives"])),
    )


def _live(db: sqlite3.Connection, reference: str) -> sqlite3.Row:
    order = find(db, reference)
    if order is None:
        raise NotFound("There is no such order.")
    if order["state"] == "canceled":
        raise Refused("This reference was canceled.")
    return order


def _confirmed(db: sqlite3.Connection, reference: str) -> sqlite3.Row:
    order = _live(db, reference)
    if order["state"] != "confirmed":
        raise Refused("The order is not confirmed.")
    return order


def _rows(db: sqlite3.Connection, reference: str) -> list[sqlite3.Row]:
    """Return the lines that are not canceled."""
    return db.execute(
        "SELECT * FROM lines WHERE reference = ? AND NOT is_canceled ORDER BY number", [reference]
    ).fetchall()


def _delivered(db: sqlite3.Connection, reference: str) -> dict[str, int]:
    rows = db.execute("SELECT package_id, delivered FROM lines WHERE reference = ?", [reference])
    return {row["package_id"]: row["delivered"] for row in rows}


def _takes_otherwise(line: Line, row: sqlite3.Row | None) -> bool:
    if row is None:
        return True
    before = line_of(row)
    return any(getattr(before, name) != getattr(line, name) for name in RESERVED_BY)


def _insert(db: sqlite3.Connection, order: Order, state: str, now: int) -> None:
    db.execute(
        "INSERT INTO orders (reference, advertiser, start_time, end_time, state, revision,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            *(order.reference, order.advertiser, order.start_time, order.end_time),
            *(state, order.revision, now),
        ],
    )


def _write_header(db: sqlite3.Connection, order: Order) -> None:
    db.execute(
        "UPDATE orders SET advertiser = ?, start_time = ?, end_time = ?, revision = ?"
        " WHERE reference = ?",
        [order.advertiser, order.start_time, order.end_time, order.revision, order.reference],
    )


def _write(db: sqlite3.Connection, order: Order, lines: tuple[Line, ...] | list[Line]) -> None:
    db.executemany(
        WRITE_LINE,
        [
            {"reference": order.reference, "package_id": line.package_id, **line.columns()}
            for line in lines
        ],
    )


def _cancel_lines(db: sqlite3.Connection, reference: str, gone: set[str]) -> None:
    db.executemany(
        "UPDATE lines SET is_canceled = 1 WHERE reference = ? AND package_id = ?",
        [(reference, package_id) for package_id in sorted(gone)],
    )
