"""The one page for people: what the simulated ad server has at the moment."""

import json
import sqlite3
from collections.abc import Iterable
from html import escape

from mediabuys.adservers.simulated import amounts, creatives, moments
from mediabuys.adservers.simulated.simulator import PATIENCE_SECONDS, Simulator

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
ORDERS_SHOWN, CREATIVES_SHOWN = 100, 100
REFRESH_SECONDS = 15

HEAD = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated ad server</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{REFRESH_SECONDS}">
<style>
:root {{ color-scheme: light dark; --line: #8884; --quiet: #777; --bar: #2f7dd1; }}
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto;
  padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; margin: 0; }} h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .4rem; }}
p {{ margin: .3rem 0; }} .quiet {{ color: var(--quiet); }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); }}
th {{ font-weight: 600; color: var(--quiet); }} .number {{ text-align: right; }}
tr.order td {{ padding-top: 1.1rem; }} tr.line td:first-child {{ padding-left: 1.2rem; }}
.bar {{ position: relative; width: 9rem; height: .6rem; background: var(--line);
  border-radius: .3rem; overflow: hidden; margin-top: .35rem; }}
.bar i {{ position: absolute; inset: 0 auto 0 0; background: var(--bar); }}
.bar b {{ position: absolute; inset: 0 auto 0 0; border-right: 2px solid currentColor; }}
span {{ white-space: nowrap; }}
</style></head><body>
"""


def render(sim: Simulator) -> str:
    """Return the page; it needs no token, and so shows nothing secret."""
    with sim.store.writing() as db:
        sim.deliver(db, sim.clock.now(), patience=PATIENCE_SECONDS)
    with sim.store.reading() as db:
        now = sim.clock.now()
        parts = [HEAD, *_clock(sim, db, now), *_orders(db, now), *_creatives(db)]
    return "".join([*parts, "</body></html>\n"])


def _clock(sim: Simulator, db: sqlite3.Connection, now: int) -> Iterable[str]:
    policy, delay = creatives.robot(db)
    yield "<h1>Simulated ad server</h1>"
    yield "<p class=quiet>It makes up what it tells, and serves no advertising.</p>"
    speed = "" if sim.clock.speed == 1 else f", {sim.clock.speed:g} times as fast as ours"
    yield f"<p>Its clock says <b>{_moment(now)} UTC</b>{speed}. Its review robot "
    yield _ROBOT[policy].format(delay / moments.SECOND) + ".</p>"


_ROBOT = {
    "approve": "approves creatives after {:g} s",
    "reject": "rejects creatives after {:g} s",
    "hold": "decides nothing",
}


def _orders(db: sqlite3.Connection, now: int) -> Iterable[str]:
    orders = db.execute(
        "SELECT * FROM orders ORDER BY number DESC LIMIT ?", [ORDERS_SHOWN]
    ).fetchall()
    [count] = db.execute("SELECT count(*) FROM orders").fetchone()
    approved = {
        row["reference"]
        for row in db.execute("SELECT reference FROM creatives WHERE review = 'approved'")
    }
    yield f"<h2>Orders</h2>{_shown(len(orders), count)}<div class=scroll><table>"
    yield "<tr><th>Order, line<th>Product<th>Flight (UTC)<th>State"
    yield "<th class=number>Impressions<th>Of its goal, and time<th class=number>Spend</tr>"
    for order in orders:
        state = order["state"] + (", paused" if order["is_paused"] else "")
        yield f"<tr class=order><td><b>{escape(order['reference'])}</b>"
        yield f"<td class=quiet>{escape(order['advertiser'])}"
        yield f"<td>{_flight(order)}<td>{state}, revision {order['revision']}<td><td><td></tr>"
        lines = db.execute(
            "SELECT * FROM lines WHERE reference = ? ORDER BY number", [order["reference"]]
        )
        for line in lines:
            yield _line(order, line, approved, now)
    yield "</table></div>"


def _line(order: sqlite3.Row, line: sqlite3.Row, approved: set[str], now: int) -> str:
    delivered, spend = line["told_impressions"], amounts.spell(line["told_spend"], line["currency"])
    goal = line["impressions"]
    share = min(1.0, delivered / goal) if goal else 0.0
    passed = (now - line["start_time"]) / (line["end_time"] - line["start_time"])
    mark = f"<b style='width:{min(1.0, max(0.0, passed)):.1%}'></b>"
    bar = f"<div class=bar><i style='width:{share:.1%}'></i>{mark}</div>" if goal else ""
    return (
        f"<tr class=line><td>{escape(line['package_id'])}<td>{escape(line['product_id'])}"
        f"<td>{_flight(line)}<td>{_line_state(order, line, approved, now)}"
        f"<td class=number><span>{delivered:,}{f' of {goal:,}' if goal else ''}</span><td>{bar}"
        f"<td class=number><span>{spend} of {escape(line['budget'])}</span>"
        f" {escape(line['currency'])}</tr>"
    )


def _line_state(order: sqlite3.Row, line: sqlite3.Row, approved: set[str], now: int) -> str:
    assigned = {name for name, _ in json.loads(line["creatives"])}
    words = (
        (order["state"] == "canceled" or line["is_canceled"], "canceled"),
        (order["state"] == "draft", "draft"),
        (line["end_time"] <= now, "ended"),
        (line["is_paused"] or order["is_paused"], "paused"),
        (not assigned & approved, "waits for approved creatives"),
        (line["start_time"] > now, "waits for its start"),
        (line["impressions"] and line["told_impressions"] >= line["impressions"], "goal reached"),
    )
    return next((word for holds, word in words if holds), "runs")


def _creatives(db: sqlite3.Connection) -> Iterable[str]:
    rows = db.execute(
        "SELECT * FROM creatives ORDER BY changed DESC LIMIT ?", [CREATIVES_SHOWN]
    ).fetchall()
    [count] = db.execute("SELECT count(*) FROM creatives").fetchone()
    yield f"<h2>Creatives</h2>{_shown(len(rows), count)}<div class=scroll><table>"
    yield "<tr><th>Creative<th>Name<th>Format<th>Review<th>Reason</tr>"
    for row in rows:
        cells = (row["reference"], row["name"], row["format_id"], row["review"], row["reason"])
        yield "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells) + "</tr>"
    yield "</table></div>"


def _shown(shown: int, count: int) -> str:
    if not count:
        return "<p class=quiet>None yet.</p>"
    return "" if shown == count else f"<p class=quiet>The newest {shown} of {count:,}.</p>"


def _flight(row: sqlite3.Row) -> str:
    return f"<span>{_moment(row['start_time'])} to</span> <span>{_moment(row['end_time'])}</span>"


def _moment(moment: int) -> str:
    return moments.spell(moment - moment % moments.SECOND)[:16].replace("T", " ")
