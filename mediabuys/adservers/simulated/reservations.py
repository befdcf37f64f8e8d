"""What guaranteed lines take of the inventory, and whether one more fits."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mediabuys.adservers.simulated import moments
from mediabuys.adservers.simulated.inventory import (
    FARTHEST_SPREAD,
    HORIZON_DAYS,
    NEAREST_SPREAD,
    SPREAD_A_DAY,
    Places,
    Product,
    product_of,
    taken_by_others,
)
from mediabuys.adservers.simulated.problems import Declined
from mediabuys.adservers.simulated.requests import Line


@dataclass(frozen=True)
class Demand:
    """What one guaranteed line still has to deliver, from when to when."""

    package_id: str
    product_id: str
    start: int
    end: int
    impressions: int
    countries: tuple[str, ...]


def demand_of(line: Line, *, delivered: int, now: int) -> Demand | None:
    """Return what the line needs from now on; None where it takes no inventory."""
    start, missing = max(line.start_time, now), (line.impressions or 0) - delivered
    if not line.is_guaranteed or missing <= 0 or start >= line.end_time:
        return None
    return Demand(line.package_id, line.product_id, start, line.end_time, missing, line.countries)


def check_fits(
    db: sqlite3.Connection, reference: str, demands: Sequence[Demand], *, default_daily: int
) -> None:
    """Raise Declined where the demands of an order do not fit what is free, all of them together.

    What the order has reserved for these packages counts as free.
    """
    for product_id in sorted({demand.product_id for demand in demands}):
        product = product_of(db, product_id, default_daily)
        wanted = [demand for demand in demands if demand.product_id == product_id]
        if all(product.shares(demand.countries) for demand in wanted):
            _check_product(db, reference, product, wanted)
        else:
            raise Declined(f"{product_id} has no traffic in the countries that are targeted.")


def _check_product(
    db: sqlite3.Connection, reference: str, product: Product, demands: Sequence[Demand]
) -> None:
    asked: dict[tuple[str, str], int] = defaultdict(int)
    for demand in demands:
        for place, impressions in needs(demand, product).items():
            # Without targets it may run wherever there is room.
            if demand.countries or place[1] == "":
                asked[place] += impressions
    days = sorted(day for day, _ in asked)
    packages = {demand.package_id for demand in demands}
    taken, own = _reserved(db, product, days[0], days[-1], (reference, packages))
    for place in sorted(asked):
        capacity = product.capacity(place[0])[place[1]]
        if asked[place] > max(capacity - taken[place], own[place]):
            raise Declined(_too_much(product, place, asked[place], capacity - taken[place]))


def _too_much(product: Product, place: tuple[str, str], needed: int, free: int) -> str:
    day, country = place
    where = f" in {country}" if country else ""
    return (
        f"{product.product_id} has {max(0, free):,} impressions left on {day}{where}, and this "
        f"order needs {needed:,}."
    )


def reserve(db: sqlite3.Connection, reference: str, demand: Demand, *, default_daily: int) -> None:
    """Take the inventory of one line, evenly over its time."""
    product = product_of(db, demand.product_id, default_daily)
    db.executemany(
        "INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?)",
        [
            (reference, demand.package_id, demand.product_id, day, country, impressions)
            for (day, country), impressions in needs(demand, product).items()
        ],
    )


def free(db: sqlite3.Connection, reference: str, package_id: str | None = None) -> None:
    """Give back the inventory of an order, or of one of its lines."""
    db.execute(
        "DELETE FROM reservations WHERE reference = ? AND package_id = coalesce(?, package_id)",
        [reference, package_id],
    )


def needs(demand: Demand, product: Product) -> Places:
    """Return what a line takes by day and country; the days sum to its impressions exactly."""
    length, before, found = demand.end - demand.start, 0, {}
    targeted = {product.pool(country) for country in demand.countries}
    shares = {
        country: share
        for country, share in product.shares(demand.countries).items()
        if product.pool(country) and (not demand.countries or country in targeted)
    }
    for day in moments.days_between(demand.start, demand.end):
        passed = min(moments.start_of(day) + moments.DAY, demand.end) - demand.start
        so_far = demand.impressions * passed // length
        today, before = so_far - before, so_far
        found[day, ""] = today
        found |= {(day, country): int(today * share) for country, share in shares.items()}
    return found


def _reserved(
    db: sqlite3.Connection,
    product: Product,
    first: str,
    last: str,
    own: tuple[str, Iterable[str]] = ("", ()),
) -> tuple[Places, Places]:
    """Return what is taken by day and country: by all but `own`, and by `own` itself."""
    rows = db.execute(
        "SELECT reference, package_id, day, country, impressions FROM reservations"
        " WHERE product_id = ? AND day BETWEEN ? AND ?",
        [product.product_id, first, last],
    )
    reference, packages = own
    others: Places = defaultdict(int, taken_by_others(db, product, first, last))
    mine: Places = defaultdict(int)
    for row in rows:
        is_mine = row["reference"] == reference and row["package_id"] in packages
        (mine if is_mine else others)[row["day"], row["country"]] += row["impressions"]
    return others, mine


def availability(
    db: sqlite3.Connection,
    product_ids: Sequence[str],
    *,
    first: str,
    last: str,
    now: int,
    default_daily: int,
) -> list[dict[str, object]]:
    """Return the forecast of these products by day and country, and what is taken of it.

    Products without traffic and days beyond the horizon are left out.
    """
    last = min(last, moments.day_of(now + HORIZON_DAYS * moments.DAY))
    if last < first:
        return []
    days = moments.days_between(moments.start_of(first), moments.start_of(last) + 1)
    found: list[dict[str, object]] = []
    for product_id in dict.fromkeys(product_ids):
        product = product_of(db, product_id, default_daily)
        if product.daily:
            taken, _ = _reserved(db, product, first, last)
            found += [entry for day in days for entry in _day(product, day, taken, now)]
    return found


def _day(product: Product, day: str, taken: Places, now: int) -> Iterable[dict[str, object]]:
    ahead = (moments.start_of(day) - moments.start_of(moments.day_of(now))) // moments.DAY
    spread = min(FARTHEST_SPREAD, NEAREST_SPREAD + SPREAD_A_DAY * (ahead - 1)) if ahead > 0 else 0.0
    for country, capacity in product.capacity(day).items():
        yield {
            "product_id": product.product_id,
            "day": day,
            "country": country,
            "capacity": capacity,
            "low": int(capacity * (1 - spread)),
            "high": int(capacity * (1 + spread)),
            "reserved": taken.get((day, country), 0),
        }
