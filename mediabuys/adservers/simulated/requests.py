"""Orders and creatives as callers describe them."""

import json
from dataclasses import dataclass
from decimal import Decimal

from mediabuys.adservers.simulated.bodies import CURRENCY, Body
from mediabuys.adservers.simulated.problems import Refused

PRICING_MODELS = ("cpm", "vcpm", "cpc", "cpcv", "cpv", "flat_rate")
PACING = ("", "even", "asap", "front_loaded")
REVISION_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Line:
    """One line item; times in milliseconds, `creatives` as pairs of reference and weight."""

    package_id: str
    product_id: str
    pricing_model: str
    unit_price: Decimal | None
    budget: Decimal
    currency: str
    start_time: int
    end_time: int
    impressions: int | None
    is_guaranteed: bool
    is_paused: bool
    pacing: str
    countries: tuple[str, ...]
    creatives: tuple[tuple[str, float | None], ...]

    def columns(self) -> dict[str, object]:
        """Return the line as its row has it, except for its order and its package."""
        return {
            **{name: getattr(self, name) for name in PLAIN_COLUMNS},
            "unit_price": None if self.unit_price is None else f"{self.unit_price:f}",
            "budget": f"{self.budget:f}",
            "countries": json.dumps(self.countries),
            "creatives": json.dumps(self.creatives),
        }


PLAIN_COLUMNS = (
    *("product_id", "pricing_model", "currency", "start_time", "end_time", "impressions"),
    *("is_guaranteed", "is_paused", "pacing"),
)


@dataclass(frozen=True)
class Order:
    """A whole order."""

    reference: str
    revision: int
    advertiser: str
    start_time: int
    end_time: int
    lines: tuple[Line, ...]


def read_order(body: Body, reference: str) -> Order:
    """Return the order that was sent under this reference."""
    if body.reference("reference") != reference:
        raise body.wrong("reference", "must be the one in the address")
    lines = tuple(_line(entry) for entry in body.entries("line_items"))
    if len({line.package_id for line in lines}) < len(lines):
        raise body.wrong("line_items", "must have each package_id once")
    return Order(
        reference=reference,
        revision=read_revision(body),
        advertiser=body.text("advertiser", default=""),
        start_time=body.moment("start_time"),
        end_time=_after(body, "end_time", body.moment("start_time")),
        lines=lines,
    )


def read_revision(body: Body) -> int:
    """Return the revision of what is told."""
    return body.whole("revision", low=1, high=REVISION_LIMIT)


def _line(body: Body) -> Line:
    return Line(
        package_id=body.reference("package_id"),
        product_id=body.reference("product_id"),
        pricing_model=body.word("pricing_model", PRICING_MODELS),
        unit_price=body.amount("unit_price") if body.has("unit_price") else None,
        budget=body.amount("budget"),
        currency=body.matching("currency", CURRENCY, "must be an ISO 4217 currency"),
        start_time=body.moment("start_time"),
        end_time=_after(body, "end_time", body.moment("start_time")),
        impressions=body.whole("impressions") if body.has("impressions") else None,
        is_guaranteed=body.flag("is_guaranteed", default=False),
        is_paused=body.flag("is_paused", default=False),
        pacing=body.word("pacing", PACING, ""),
        countries=tuple(body.countries("countries")),
        creatives=tuple(_assigned(entry) for entry in body.entries("creatives")),
    )


def _assigned(body: Body) -> tuple[str, float | None]:
    weight = float(body.amount("weight")) if body.has("weight") else None
    return body.reference("reference"), weight


def _after(body: Body, name: str, start: int) -> int:
    end = body.moment(name)
    if end <= start:
        raise body.wrong(name, "must be after start_time")
    return end


@dataclass(frozen=True)
class Creative:
    """A creative to review."""

    reference: str
    revision: int
    advertiser: str
    name: str
    format_id: str
    assets: str


def read_creative(body: Body, reference: str) -> Creative:
    """Return the creative that was sent under this reference; its assets stay JSON."""
    if not isinstance(body.value.get("assets", {}), dict):
        raise Refused("assets must be an object.")
    return Creative(
        reference=reference,
        revision=read_revision(body),
        advertiser=body.text("advertiser", default=""),
        name=body.text("name", default=""),
        format_id=body.text("format_id", default=""),
        # Escaped to ASCII, so that whatever text there is can be kept.
        assets=json.dumps(body.value.get("assets", {})),
    )
