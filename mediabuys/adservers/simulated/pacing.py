"""How fast a line delivers: the day's curve, its plan, and what it wants of an hour."""

from collections.abc import Sequence
from itertools import accumulate

from mediabuys.adservers.simulated.chance import around_one
from mediabuys.adservers.simulated.moments import DAY, HOUR

# How busy the hours of a day are (UTC); 1 is the day's mean.
_CURVE = (
    *(0.62, 0.48, 0.38, 0.33, 0.34, 0.42, 0.60, 0.85, 1.02, 1.10, 1.14, 1.18),
    *(1.24, 1.22, 1.18, 1.16, 1.18, 1.24, 1.36, 1.50, 1.56, 1.44, 1.16, 0.84),
)
_MEAN = sum(_CURVE) / len(_CURVE)
DAYPARTS = tuple(weight / _MEAN for weight in _CURVE)
_SUMS = (0.0, *accumulate(DAYPARTS))
HOURS = len(DAYPARTS)
# How much faster than its plan a line runs, so that its goal is reached before its end.
LEAD = {"": 1.05, "even": 1.05, "front_loaded": 1.8}
HOURLY_NOISE = 0.04


def traffic(start: int, end: int) -> float:
    """Return how much of the days' traffic falls into the stretch: 24 is a whole day's."""
    return _until(end) - _until(start)


def _until(moment: int) -> float:
    days, rest = divmod(moment, DAY)
    hour, part = divmod(rest, HOUR)
    return days * HOURS + _SUMS[hour] + DAYPARTS[hour] * part / HOUR


def wanted(
    *,
    pacing: str,
    goal: int,
    missing: int,
    rate: float,
    flight: tuple[int, int],
    stretch: tuple[int, int],
    seed: str,
) -> float:
    """Return how many impressions a line wants in a stretch of its flight.

    A line that can have all that it wants (`rate` 1) spreads what is `missing` over the rest of its
    flight, and so makes up for what it missed. One that cannot falls behind its plan, and stays so:
    of its `goal` it gets the share `rate`.
    """
    if pacing == "asap":
        return missing * rate
    start, end = stretch
    noise = around_one(HOURLY_NOISE, "pacing", seed, start)
    if rate < 1.0:
        return min(missing, goal * rate * noise * traffic(start, end) / traffic(*flight))
    rest = traffic(start, flight[1])
    return missing * min(1.0, LEAD[pacing] * noise * traffic(start, end) / rest)


def split(total: int, weights: Sequence[float]) -> list[int]:
    """Return the total in whole parts by weight; the largest remainders get what is left over."""
    whole = sum(weights)
    if not total or not whole:
        return [0] * len(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    left = total - sum(parts)
    weighted = [index for index, weight in enumerate(weights) if weight]
    # Floats may have rounded up to a whole one too many: then there is one to take back.
    step = 1 if left > 0 else -1
    weighted.sort(key=lambda index: step * (parts[index] - exact[index]))
    for index in weighted[: abs(left)]:
        parts[index] += step
    return parts


def split_exactly(total: int, weights: Sequence[int]) -> list[int]:
    """Return the total by whole weights, each part rounded down and the largest getting the rest.

    For amounts that are too large for floats; nothing without weights.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    parts[weights.index(max(weights))] += total - sum(parts)
    return parts
