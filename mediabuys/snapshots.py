"""What a package's latest figures say: how old, how well paced, and whether it delivers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from mediabuys.adservers.profiles import SnapshotProfile

PACING_STEP = Decimal("0.0001")


class Unavailable(StrEnum):
    """Why there is no snapshot."""

    UNSUPPORTED = "SNAPSHOT_UNSUPPORTED"
    TEMPORARILY_UNAVAILABLE = "SNAPSHOT_TEMPORARILY_UNAVAILABLE"
    PERMISSION_DENIED = "SNAPSHOT_PERMISSION_DENIED"


class DeliveryStatus(StrEnum):
    """What a package's delivery has come to."""

    DELIVERING = "delivering"
    NOT_DELIVERING = "not_delivering"
    COMPLETED = "completed"
    BUDGET_EXHAUSTED = "budget_exhausted"
    FLIGHT_ENDED = "flight_ended"
    GOAL_MET = "goal_met"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A package as its delivery is judged.

    `runs` while nothing holds it back but its dates; `stopped_at` is when it stopped for good
    before its end. `goal` is in impressions, `budget` in `currency`.
    """

    start: datetime
    end: datetime
    runs: bool
    activated_at: datetime
    stopped_at: datetime | None = None
    is_completed: bool = False
    budget: Decimal
    currency: str
    goal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Totals since the package's start, as the ad server told them at `as_of`."""

    as_of: datetime
    impressions: int
    clicks: int | None
    spend: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Figures, and what they mean now; `pacing_index` is 1 on track, less than 1 behind."""

    figures: Figures
    staleness_seconds: int
    pacing_index: Decimal | None
    delivery_status: DeliveryStatus | None


def read_snapshot(
    *,
    line: Line,
    figures: Figures | None,
    profile: SnapshotProfile | None,
    may_see: bool,
    now: datetime,
) -> Snapshot | Unavailable:
    """Return the package's snapshot, or why there is none; permission is asked first."""
    if not may_see:
        return Unavailable.PERMISSION_DENIED
    if profile is None:
        return Unavailable.UNSUPPORTED
    if figures is None or _is_too_old(figures, line, profile, now):
        return Unavailable.TEMPORARILY_UNAVAILABLE
    return Snapshot(
        figures=figures,
        staleness_seconds=staleness_seconds(figures.as_of, profile, now),
        pacing_index=pacing_index(line, figures),
        delivery_status=delivery_status(line, figures, profile, now),
    )


def _is_too_old(figures: Figures, line: Line, profile: SnapshotProfile, now: datetime) -> bool:
    """Whether the import is broken; what has stopped needs no later figures than its end."""
    if profile.oldest is None:
        return False
    needed_until = min(now, line.stopped_at or line.end)
    return needed_until - figures.as_of > profile.oldest


def staleness_seconds(as_of: datetime, profile: SnapshotProfile, now: datetime) -> int:
    """Return how old the data may be in seconds, and never less than it is."""
    return max(_whole_seconds(profile.staleness), _whole_seconds(now - as_of))


def _whole_seconds(span: timedelta) -> int:
    return -(-span // timedelta(seconds=1))


def pacing_index(line: Line, figures: Figures) -> Decimal | None:
    """Return delivered over expected by `as_of`, spread evenly over the flight.

    It counts impressions where they are the goal, else spend; None before the flight begins, or
    where nothing is comparable.
    """
    elapsed = min(figures.as_of, line.end) - line.start
    if elapsed <= timedelta():
        return None
    done = _share_done(line, figures)
    if done is None:
        return None
    expected = Decimal(str(elapsed / (line.end - line.start)))
    return (done / expected).quantize(PACING_STEP, rounding=ROUND_HALF_UP)


def _share_done(line: Line, figures: Figures) -> Decimal | None:
    if line.goal:
        return Decimal(figures.impressions) / line.goal
    if line.budget > 0 and figures.currency == line.currency:
        return figures.spend / line.budget
    return None


def delivery_status(
    line: Line, figures: Figures, profile: SnapshotProfile, now: datetime
) -> DeliveryStatus | None:
    """Return what delivery has come to; None while nothing can be said.

    That is before the start, while paused, after a cancellation, and while a fresh package has no
    impressions yet: `not_delivering` needs figures from a full cycle after its activation.
    """
    if ended := _ended(line, figures, now):
        return ended
    if not line.runs or now < line.start:
        return None
    if figures.impressions > 0:
        return DeliveryStatus.DELIVERING
    if figures.as_of >= line.activated_at + profile.staleness:
        return DeliveryStatus.NOT_DELIVERING
    return None


def _ended(line: Line, figures: Figures, now: datetime) -> DeliveryStatus | None:
    if line.goal and figures.impressions >= line.goal:
        return DeliveryStatus.GOAL_MET
    if line.currency == figures.currency and 0 < line.budget <= figures.spend:
        return DeliveryStatus.BUDGET_EXHAUSTED
    if line.stopped_at is not None and not line.is_completed:
        return None
    if now >= line.end:
        return DeliveryStatus.FLIGHT_ENDED
    return DeliveryStatus.COMPLETED if line.is_completed else None
