"""Whether an order can be delivered: what is free for each package, and who else wants it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.demand import Demand, countries_of, demands_of, impressions_wanted
from mediabuys.models import MediaBuy, Package
from mediabuys.selectors.availability import Availability, availability_of
from mediabuys.selectors.competition import competing_packages
from mediabuys.selectors.desk import PackageFacts
from mediabuys.services.inventory_import import FRESH
from mediabuys.states import BuyStatus
from tasks_hitl.models import Task
from tasks_hitl.states import OPEN_TASK_STATUSES, QueueState, TaskType

# A person reads a short table; the rest is a number.
SHOWN_COMPETITORS = 5
WAITING_STATES = (QueueState.PENDING_MANUAL, QueueState.WAITING_FOR_BUYER)


@dataclass(frozen=True)
class Competitor:
    """Another order on the same product and days; `task_id` only while it waits."""

    package: Package
    state: str
    task_id: str
    impressions: int | None
    since: datetime

    @property
    def buy(self) -> MediaBuy:
        """The order that it is a line of."""
        return self.package.media_buy

    @property
    def flight(self) -> tuple[datetime, datetime]:
        """From when to when it runs."""
        package: Any = self.package
        return package.starts, package.ends


@dataclass(frozen=True)
class Segment:
    """One part of a bar, in percent of its width; `kind` gives its colour, `label` its words."""

    kind: str
    label: str
    impressions: int
    start: float
    width: float


@dataclass(frozen=True)
class LineAvailability:
    """One package: what is free for it, as a bar and in words, and who competes."""

    line: PackageFacts
    found: Availability | None
    competitors: tuple[Competitor, ...]
    more_competitors: int

    @property
    def is_guaranteed(self) -> bool:
        """Whether what it wants is promised."""
        return bool(self.found and self.found.demand.is_guaranteed)

    @property
    def waiting(self) -> int:
        """How many of the competing orders wait for a person or their buyer."""
        return sum(bool(competitor.task_id) for competitor in self.competitors)

    @property
    def tone(self) -> str:
        """How the verdict looks: good, warn, bad, or quiet where nothing is known."""
        found = self.found
        if found is None or found.fits is None:
            return "quiet"
        if found.fits:
            return "warn" if found.is_contended else "good"
        return "bad" if self.is_guaranteed else "warn"

    @property
    def verdict(self) -> str:
        """What to think of it, in a few words and exact numbers."""
        found = self.found
        if found is None or not found.is_known:
            return "Unknown"
        if found.wanted is None:
            return f"{found.free:,} free; this price names no impressions"
        if found.fits:
            return f"Fits: {found.wanted:,} of {found.free:,} free"
        if found.fits is None:
            return f"Unknown: {found.wanted:,} wanted, {found.free:,} free on the days told"
        return f"Short by {found.short_by:,} of {found.wanted:,}"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The bar: taken, this order, held by orders that wait, left."""
        found = self.found
        if found is None or not found.is_known:
            return ()
        return _segments(found)

    @property
    def capacity_at(self) -> float:
        """Where on the bar the inventory ends, in percent."""
        found = self.found
        return 100 * found.capacity / _whole(found) if found else 100.0


@dataclass(frozen=True)
class OrderAvailability:
    """All lines of an order that waits; `trouble` is why the ad server could not be asked just now.

    `is_told` is whether this order's ad server tells its inventory at all.
    """

    lines: tuple[LineAvailability, ...]
    is_told: bool
    now: datetime
    trouble: str = ""

    @property
    def as_of(self) -> datetime | None:
        """How old the oldest of the figures are; None where there are none."""
        known = [line.found.as_of for line in self.lines if line.found and line.found.as_of]
        return min(known, default=None)

    @property
    def is_old(self) -> bool:
        """Whether the ad server should be asked again before somebody decides."""
        missing = any(line.found is not None and not line.found.is_known for line in self.lines)
        return missing or (self.as_of is not None and self.now - self.as_of >= FRESH)

    @property
    def blocking(self) -> tuple[LineAvailability, ...]:
        """The lines for which the order cannot be approved."""
        return tuple(line for line in self.lines if line.found and line.found.blocks)

    @property
    def obstacle(self) -> str:
        """Why the order cannot be approved as it is; empty where it can."""
        return " ".join(
            f"{line.line.package.product.name} is short by {line.found.short_by:,} of "
            f"{line.found.wanted:,} impressions."
            for line in self.blocking
            if line.found
        )

    @property
    def contention(self) -> str:
        """What approving it takes from orders that wait; empty where it takes nothing."""
        return " ".join(
            f"Orders that wait hold {line.found.held:,} impressions of "
            f"{line.line.package.product.name}; this leaves them short by "
            f"{(line.found.wanted or 0) - line.found.available:,}."
            for line in self.lines
            if line.found and line.is_guaranteed and line.found.is_contended
        )

    @property
    def note(self) -> str:
        """What to tell the buyer of it."""
        return " ".join(
            f"Of {line.line.package.product.name}, {line.found.free:,} of {line.found.wanted:,} "
            "impressions are free on these dates."
            for line in self.blocking
            if line.found
        )

    @property
    def suggestion(self) -> str:
        """What the buyer may send instead."""
        lines = [
            f"{line.line.package.product.name} with at most {line.found.free:,} impressions"
            for line in self.blocking
            if line.found and line.found.free
        ]
        return f"Send {' and '.join(lines)}, or other dates." if lines else "Send other dates."


def order_availability(
    *, task: Task, packages: Sequence[PackageFacts], now: datetime, trouble: str = ""
) -> OrderAvailability:
    """Return what is free for each line of a waiting order, and who competes; three queries.

    Competitors only of guaranteed lines, for only those take anything from one another.
    """
    buy = task.media_buy
    demands = demands_of(buy, [line.package for line in packages])
    found = () if task.account.sandbox else availability_of(demands, now=now, other_than=buy)
    rivals = _competitors([one for one in demands if one.is_guaranteed], buy, now)
    lines = []
    for position, (line, demand) in enumerate(zip(packages, demands, strict=True)):
        others = [rival for rival in rivals if demand.is_guaranteed and _competes(rival, demand)]
        lines.append(
            LineAvailability(
                line=line,
                found=found[position] if found else None,
                competitors=tuple(others[:SHOWN_COMPETITORS]),
                more_competitors=max(0, len(others) - SHOWN_COMPETITORS),
            )
        )
    return OrderAvailability(tuple(lines), is_told=bool(found), now=now, trouble=trouble)


def _competes(rival: Competitor, demand: Demand) -> bool:
    """Whether the other line runs on the same product, in these days and in one of these places."""
    starts, ends = rival.flight
    countries = set(countries_of(rival.package.targeting_overlay))
    is_elsewhere = countries and demand.countries and countries.isdisjoint(demand.countries)
    is_same = rival.package.product_id == demand.product_pk and not is_elsewhere
    return is_same and starts < demand.ends and ends > demand.starts


def _competitors(demands: Sequence[Demand], buy: MediaBuy, now: datetime) -> list[Competitor]:
    """Return the competing lines, those that wait first, then the largest."""
    packages = competing_packages(demands, other_than=buy, now=now)
    drafts = {one.media_buy_id for one in packages if one.media_buy.status == BuyStatus.DRAFT}
    waiting = {
        task.media_buy_id: task
        for task in Task.objects.filter(
            media_buy__in=drafts,
            task_type=TaskType.CREATE_MEDIA_BUY,
            status__in=OPEN_TASK_STATUSES,
        )
    }
    rivals = [_competitor(package, waiting.get(package.media_buy_id)) for package in packages]
    return sorted(rivals, key=lambda rival: (not rival.task_id, -(rival.impressions or 0)))


def _competitor(package: Package, task: Task | None) -> Competitor:
    buy = package.media_buy
    waits = task is not None and task.queue_state in WAITING_STATES
    state = task.get_queue_state_display() if task is not None else buy.get_status_display()
    return Competitor(
        package=package,
        state=str(state),
        task_id=task.task_id if task is not None and waits else "",
        impressions=package.held_impressions or impressions_wanted(package),
        since=(buy.confirmed_at or buy.created_at) if task is None else task.created_at,
    )


def _whole(found: Availability) -> int:
    """Return what the bar's width stands for: all inventory, or all that is asked of it."""
    taken = found.reserved + found.sold + found.own
    return max(found.capacity, taken + (found.wanted or 0) + found.held, 1)


def _segments(found: Availability) -> tuple[Segment, ...]:
    parts = [
        ("taken", "taken", found.reserved + found.sold),
        ("own", "other lines of this order", found.own),
        ("wanted", "this order", found.wanted or 0),
        ("held", "held by other orders that wait", found.held),
    ]
    parts.append(("free", "left", max(0, found.capacity - sum(part[2] for part in parts))))
    whole, start, segments = _whole(found), 0.0, []
    for kind, label, impressions in parts:
        width = 100 * impressions / whole
        if impressions:
            segments.append(Segment(kind, label, impressions, round(start, 2), round(width, 2)))
        start += width
    return tuple(segments)
