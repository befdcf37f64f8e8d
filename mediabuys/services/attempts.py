"""How often, and how soon, the ad server is asked again: the one policy of every call to it.

A booking has a buyer that waits: it is tried `ATTEMPTS_LIMIT` times, with `booking_delay` between,
and then given up. What an order has become since is told as long as it takes, after
`telling_delay`. What the ad server declines or refuses ends a booking at once; a telling is
repeated after `REFUSED_DELAY`, or when a person says so. A worker that died is an attempt too.
"""

from datetime import timedelta

from mediabuys.adservers.port import CALL_SECONDS

# A booking is given up after about an hour and three quarters: its buyer waits for an answer.
ATTEMPTS_LIMIT = 8
BOOKING_DELAYS = tuple(timedelta(seconds=s) for s in (5, 15, 60, 180, 600, 1800, 3600))
# What has changed is told within ten minutes once the ad server is back, however long it was away.
TELLING_DELAYS = tuple(timedelta(seconds=s) for s in (5, 15, 60, 180, 600))
# What the ad server refuses is asked again this seldom: only a person can mend it.
REFUSED_DELAY = timedelta(hours=6)
# A lease outlives the call that it was taken or renewed for, with time to settle.
LEASE = timedelta(seconds=3 * CALL_SECONDS)


def booking_delay(attempt: int) -> timedelta:
    """Return how long after its attempt of this number, from 1, a booking is tried again."""
    return _delay(BOOKING_DELAYS, attempt)


def telling_delay(attempt: int) -> timedelta:
    """Return how long after its attempt of this number, from 1, a change is told again."""
    return _delay(TELLING_DELAYS, attempt)


def _delay(delays: tuple[timedelta, ...], attempt: int) -> timedelta:
    return delays[min(max(attempt, 1), len(delays)) - 1]
