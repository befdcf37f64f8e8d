"""What figures say, as pure questions: age, pace, and whether a package delivers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mediabuys.adservers.profiles import PROFILES, SnapshotProfile
from mediabuys.adservers.registry import ADAPTERS
from mediabuys.snapshots import (
    DeliveryStatus,
    Figures,
    Line,
    Snapshot,
    Unavailable,
    pacing_index,
    read_snapshot,
)

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LIVE = SnapshotProfile(timedelta(seconds=60))
BATCH = SnapshotProfile(timedelta(hours=4), is_batch=True)


def line(**changes: Any) -> Line:
    fields: dict[str, Any] = {
        "start": START,
        "end": START + 10 * DAY,
        "runs": True,
        "activated_at": START,
        "budget": Decimal(1000),
        "currency": "USD",
    }
    return Line(**{**fields, **changes})


def figures(**changes: Any) -> Figures:
    fields: dict[str, Any] = {
        "as_of": START + 5 * DAY,
        "impressions": 100,
        "clicks": None,
        "spend": Decimal(500),
        "currency": "USD",
    }
    return Figures(**{**fields, **changes})


def read(
    a_line: Line | None = None,
    some: Figures | None = None,
    *,
    after: timedelta = timedelta(0),
    profile: SnapshotProfile = LIVE,
) -> Snapshot | Unavailable:
    some = some or figures()
    return read_snapshot(
        line=a_line or line(), figures=some, profile=profile, may_see=True, now=some.as_of + after
    )


def status(
    a_line: Line | None = None, some: Figures | None = None, **now: Any
) -> DeliveryStatus | None:
    found = read(a_line, some, **now)
    assert isinstance(found, Snapshot)
    return found.delivery_status


@pytest.mark.parametrize(
    ("a_line", "some", "expected"),
    [
        (line(), figures(), Decimal("1.0000")),
        (line(), figures(spend=Decimal(250)), Decimal("0.5000")),
        (line(), figures(spend=Decimal(600)), Decimal("1.2000")),
        # Impressions count where they are the goal, whatever was spent.
        (line(goal=400), figures(), Decimal("0.5000")),
        # After the end all of it is expected.
        (line(), figures(as_of=START + 30 * DAY, spend=Decimal(900)), Decimal("0.9000")),
        (line(end=START + 3 * DAY), figures(as_of=START + DAY), Decimal("1.5000")),
        (line(end=START + 15 * DAY), figures(spend=Decimal(111)), Decimal("0.3330")),
        # Nothing was expected yet, or nothing can be compared.
        (line(), figures(as_of=START), None),
        (line(), figures(as_of=START - DAY), None),
        (line(), figures(currency="EUR"), None),
        (line(budget=Decimal(0)), figures(), None),
    ],
)  # fmt: skip
def test_pace_is_delivered_over_expected(
    a_line: Line, some: Figures, expected: Decimal | None
) -> None:
    assert pacing_index(a_line, some) == expected


@pytest.mark.parametrize(
    ("profile", "age", "expected"),
    [
        (LIVE, timedelta(0), 60),
        (LIVE, timedelta(seconds=59), 60),
        (LIVE, timedelta(seconds=60, milliseconds=1), 61),
        (LIVE, timedelta(seconds=240), 240),
        (BATCH, timedelta(hours=1), 14_400),
        (BATCH, timedelta(hours=9), 32_400),
    ],
)
def test_staleness_is_never_less_than_the_datas_age(
    profile: SnapshotProfile, age: timedelta, expected: int
) -> None:
    found = read(after=age, profile=profile)

    assert isinstance(found, Snapshot)
    assert found.staleness_seconds == expected


@pytest.mark.parametrize(
    ("profile", "age", "shown"),
    [
        (LIVE, 4 * MINUTE, True),
        (LIVE, 4 * MINUTE + timedelta(seconds=1), False),
        (BATCH, timedelta(days=3), True),
    ],
)
def test_figures_of_a_broken_import_are_withheld_but_for_batch_reports(
    profile: SnapshotProfile, age: timedelta, shown: bool
) -> None:
    found = read(after=age, profile=profile)

    assert isinstance(found, Snapshot) is shown
    if not shown:
        assert found == Unavailable.TEMPORARILY_UNAVAILABLE


@pytest.mark.parametrize(
    "over",
    [line(), line(runs=False, stopped_at=START + 5 * DAY)],
    ids=["at its end", "canceled"],
)
def test_the_last_figures_of_what_is_over_stay(over: Line) -> None:
    as_of = over.stopped_at or over.end

    found = read(over, figures(as_of=as_of), after=90 * DAY)

    assert isinstance(found, Snapshot)
    assert found.staleness_seconds == 90 * 86_400


@pytest.mark.parametrize(
    ("a_line", "some", "expected"),
    [
        (line(), figures(), DeliveryStatus.DELIVERING),
        (line(goal=100), figures(spend=Decimal(1000)), DeliveryStatus.GOAL_MET),
        (line(goal=101), figures(spend=Decimal(1000)), DeliveryStatus.BUDGET_EXHAUSTED),
        (line(), figures(spend=Decimal("999.99")), DeliveryStatus.DELIVERING),
        (line(), figures(spend=Decimal(1000), currency="EUR"), DeliveryStatus.DELIVERING),
        (line(budget=Decimal(0)), figures(spend=Decimal(0)), DeliveryStatus.DELIVERING),
        (line(), figures(as_of=START + 10 * DAY), DeliveryStatus.FLIGHT_ENDED),
        (
            line(runs=False, is_completed=True, stopped_at=START + 5 * DAY),
            figures(),
            DeliveryStatus.COMPLETED,
        ),
        (
            line(runs=False, is_completed=True, stopped_at=START + 10 * DAY),
            figures(as_of=START + 10 * DAY),
            DeliveryStatus.FLIGHT_ENDED,
        ),
        (line(runs=False), figures(), None),
        (line(runs=False, stopped_at=START + 4 * DAY), figures(), None),
        (line(), figures(as_of=START - MINUTE, impressions=0, spend=Decimal(0)), None),
    ],
)
def test_delivery_status(a_line: Line, some: Figures, expected: DeliveryStatus | None) -> None:
    assert status(a_line, some) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (timedelta(0), None),
        (timedelta(seconds=59), None),
        (timedelta(seconds=60), DeliveryStatus.NOT_DELIVERING),
    ],
)
def test_nothing_delivered_is_a_problem_only_a_full_cycle_after_the_activation(
    as_of: timedelta, expected: DeliveryStatus | None
) -> None:
    activated = START + DAY
    late = line(activated_at=activated)
    none = figures(as_of=activated + as_of, impressions=0, spend=Decimal(0))

    assert status(late, none, after=3 * MINUTE) == expected


def test_permission_is_asked_before_anything_else() -> None:
    for profile in (None, LIVE):
        found = read_snapshot(
            line=line(), figures=None, profile=profile, may_see=False, now=START + DAY
        )
        assert found == Unavailable.PERMISSION_DENIED


def test_the_ad_servers_profiles() -> None:
    assert set(ADAPTERS) <= set(PROFILES)
    cycles = {
        name: profile.delivery and profile.delivery.staleness for name, profile in PROFILES.items()
    }

    assert cycles == {
        "inline": None,
        "simulated": timedelta(seconds=60),
        "batch": timedelta(seconds=14_400),
        "google_ad_manager": timedelta(seconds=900),
    }
