"""The ad server's own API, `/v1/…`: see docs/simulated-ad-server.md."""

from mediabuys.adservers.simulated import (
    creatives,
    delivery,
    moments,
    orders,
    reports,
    reservations,
    store,
)
from mediabuys.adservers.simulated.bodies import day
from mediabuys.adservers.simulated.calling import NOTHING, Answer, Call, Route
from mediabuys.adservers.simulated.problems import Refused
from mediabuys.adservers.simulated.requests import read_creative, read_order, read_revision
from mediabuys.adservers.simulated.simulator import PATIENCE_SECONDS, Simulator

PRODUCTS_LIMIT, DAYS_LIMIT = 500, 800
STATES_LIMIT, ROWS_LIMIT = 2_000, 20_000


def health(sim: Simulator, _call: Call) -> Answer:
    """Say that it is there, and what time it has."""
    message = "The simulated ad server is running. It serves no advertising."
    now = moments.spell(sim.clock.now())
    return Answer(body={"well": True, "message": message, "now": now})


def validate_order(sim: Simulator, call: Call) -> Answer:
    """Check an order, or whether its inventory is there."""
    body = call.body()
    scope = body.word("scope", ("order", "inventory"))
    order, now = read_order(body.mapping("order"), call.reference), sim.clock.now()
    if scope == "order":
        orders.validate(order, now)
    else:
        with sim.store.reading() as db:
            orders.check_inventory(db, order, now=now, default_daily=sim.defaults.daily)
    return NOTHING


def create_order(sim: Simulator, call: Call) -> Answer:
    """Make a draft, or find the order."""
    order = read_order(call.body(), call.reference)
    with sim.store.writing() as db:
        orders.create(db, order, sim.clock.now())
        return Answer(body=orders.held(db, order.reference))


def add_line_items(sim: Simulator, call: Call) -> Answer:
    """Add what lines a draft has not yet."""
    order = read_order(call.body(), call.reference)
    with sim.store.writing() as db:
        orders.add_lines(db, order)
        return Answer(body=orders.held(db, order.reference))


def confirm_order(sim: Simulator, call: Call) -> Answer:
    """Commit a draft."""
    with sim.changing() as (db, now):
        orders.confirm(db, call.reference, now=now, default_daily=sim.defaults.daily)
        return Answer(body=orders.held(db, call.reference))


def find_order(sim: Simulator, call: Call) -> Answer:
    """Say what is held under a reference."""
    with sim.store.reading() as db:
        return Answer(body=orders.held(db, call.reference))


def change_order(sim: Simulator, call: Call) -> Answer:
    """Make a confirmed order what is described."""
    order = read_order(call.body(), call.reference)
    with sim.changing() as (db, now):
        orders.change(db, order, now=now, default_daily=sim.defaults.daily)
        return Answer(body=orders.held(db, order.reference))


def pause_order(sim: Simulator, call: Call) -> Answer:
    """Hold an order's delivery."""
    return _pause(sim, call, is_paused=True)


def resume_order(sim: Simulator, call: Call) -> Answer:
    """Let an order deliver again."""
    return _pause(sim, call, is_paused=False)


def _pause(sim: Simulator, call: Call, *, is_paused: bool) -> Answer:
    revision = read_revision(call.body())
    with sim.changing() as (db, _now):
        orders.pause(db, call.reference, revision=revision, is_paused=is_paused)
        return Answer(body=orders.held(db, call.reference))


def cancel_order(sim: Simulator, call: Call) -> Answer:
    """End an order for good."""
    with sim.changing() as (db, now):
        orders.cancel(db, call.reference, now)
    return NOTHING


def availability(sim: Simulator, call: Call) -> Answer:
    """Forecast the days of some products."""
    products = call.words("product")
    if not 0 < len(products) <= PRODUCTS_LIMIT:
        raise Refused(f"product must be given from 1 to {PRODUCTS_LIMIT} times.")
    first, last = day(call.word("first"), "first"), day(call.word("last"), "last")
    length = (moments.start_of(last) - moments.start_of(first)) // moments.DAY + 1
    if not 0 < length <= DAYS_LIMIT:
        raise Refused(f"last must be from first to {DAYS_LIMIT} days on.")
    with sim.store.reading() as db:
        days = reservations.availability(
            db,
            products,
            first=first,
            last=last,
            now=sim.clock.now(),
            default_daily=sim.defaults.daily,
        )
    return Answer(body={"days": days})


def push_creative(sim: Simulator, call: Call) -> Answer:
    """Take a creative, or a newer revision, for review."""
    creative = read_creative(call.body(), call.reference)
    with sim.changing() as (db, now):
        creatives.push(db, creative, now)
        sim.deliver(db, now)
        return Answer(body=creatives.state(db, creative.reference))


def creative_states(sim: Simulator, call: Call) -> Answer:
    """Tell the reviews that changed."""
    limit = call.number("limit", high=STATES_LIMIT, default=500)
    sim.catch_up()
    with sim.store.reading() as db:
        states, last, more = creatives.page(db, reports.after(db, call.word("after")), limit)
        cursor = reports.cursor(db, last)
    return Answer(body={"states": states, "cursor": cursor, "more": more})


def delivered_hours(sim: Simulator, call: Call) -> Answer:
    """Tell the hours that changed.

    After a long time without a look it tells, with `more`, as far as it came, and goes on at the
    next call.
    """
    limit = call.number("limit", high=ROWS_LIMIT, default=5_000)
    now = sim.clock.now()
    with sim.store.writing() as db:
        reached = sim.deliver(db, now, patience=PATIENCE_SECONDS)
        if reached < now:
            store.next_numbers(db)
    with sim.store.reading() as db:
        seen = reports.after(db, call.word("after"))
        rows, last, more = reports.page(db, seen, limit)
        told = delivery.checkpoint(db)[1]
        if not more and told < now:
            # There are no rows yet, and still the caller must see that it moves on.
            last, more = int(store.setting(db, "changes")), True
        cursor = reports.cursor(db, last)
    as_of = moments.spell(min(told, now))
    return Answer(body={"rows": rows, "cursor": cursor, "more": more, "as_of": as_of})


ROUTES = (
    Route("GET", "/v1/health", health),
    Route("POST", "/v1/orders/*/validate", validate_order),
    Route("PUT", "/v1/orders/*", create_order),
    Route("PUT", "/v1/orders/*/line-items", add_line_items),
    Route("POST", "/v1/orders/*/confirm", confirm_order),
    Route("GET", "/v1/orders/*", find_order),
    Route("PUT", "/v1/orders/*/state", change_order),
    Route("POST", "/v1/orders/*/pause", pause_order),
    Route("POST", "/v1/orders/*/resume", resume_order),
    Route("POST", "/v1/orders/*/cancel", cancel_order),
    Route("GET", "/v1/availability", availability),
    Route("PUT", "/v1/creatives/*", push_creative),
    Route("GET", "/v1/creative-states", creative_states),
    Route("GET", "/v1/delivery", delivered_hours),
)
