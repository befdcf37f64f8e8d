"""What follows from an answer: the whole retry table, as one pure function."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from webhooks.states import AttemptOutcome, DeliveryStatus

# Between attempts: 11 of them in 21 h 42 m, and a last one just before the horizon.
SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 28_800)
)
JITTER = 0.2
_SIGNATURE_REFUSED = re.compile(
    r'(?:^|,)\s*Signature\b[^,]*\berror\s*=\s*"?webhook_', re.IGNORECASE
)


class Health(enum.Enum):
    """What an answer says of the destination itself, for its breaker."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What came back, or why nothing did (`error` is a classification, never the peer's words)."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    excerpt: str = ""
    error: str = ""
    timed_out: bool = False
    refused_by_us: bool = False


@dataclass(frozen=True)
class Verdict:
    """What to record and what to do: `next_attempt_at` is set exactly while it stays pending."""

    status: DeliveryStatus
    outcome: AttemptOutcome
    health: Health
    reason: str = ""
    next_attempt_at: datetime | None = None
    pause_destination: bool = False
    alarm: bool = False


def next_attempt(
    *,
    attempt: int,
    now: datetime,
    first_attempt_at: datetime,
    horizon: timedelta,
    timeout: timedelta,
    answer: Answer,
    jitter: float,
) -> Verdict:
    """Return what becomes of a delivery after its `attempt`-th try (counted from 1).

    `jitter` is in [-1, 1] and moves the delay by at most a fifth. No attempt starts later than
    `timeout` before the horizon, which counts from the first attempt and never moves.

    Failure policy: a Retry-After beyond the horizon is cut to the last moment before it. Trying
    once too early is milder than never telling the receiver what it waits for.
    """
    ended = _ended(answer)
    if ended is not None:
        return ended
    outcome, health, reason = _failure(answer)
    latest = first_attempt_at + horizon - timeout
    if now >= latest:
        return Verdict(DeliveryStatus.DEAD, outcome, health, "horizon reached", alarm=True)
    delay = SCHEDULE[min(attempt, len(SCHEDULE)) - 1] * (1 + JITTER * jitter)
    wanted = max(now + delay, now + _retry_after(answer, now))
    return Verdict(DeliveryStatus.PENDING, outcome, health, reason, min(wanted, latest))


def _ended(answer: Answer) -> Verdict | None:
    """Return the verdict of an answer after which this message is never sent again."""
    stopped = DeliveryStatus.STOPPED, AttemptOutcome.FAILED, Health.UP
    match answer.status:
        case int(status) if 200 <= status < 300:
            return Verdict(DeliveryStatus.DELIVERED, AttemptOutcome.SUCCESS, Health.UP)
        case HTTPStatus.CONFLICT:
            return Verdict(*stopped, "refused for good (409)")
        case HTTPStatus.GONE:
            return Verdict(*stopped, "endpoint gone (410)", pause_destination=True, alarm=True)
        case HTTPStatus.UNAUTHORIZED if _SIGNATURE_REFUSED.search(
            answer.headers.get("www-authenticate", "")
        ):
            return Verdict(*stopped, "signature refused (401)", alarm=True)
    return None


def _failure(answer: Answer) -> tuple[AttemptOutcome, Health, str]:
    if answer.status is None:
        outcome = AttemptOutcome.TIMEOUT if answer.timed_out else AttemptOutcome.CONNECTION_ERROR
        health = Health.UNKNOWN if answer.refused_by_us else Health.DOWN
        return outcome, health, answer.error
    if 300 <= answer.status < 400:
        return AttemptOutcome.FAILED, Health.UP, f"redirect not followed ({answer.status})"
    if answer.status >= 500:
        return AttemptOutcome.FAILED, Health.DOWN, f"server error ({answer.status})"
    return AttemptOutcome.FAILED, Health.UP, f"refused ({answer.status})"


def _retry_after(answer: Answer, now: datetime) -> timedelta:
    """Return how long a busy receiver asks us to wait, given in seconds or as a date."""
    busy = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    value = answer.headers.get("retry-after", "").strip()
    if answer.status not in busy or not value:
        return timedelta()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:12]), 10**8))
    try:
        asked = parsedate_to_datetime(value)
    except ValueError:
        return timedelta()
    return max(asked - now, timedelta()) if asked.tzinfo else timedelta()
