"""Every row of the retry table, exactly."""

from datetime import UTC, datetime, timedelta

import pytest

from webhooks import breaker
from webhooks.retry import SCHEDULE, Answer, Health, Verdict, next_attempt
from webhooks.states import AttemptOutcome, DeliveryStatus

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HORIZON = timedelta(hours=24)
TIMEOUT = timedelta(seconds=15)
SIGNATURE_REFUSED = {"www-authenticate": 'Signature error="webhook_signature_key_unknown"'}

PENDING, DELIVERED = DeliveryStatus.PENDING, DeliveryStatus.DELIVERED
STOPPED, DEAD = DeliveryStatus.STOPPED, DeliveryStatus.DEAD
FAILED, SUCCESS = AttemptOutcome.FAILED, AttemptOutcome.SUCCESS


def verdict(
    answer: Answer, *, attempt: int = 1, after: timedelta = timedelta(), jitter: float = 0
) -> Verdict:
    return next_attempt(
        attempt=attempt,
        now=START + after,
        first_attempt_at=START,
        horizon=HORIZON,
        timeout=TIMEOUT,
        answer=answer,
        jitter=jitter,
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert verdict(Answer(status)) == Verdict(DELIVERED, SUCCESS, Health.UP)


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_that_comes_at_the_horizon_still_counts(status: int) -> None:
    assert verdict(Answer(status), attempt=12, after=HORIZON).status == DELIVERED


RETRIED = [
    (Answer(301), FAILED, Health.UP, "redirect not followed (301)"),
    (Answer(308), FAILED, Health.UP, "redirect not followed (308)"),
    (Answer(400), FAILED, Health.UP, "refused (400)"),
    (Answer(401), FAILED, Health.UP, "refused (401)"),
    (Answer(401, {"www-authenticate": "Bearer"}), FAILED, Health.UP, "refused (401)"),
    (
        Answer(401, {"www-authenticate": 'Signature error="request_signature_invalid"'}),
        FAILED,
        Health.UP,
        "refused (401)",
    ),
    (Answer(403, SIGNATURE_REFUSED), FAILED, Health.UP, "refused (403)"),
    (Answer(404), FAILED, Health.UP, "refused (404)"),
    (Answer(429), FAILED, Health.UP, "refused (429)"),
    (Answer(500), FAILED, Health.DOWN, "server error (500)"),
    (Answer(503), FAILED, Health.DOWN, "server error (503)"),
    (Answer(599), FAILED, Health.DOWN, "server error (599)"),
    (
        Answer(error="timed out", timed_out=True),
        AttemptOutcome.TIMEOUT,
        Health.DOWN,
        "timed out",
    ),
    (
        Answer(error="the name does not resolve"),
        AttemptOutcome.CONNECTION_ERROR,
        Health.DOWN,
        "the name does not resolve",
    ),
    (
        Answer(error="refused by our egress rules: not a public address", refused_by_us=True),
        AttemptOutcome.CONNECTION_ERROR,
        Health.UNKNOWN,
        "refused by our egress rules: not a public address",
    ),
]


@pytest.mark.parametrize(("answer", "outcome", "health", "reason"), RETRIED)
def test_everything_else_is_retried_on_schedule(
    answer: Answer, outcome: AttemptOutcome, health: Health, reason: str
) -> None:
    expected = Verdict(PENDING, outcome, health, reason, START + timedelta(seconds=5))
    assert verdict(answer) == expected


@pytest.mark.parametrize(
    "challenge",
    [
        'Signature error="webhook_signature_invalid"',
        'signature realm="x" error=webhook_signature_key_unknown',
        'Bearer, Signature error="webhook_target_uri_malformed"',
    ],
)
def test_a_refused_signature_stops_this_event_and_alarms(challenge: str) -> None:
    assert verdict(Answer(401, {"www-authenticate": challenge})) == Verdict(
        STOPPED, FAILED, Health.UP, "signature refused (401)", alarm=True
    )


def test_409_stops_this_event() -> None:
    assert verdict(Answer(409)) == Verdict(STOPPED, FAILED, Health.UP, "refused for good (409)")


def test_410_stops_this_event_and_pauses_the_destination() -> None:
    assert verdict(Answer(410)) == Verdict(
        STOPPED, FAILED, Health.UP, "endpoint gone (410)", pause_destination=True, alarm=True
    )


def test_the_schedule_is_21_hours_and_42_minutes() -> None:
    seconds = [int(delay.total_seconds()) for delay in SCHEDULE]
    assert seconds == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 28800]
    assert sum(seconds) == 21 * 3600 + 42 * 60 + 35


@pytest.mark.parametrize("attempt", range(1, 11))
@pytest.mark.parametrize("jitter", [-1.0, 0.0, 1.0])
def test_each_delay_is_moved_by_at_most_a_fifth(attempt: int, jitter: float) -> None:
    delay = SCHEDULE[attempt - 1] * (1 + 0.2 * jitter)
    assert verdict(Answer(500), attempt=attempt, jitter=jitter).next_attempt_at == START + delay


def test_the_last_attempt_is_made_just_before_the_horizon() -> None:
    after = timedelta(hours=22)
    last = verdict(Answer(500), attempt=11, after=after, jitter=1.0)
    assert last.next_attempt_at == START + HORIZON - TIMEOUT
    assert last.status == PENDING


def test_after_the_horizon_it_is_given_up_with_an_alarm() -> None:
    assert verdict(Answer(500), attempt=12, after=HORIZON - TIMEOUT) == Verdict(
        DEAD, FAILED, Health.DOWN, "horizon reached", alarm=True
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("1", 5),
        ("Sun, 01 Mar 2026 12:10:00 GMT", 600),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 5),
        ("soon", 5),
        ("-60", 5),
        ("", 5),
    ],
)
def test_a_busy_receiver_is_not_asked_sooner(status: int, value: str, seconds: int) -> None:
    answer = Answer(status, {"retry-after": value})
    assert verdict(answer).next_attempt_at == START + timedelta(seconds=seconds)


def test_only_a_busy_receiver_may_ask_for_time() -> None:
    answer = Answer(500, {"retry-after": "3600"})
    assert verdict(answer).next_attempt_at == START + timedelta(seconds=5)


@pytest.mark.parametrize("value", ["999999", "9" * 400, "Mon, 01 Mar 2066 12:00:00 GMT"])
def test_retry_after_never_leads_beyond_the_horizon(value: str) -> None:
    answer = Answer(503, {"retry-after": value})
    assert verdict(answer).next_attempt_at == START + HORIZON - TIMEOUT


@pytest.mark.parametrize(
    ("failures", "seconds"), [(9, None), (10, 30), (11, 60), (14, 480), (15, 600), (9999, 600)]
)
def test_the_circuit_opens_for_longer_and_longer(failures: int, seconds: int | None) -> None:
    expected = None if seconds is None else START + timedelta(seconds=seconds)
    assert breaker.open_until(consecutive_failures=failures, now=START) == expected
