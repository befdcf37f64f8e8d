"""What the ad server answers is believed only where every part of it can be."""

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from mediabuys.adservers import simulated_answers as answers
from mediabuys.adservers.port import (
    BookedOrder,
    CreativePage,
    CreativeState,
    DeliveredHour,
    DeliveryPage,
    Health,
    OrderState,
    ProductDay,
    ReviewState,
)

HELD = {
    "reference": "ORD-1",
    "order_id": "sim-1",
    "state": "confirmed",
    "revision": 3,
    "is_paused": False,
    "line_items": {"pkg_1": "line-1"},
}
DAYS = {
    "days": [
        {
            "product_id": "homepage",
            "day": "2026-03-01",
            "country": "US",
            "capacity": 100,
            "low": 90,
            "high": 110,
            "reserved": 120,
        }
    ]
}
STATES = {
    "states": [
        {"reference": "acc_1/banner", "revision": 2, "review": "rejected", "reason": "It flashes."}
    ],
    "cursor": "8",
    "more": False,
}
ROW = {
    "order_reference": "ORD-1",
    "package_id": "pkg_1",
    "creative": "acc_1/banner",
    "country": "US",
    "hour": "2026-03-01T05:00:00Z",
    "impressions": 1000,
    "clicks": 3,
    "completed_views": 0,
    "spend": "10.0025",
    "currency": "USD",
    "version": 4,
}
DELIVERY = {"rows": [ROW], "cursor": "8", "more": True, "as_of": "2026-03-01T06:00:00.5+01:00"}
HEALTH = {"well": True, "message": "All is well.", "now": "2026-03-01T05:00:00Z"}

HOUR = datetime(2026, 3, 1, 5, tzinfo=UTC)
READERS: dict[str, tuple[dict[str, Any], Callable[[object], object]]] = {
    "held": (HELD, lambda answer: answers.held_order(answer, reference="ORD-1")),
    "days": (
        DAYS,
        lambda answer: answers.product_days(
            answer, product_ids={"homepage"}, first=date(2026, 3, 1), last=date(2026, 3, 2)
        ),
    ),
    "states": (STATES, lambda answer: answers.creative_page(answer, after="7")),
    "delivery": (DELIVERY, lambda answer: answers.delivery_page(answer, after="7")),
    "health": (HEALTH, answers.health),
}


def read(kind: str, *changes: tuple[str, object]) -> Any:
    """Read the good answer after changes, each of a dotted path; `...` takes the field away."""
    good, reader = READERS[kind]
    answer = copy.deepcopy(good)
    for path, value in changes:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = answer
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return reader(answer)


def test_good_answers_are_read() -> None:
    assert read("held") == BookedOrder("sim-1", {"pkg_1": "line-1"}, OrderState.CONFIRMED, 3)
    # More may be reserved than there is: a publisher may oversell.
    assert read("days") == (ProductDay("homepage", date(2026, 3, 1), "US", 100, 90, 110, 120),)
    rejected = CreativeState("acc_1/banner", 2, ReviewState.REJECTED, "It flashes.")
    assert read("states") == CreativePage((rejected,), "8", more=False)
    assert read("health") == Health(is_well=True, message="All is well.", now=HOUR)
    assert read("delivery") == DeliveryPage(
        rows=(
            DeliveredHour(
                "ORD-1",
                "pkg_1",
                "acc_1/banner",
                "US",
                HOUR,
                1000,
                3,
                0,
                Decimal("10.0025"),
                "USD",
                4,
            ),
        ),
        cursor="8",
        more=True,
        as_of=datetime(2026, 3, 1, 5, 0, 0, 500_000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("held", "reference", "ORD-2"),
        ("held", "reference", ...),
        ("held", "order_id", ""),
        ("held", "order_id", 7),
        ("held", "order_id", "x" * 101),
        ("held", "state", "archived"),
        ("held", "state", ["confirmed"]),
        ("held", "revision", 0),
        ("held", "revision", "3"),
        ("held", "revision", 3.0),
        ("held", "revision", True),
        ("held", "revision", 2**31),
        ("held", "is_paused", 0),
        ("held", "is_paused", ...),
        ("held", "line_items", []),
        ("held", "line_items", {"pkg_1": None}),
        ("days", "days", {}),
        ("days", "days.0", None),
        ("days", "days.0.product_id", "another"),
        ("days", "days.0.day", "2026-03-03"),
        ("days", "days.0.day", "2026-02-30"),
        ("days", "days.0.day", 20260301),
        ("days", "days.0.country", "us"),
        ("days", "days.0.country", None),
        ("days", "days.0.capacity", -1),
        ("days", "days.0.capacity", 89),
        ("days", "days.0.high", 99),
        ("days", "days.0.high", 10**12 + 1),
        ("days", "days.0.reserved", -1),
        ("states", "states.0.review", "paused"),
        ("states", "states.0.revision", 0),
        ("states", "states.0.reference", ""),
        ("states", "states.0.reason", 7),
        ("states", "cursor", None),
        ("states", "cursor", "x" * 501),
        ("states", "more", "yes"),
        ("delivery", "rows", None),
        ("delivery", "cursor", "7"),
        ("delivery", "as_of", "2026-03-01T06:00:00"),
        ("delivery", "as_of", "yesterday"),
        ("delivery", "as_of", 1772344800),
        ("delivery", "as_of", ...),
        ("delivery", "as_of", "0001-01-01T00:00:00+10:00"),
        ("health", "well", "true"),
        ("health", "message", None),
        ("health", "now", "2026-03-01T05:00:00"),
    ],
)
def test_what_breaks_the_api_is_not_understood(kind: str, path: str, value: object) -> None:
    with pytest.raises(answers.NotUnderstood) as caught:
        read(kind, (path, value))

    assert str(caught.value) == "The ad server's answer was not understood."


def test_a_day_that_is_told_twice_is_not_understood() -> None:
    with pytest.raises(answers.NotUnderstood):
        read("days", ("days", DAYS["days"] * 2))


def test_a_last_page_may_keep_its_cursor() -> None:
    page = read("delivery", ("cursor", "7"), ("more", False))

    assert (page.cursor, page.more) == ("7", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_reference", ""),
        ("order_reference", None),
        ("order_reference", "x" * 65),
        ("package_id", 7),
        ("package_id", "x" * 65),
        ("creative", None),
        ("country", "USA"),
        ("hour", "2026-03-01T05:30:00Z"),
        ("hour", "2026-03-01T05:00:00"),
        ("hour", "2026-03-01T05:00:00+00:30"),
        ("hour", 1772344800),
        ("hour", ["2026-03-01T05:00:00Z"]),
        ("impressions", 1000.5),
        ("impressions", "1000"),
        ("impressions", None),
        ("impressions", 10**12 + 1),
        ("clicks", True),
        ("completed_views", -(10**12) - 1),
        ("spend", 10.0),
        ("spend", "1e3"),
        ("spend", "NaN"),
        ("spend", "\u0661\u0660"),
        ("spend", "10.00001"),
        ("spend", "1000000000000"),
        ("spend", ""),
        ("currency", "usd"),
        ("currency", ""),
        ("version", -1),
        ("version", 2**63),
    ],
)
def test_a_row_that_makes_no_sense_stops_no_other(name: str, value: object) -> None:
    bad = {**ROW, name: value}

    page = read("delivery", ("rows", [ROW, bad, {**ROW, "version": 5}]))

    assert [row.version for row in page.rows] == [4, 5]
    assert page.unreadable == (bad,)


@pytest.mark.parametrize("row", [None, 7, "row", [ROW]])
def test_what_is_no_row_is_kept_as_it_came(row: object) -> None:
    page = read("delivery", ("rows", [row]))

    assert (page.rows, page.unreadable) == ((), ({"row": row},))


def test_negative_corrections_are_readable() -> None:
    page = read("delivery", ("rows.0.impressions", -5), ("rows.0.spend", "-0.05"))

    assert [(row.impressions, row.spend) for row in page.rows] == [(-5, Decimal("-0.05"))]
    assert page.unreadable == ()
