"""The world around the ad server, `/simulation/…`: its time, its people and what goes wrong."""

import json
import sqlite3
from typing import Any

from mediabuys.adservers.simulated import amounts, creatives, delivery, inventory, moments, reports
from mediabuys.adservers.simulated.bodies import known_name
from mediabuys.adservers.simulated.calling import NOTHING, Answer, Call, Route
from mediabuys.adservers.simulated.clock import real_now
from mediabuys.adservers.simulated.faults import read_fault
from mediabuys.adservers.simulated.problems import Refused
from mediabuys.adservers.simulated.simulator import Simulator

FARTHEST = 3_660 * moments.DAY
FASTEST = 100_000.0
FORCED_LIMIT = 20_000


def clock(sim: Simulator, _call: Call) -> Answer:
    """Say what time it is."""
    return Answer(body={"now": moments.spell(sim.clock.now()), "speed": sim.clock.speed})


def set_clock(sim: Simulator, call: Call) -> Answer:
    """Set the time, go on in it, change its speed; figures that were told are not taken back."""
    body = call.body()
    set_to = body.moment("now") if body.has("now") else None
    seconds = body.number("advance_seconds", low=-4e8, high=4e8, default=0.0)
    speed = body.number("speed", low=0, high=FASTEST, default=sim.clock.speed)
    sim.catch_up()
    with sim.store.writing() as db:
        now = sim.clock.now()
        wanted = (now if set_to is None else set_to) + int(seconds * moments.SECOND)
        if abs(wanted - real_now()) > FARTHEST:
            raise Refused("now must be within ten years of the machine's time.")
        if wanted < now:
            sim.deliver(db, now, is_final=True)
            delivery.begin_at(db, wanted)
        sim.clock.set(now=wanted, speed=speed)
        sim.clock.save(db)
    return clock(sim, call)


def add_fault(sim: Simulator, call: Call) -> Answer:
    """Let something go wrong."""
    sim.faults.add(read_fault(call.body()))
    return NOTHING


def heal_faults(sim: Simulator, _call: Call) -> Answer:
    """Let nothing go wrong any more."""
    sim.faults.heal()
    return NOTHING


def describe_inventory(sim: Simulator, call: Call) -> Answer:
    """Say what products can deliver."""
    body = call.body()
    with sim.changing() as (db, _now):
        inventory.describe(db, body)
    return NOTHING


def add_contention(sim: Simulator, call: Call) -> Answer:
    """Say what others have booked."""
    body = call.body()
    with sim.changing() as (db, _now):
        inventory.contend(db, body)
    return NOTHING


def set_delivery(sim: Simulator, call: Call) -> Answer:
    """Say which share of their goals the lines of a product reach."""
    shares = call.body().mapping("under_delivery")
    with sim.changing() as (db, _now):
        for product_id in shares.value:
            share = shares.number(known_name(product_id), low=0, high=1)
            inventory.merge(db, product_id, {"under_delivery": share})
    return NOTHING


def set_robot(sim: Simulator, call: Call) -> Answer:
    """Say what the robot does with creatives, from now on."""
    body = call.body()
    with sim.changing() as (db, _now):
        policy, delay = creatives.robot(db)
        creatives.set_robot(
            db,
            policy=body.word("policy", creatives.POLICIES, policy),
            delay_seconds=body.number(
                "delay_seconds", low=0, high=4e8, default=delay / moments.SECOND
            ),
        )
    return NOTHING


def decide_creative(sim: Simulator, call: Call) -> Answer:
    """Decide about a creative as a person would: approve, refuse or revoke."""
    body = call.body()
    review = body.word("review", creatives.REVIEWS)
    reason = body.text("reason", default="")
    with sim.changing() as (db, _now):
        creatives.decide(db, call.reference, review, reason)
        return Answer(body=creatives.state(db, call.reference))


def force_rows(sim: Simulator, call: Call) -> Answer:
    """Put rows into the report, as they are."""
    rows = call.body().value.get("rows")
    if not isinstance(rows, list) or len(rows) > FORCED_LIMIT:
        raise Refused(f"rows must be a list of at most {FORCED_LIMIT}.")
    with sim.store.writing() as db:
        reports.force(db, rows)
    return NOTHING


def list_orders(sim: Simulator, _call: Call) -> Answer:
    """Tell every order with its lines and what they had."""
    sim.catch_up()
    with sim.store.reading() as db:
        return Answer(body={"orders": told_orders(db)})


def told_orders(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every order with its lines, oldest first."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in db.execute("SELECT * FROM lines ORDER BY number"):
        lines.setdefault(row["reference"], []).append(_told_line(row))
    return [
        {
            **{name: row[name] for name in ("reference", "advertiser", "state", "revision")},
            "order_id": f"sim-order-{row['number']:06}",
            "is_paused": bool(row["is_paused"]),
            "start_time": moments.spell(row["start_time"]),
            "end_time": moments.spell(row["end_time"]),
            "line_items": lines.get(row["reference"], []),
        }
        for row in db.execute("SELECT * FROM orders ORDER BY number")
    ]


def _told_line(row: sqlite3.Row) -> dict[str, Any]:
    same = ("package_id", "product_id", "pricing_model", "unit_price", "budget", "currency")
    flags = ("is_guaranteed", "is_paused", "is_canceled")
    return {
        **{name: row[name] for name in same},
        **{name: bool(row[name]) for name in flags},
        "line_item_id": f"sim-line-{row['number']:06}",
        "start_time": moments.spell(row["start_time"]),
        "end_time": moments.spell(row["end_time"]),
        "impressions": row["impressions"],
        "pacing": row["pacing"],
        "countries": json.loads(row["countries"]),
        "creatives": [
            {"reference": name, "weight": weight} for name, weight in json.loads(row["creatives"])
        ],
        "delivered": row["told_impressions"],
        "spend": amounts.spell(row["told_spend"], row["currency"]),
    }


def list_calls(sim: Simulator, call: Call) -> Answer:
    """Tell the last calls."""
    after = call.number("after", high=10**12, default=0, low=0)
    return Answer(body={"calls": sim.calls.after(after)})


def reset(sim: Simulator, _call: Call) -> Answer:
    """Forget everything."""
    sim.reset()
    return NOTHING


ROUTES = (
    Route("GET", "/simulation/clock", clock),
    Route("POST", "/simulation/clock", set_clock),
    Route("POST", "/simulation/faults", add_fault),
    Route("DELETE", "/simulation/faults", heal_faults),
    Route("POST", "/simulation/inventory", describe_inventory),
    Route("POST", "/simulation/contention", add_contention),
    Route("POST", "/simulation/delivery", set_delivery),
    Route("POST", "/simulation/creatives", set_robot),
    Route("POST", "/simulation/creatives/*", decide_creative),
    Route("POST", "/simulation/rows", force_rows),
    Route("GET", "/simulation/orders", list_orders),
    Route("GET", "/simulation/calls", list_calls),
    Route("POST", "/simulation/reset", reset),
)
