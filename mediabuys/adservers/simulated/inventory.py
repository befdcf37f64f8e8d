"""What can be delivered: capacity by product, day and country, and who has taken it."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from mediabuys.adservers.simulated import moments
from mediabuys.adservers.simulated.bodies import COUNTRY, Body, known_name
from mediabuys.adservers.simulated.chance import around_one
from mediabuys.adservers.simulated.problems import Refused

WEEKDAYS = (1.0, 1.03, 1.04, 1.02, 0.96)
WEEKEND = 0.8
NOISE = 0.05
# A forecast of tomorrow is off by 5 percent at most, and one of a far day by 40.
NEAREST_SPREAD, SPREAD_A_DAY, FARTHEST_SPREAD = 0.05, 0.005, 0.4
HORIZON_DAYS = 730
# How much shares may exceed 1 together because of how decimals are written.
SHARES_SLACK = 1.000001

# Impressions by day and country ("" is everywhere at once).
Places = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Product:
    """What is known of a product; `fill` and `under_delivery` bound what a line gets."""

    product_id: str
    daily: int
    countries: tuple[tuple[str, float], ...] = ()
    weekend: float = WEEKEND
    weekdays: tuple[float, ...] = ()
    noise: float = NOISE
    fill: float = 1.0
    under_delivery: float = 1.0

    @property
    def rate(self) -> float:
        """Share of its goal that a line reaches at best."""
        return min(1.0, self.fill * self.under_delivery)

    def shares(self, targeted: Sequence[str]) -> dict[str, float]:
        """Return how a line's impressions fall on countries; targeted ones alone where any are.

        Without figures by country a targeted line falls evenly on its countries, and any other on
        none that is named. Countries without traffic get nothing.
        """
        known = dict(self.countries)
        if not known:
            return {country: 1 / len(targeted) for country in targeted} or {"": 1.0}
        if not targeted:
            rest = 1.0 - sum(known.values())
            return known if rest < SHARES_SLACK - 1.0 else {**known, "": rest}
        chosen = {country: known[country] for country in targeted if known.get(country)}
        whole = sum(chosen.values())
        return {country: share / whole for country, share in chosen.items()}

    def pool(self, country: str) -> str:
        """Return whose traffic serves a country: its own, or everybody's where none is known."""
        return country if any(country == name for name, _ in self.countries) else ""

    def capacity(self, day: str) -> dict[str, int]:
        """Return the day's impressions, everywhere ("") and in each known country."""
        whole = _capacity(self, day)
        return {"": int(whole)} | {name: int(whole * share) for name, share in self.countries}


@lru_cache(maxsize=20_000)
def _capacity(product: Product, day: str) -> float:
    weekday = date.fromisoformat(day).weekday()
    shape = product.weekdays or (*WEEKDAYS, product.weekend, product.weekend)
    noise = around_one(product.noise, "capacity", product.product_id, day)
    return product.daily * shape[weekday] * noise


def product_of(db: sqlite3.Connection, product_id: str, default_daily: int) -> Product:
    """Return what is known of a product; one that nobody described has the default's traffic."""
    row = db.execute("SELECT body FROM products WHERE product_id = ?", [product_id]).fetchone()
    kept: dict[str, Any] = json.loads(row["body"]) if row else {}
    if "countries" in kept:
        kept["countries"] = tuple(sorted(kept["countries"].items()))
    if "weekdays" in kept:
        kept["weekdays"] = tuple(kept["weekdays"])
    return Product(product_id, **{"daily": default_daily, **kept})


def describe(db: sqlite3.Connection, body: Body) -> None:
    """Merge what is said of products into what is known of them."""
    products = body.mapping("products")
    for product_id in products.value:
        known_name(product_id)
        merge(db, product_id, _described(products.mapping(product_id)))


def merge(db: sqlite3.Connection, product_id: str, values: dict[str, object]) -> None:
    """Write these properties of a product, and leave its others."""
    row = db.execute("SELECT body FROM products WHERE product_id = ?", [product_id]).fetchone()
    kept = json.loads(row["body"]) if row else {}
    db.execute(
        "INSERT OR REPLACE INTO products VALUES (?, ?)", [product_id, json.dumps(kept | values)]
    )


def _described(body: Body) -> dict[str, object]:
    found: dict[str, object] = {}
    if body.has("daily"):
        found["daily"] = body.whole("daily", high=10**10)
    if body.has("countries"):
        found["countries"] = _shares(body.mapping("countries"))
    if body.has("weekdays"):
        found["weekdays"] = _weekdays(body)
    bounds = {"weekend": 10.0, "noise": 0.9, "fill": 1.0}
    found |= {
        name: body.number(name, low=0, high=high) for name, high in bounds.items() if body.has(name)
    }
    if unknown := body.value.keys() - found.keys():
        raise body.wrong(min(unknown), "is not known")
    return found


def _shares(body: Body) -> dict[str, float]:
    shares = {name: body.number(name, low=0, high=1) for name in body.value}
    if not all(COUNTRY.fullmatch(name) for name in shares):
        raise Refused(f"{body.path} must have ISO 3166 countries, such as US.")
    if sum(shares.values()) > SHARES_SLACK:
        raise Refused(f"{body.path} must be shares that are 1 together at most.")
    return shares


def _weekdays(body: Body) -> list[float]:
    values = body.value["weekdays"]
    wanted = len(WEEKDAYS) + 2
    is_sound = isinstance(values, list) and len(values) == wanted
    if not is_sound or not all(type(one) in (int, float) and 0 <= one <= 10 for one in values):
        raise body.wrong("weekdays", "must be seven factors from 0 to 10, Monday first")
    return [float(one) for one in values]


def contend(db: sqlite3.Connection, body: Body) -> None:
    """Write what others have booked of a product; the same stretch again replaces it."""
    country = body.text("country", limit=2, default="")
    if country and not COUNTRY.fullmatch(country):
        raise body.wrong("country", "must be an ISO 3166 country, or empty")
    first, last = body.day("first"), body.day("last")
    if last < first:
        raise body.wrong("last", "must not be before first")
    taken = body.whole("impressions_per_day", high=10**10)
    db.execute(
        "INSERT OR REPLACE INTO contention VALUES (?, ?, ?, ?, ?)",
        [body.reference("product_id"), first, last, country, taken],
    )


def taken_by_others(
    db: sqlite3.Connection, product: Product, first: str, last: str
) -> dict[tuple[str, str], int]:
    """Return what others have booked, by day and country, each within `first` to `last`."""
    rows = db.execute(
        "SELECT * FROM contention WHERE product_id = ? AND first <= ? AND last >= ?",
        [product.product_id, last, first],
    ).fetchall()
    found: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        start, end = max(first, row["first"]), min(last, row["last"])
        for day in moments.days_between(moments.start_of(start), moments.start_of(end) + 1):
            for country, share in _places(product, row["country"]):
                found[day, country] += int(row["impressions_per_day"] * share)
    return found


def _places(product: Product, country: str) -> Iterable[tuple[str, float]]:
    """Return where a booking counts: everywhere at once, and in its countries."""
    yield "", 1.0
    named = [(country, 1.0)] if country else product.countries
    yield from ((name, share) for name, share in named if product.pool(name))
