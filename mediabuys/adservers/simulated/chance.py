"""Chance that repeats: numbers that depend only on what they are for."""

from hashlib import blake2b

_SCALE = 2.0**32


def fractions(*parts: object) -> tuple[float, float, float]:
    """Return three numbers from 0 to below 1, always the same for the same parts."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=12).digest()
    return (
        int.from_bytes(digest[:4], "big") / _SCALE,
        int.from_bytes(digest[4:8], "big") / _SCALE,
        int.from_bytes(digest[8:], "big") / _SCALE,
    )


def around_one(spread: float, *parts: object) -> float:
    """Return a factor from `1 - spread` to `1 + spread`."""
    return 1.0 + spread * (2.0 * fractions(*parts)[0] - 1.0)
