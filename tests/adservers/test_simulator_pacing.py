"""The arithmetic of the simulated ad server: shares, the day's curve, money in whole numbers."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediabuys.adservers.simulated import amounts, moments
from mediabuys.adservers.simulated.chance import around_one, fractions
from mediabuys.adservers.simulated.inventory import Product
from mediabuys.adservers.simulated.pacing import split, split_exactly, traffic, wanted

MOMENTS = st.integers(moments.EARLIEST, moments.EARLIEST + 10**12)
WEIGHTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=12)


@given(total=st.integers(0, 10**12), weights=WEIGHTS)
def test_parts_are_whole_and_sum_to_the_total(total: int, weights: list[float]) -> None:
    parts = split(total, weights)

    assert sum(parts) == (total if any(weights) else 0)
    assert all(part >= 0 for part in parts)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


@given(total=st.integers(0, 10**24), weights=st.lists(st.integers(0, 10**9), min_size=1))
def test_amounts_too_large_for_floats_are_split_exactly(total: int, weights: list[int]) -> None:
    parts = split_exactly(total, weights)

    assert sum(parts) == (total if any(weights) else 0)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


@given(borders=st.lists(MOMENTS, min_size=2, max_size=6, unique=True))
def test_traffic_of_the_parts_is_that_of_the_whole(borders: list[int]) -> None:
    borders.sort()

    parts = [traffic(start, end) for start, end in pairwise(borders)]

    assert all(part > 0 for part in parts)
    assert sum(parts) == pytest.approx(traffic(borders[0], borders[-1]), rel=1e-6)


@given(start=MOMENTS)
def test_every_day_has_a_days_traffic(start: int) -> None:
    assert traffic(start, start + moments.DAY) == pytest.approx(24, abs=1e-6)


@given(
    pacing=st.sampled_from(["", "even", "asap", "front_loaded"]),
    goal=st.integers(1, 10**9),
    delivered=st.floats(0, 1),
    rate=st.sampled_from([0.0, 0.6, 1.0]),
    hour=st.integers(0, 239),
)
def test_no_line_wants_more_than_it_misses(
    pacing: str, goal: int, delivered: float, rate: float, hour: int
) -> None:
    start = moments.EARLIEST
    missing = goal - int(goal * delivered)
    stretch = (start + hour * moments.HOUR, start + (hour + 1) * moments.HOUR)

    found = wanted(
        pacing=pacing,
        goal=goal,
        missing=missing,
        rate=rate,
        flight=(start, start + 240 * moments.HOUR),
        stretch=stretch,
        seed="ORD-1/pkg_1",
    )

    assert 0 <= found <= missing
    if rate == 1.0 and hour == 239:
        assert found == missing


def test_chance_repeats_and_is_spread() -> None:
    drawn = [fractions("hour", number) for number in range(500)]

    assert drawn == [fractions("hour", number) for number in range(500)]
    for column in zip(*drawn, strict=True):
        assert 0.45 < sum(column) / len(column) < 0.55
        assert 0 <= min(column) < 0.02
        assert 0.98 < max(column) < 1
    factors = [around_one(0.1, number) for number in range(500)]
    assert 0.9 <= min(factors) < max(factors) < 1.1


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1250, "USD", "12.50"), (0, "EUR", "0.00"), (7, "JPY", "7"), (5, "KWD", "0.005")],
)
def test_amounts_are_spelled_in_the_currencys_own_unit(
    minor: int, currency: str, text: str
) -> None:
    assert amounts.spell(minor, currency) == text
    assert minor * amounts.minor_unit(currency) == amounts.billionths(Decimal(text))


@pytest.mark.parametrize(
    ("known", "targeted", "shares"),
    [
        ({}, (), {"": 1.0}),
        ({}, ("DE", "FR"), {"DE": 0.5, "FR": 0.5}),
        ({"US": 0.75, "GB": 0.25}, (), {"US": 0.75, "GB": 0.25}),
        ({"US": 0.5, "GB": 0.25}, (), {"US": 0.5, "GB": 0.25, "": 0.25}),
        ({"US": 0.5, "GB": 0.25}, ("GB", "US"), {"GB": 1 / 3, "US": 2 / 3}),
        ({"US": 1.0, "GB": 0.0}, ("GB", "DE"), {}),
    ],
)
def test_countries_share_a_line(
    known: dict[str, float], targeted: tuple[str, ...], shares: dict[str, float]
) -> None:
    product = Product("homepage", 1000, tuple(sorted(known.items())))

    assert product.shares(targeted) == pytest.approx(shares)


@given(moment=MOMENTS)
def test_moments_survive_their_spelling(moment: int) -> None:
    assert moments.parse(moments.spell(moment)) == moment
    day = moments.day_of(moment)
    assert moments.start_of(day) <= moment < moments.start_of(day) + moments.DAY
    assert moments.hour_of(moment) <= moment < moments.hour_of(moment) + moments.HOUR
