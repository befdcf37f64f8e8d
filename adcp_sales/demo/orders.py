"""How the orders of the demo are written down.

Days count from today in the publisher's zone; a flight runs from midnight to midnight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adcp_sales.demo.timeline import Calendar
from mediabuys.adservers.port import AdServerError
from tasks_hitl.states import RejectionReason

Moment = Callable[[Calendar], datetime]


def on(days: int, hours: float) -> Moment:
    """At this time of day, on that day or the last working day before it."""
    return lambda calendar: calendar.workday(days, hours)


def ago(hours: float) -> Moment:
    """So many hours before now."""
    return lambda calendar: calendar.now - timedelta(hours=hours)


def overdue(hours: int) -> Moment:
    """Early enough that its answer is so many business hours late."""
    return lambda calendar: calendar.overdue_since(hours)


@dataclass(frozen=True)
class Line:
    product: str
    price: str
    budget: int
    bid: float | None = None
    countries: tuple[str, ...] = ()
    creatives: tuple[str, ...] = ()
    standards: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Who decides if the order waits, and how long after it came in.

    A reason means rejection; with a suggestion the order goes back to its buyer instead.
    """

    by: str = "approver"
    minutes: int = 75
    reason: RejectionReason | None = None
    note: str = ""
    suggestion: str = ""
    internal_note: str = ""


@dataclass(frozen=True)
class DemoChange:
    """What the buyer asks of the running buy: another budget for its first package."""

    asked: Moment
    budget: int


@dataclass(frozen=True)
class DemoOrder:
    """One order; `verdict` None leaves it in the queue, until it expires."""

    account: str
    placed: Moment
    starts: int
    days: int
    lines: tuple[Line, ...]
    verdict: Verdict | None = Verdict()
    po_number: str = ""
    industry: str = ""
    is_held: bool = False
    canceled_on: int | None = None
    booking_error: AdServerError | None = None
    change: DemoChange | None = None


VIEWABLE = {
    "metric": "viewability",
    "threshold": 0.7,
    "standard": "mrc",
    "vendor": {"domain": "viewmeter.example"},
}
OUTDOOR, BANK, CAFE = "fashion_apparel.sportswear", "finance.banking", "food_beverage.restaurants"
POLITICS, TYRES = "government_nonprofit.political", "automotive.parts_accessories"
