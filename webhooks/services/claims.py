"""Who sends what: taking due rows under a lease, and giving up those whose time is over."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from webhooks import conf

# Destinations with something due and with room, found by hopping from destination to destination
# along the index of pending rows: a backlog of thousands costs what one row costs.
_LOCK_READY = """
WITH RECURSIVE waiting (destination_id, due) AS (
    (SELECT destination_id, next_attempt_at FROM webhooks_delivery WHERE status = 'pending'
     ORDER BY destination_id, next_attempt_at LIMIT 1)
    UNION ALL
    SELECT later.* FROM waiting CROSS JOIN LATERAL (
        SELECT destination_id, next_attempt_at FROM webhooks_delivery
        WHERE status = 'pending' AND destination_id > waiting.destination_id
        ORDER BY destination_id, next_attempt_at LIMIT 1
    ) later
)
SELECT ready.id FROM webhooks_destination ready JOIN waiting ON waiting.destination_id = ready.id
WHERE waiting.due <= statement_timestamp() AND ready.paused_at IS NULL
  AND (ready.circuit_open_until IS NULL OR ready.circuit_open_until <= statement_timestamp())
  AND CASE WHEN ready.consecutive_failures = 0 THEN %(in_flight)s ELSE 1 END > (
      SELECT count(*) FROM webhooks_delivery busy
      WHERE busy.destination_id = ready.id AND busy.lease_token IS NOT NULL
        AND busy.leased_until > statement_timestamp())
ORDER BY ready.consecutive_failures > 0, waiting.due LIMIT %(limit)s
FOR NO KEY UPDATE OF ready SKIP LOCKED
"""

# With the destinations locked, this statement's snapshot has every earlier claim on them: the
# bound on requests in flight is exact. Healthy destinations come first and get K, one that failed
# last gets 1.
_CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT due.id FROM unnest(%(destinations)s::bigint[]) WITH ORDINALITY AS locked (id, position)
    JOIN webhooks_destination ready ON ready.id = locked.id
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks_delivery
        WHERE destination_id = ready.id AND status = 'pending'
          AND next_attempt_at <= statement_timestamp()
          AND (horizon_at IS NULL OR horizon_at > statement_timestamp())
        ORDER BY next_attempt_at, id
        LIMIT greatest(0, CASE WHEN ready.consecutive_failures = 0 THEN %(in_flight)s ELSE 1 END
            - (SELECT count(*) FROM webhooks_delivery busy
               WHERE busy.destination_id = ready.id AND busy.lease_token IS NOT NULL
                 AND busy.leased_until > statement_timestamp()))
        FOR NO KEY UPDATE SKIP LOCKED
    ) due
    ORDER BY locked.position LIMIT %(limit)s
), claimed AS (
    UPDATE webhooks_delivery SET
        lease_token = gen_random_uuid(),
        leased_until = statement_timestamp() + make_interval(secs => %(lease)s),
        next_attempt_at = statement_timestamp() + make_interval(secs => %(lease)s),
        attempt_count = attempt_count + 1,
        first_attempt_at = coalesce(first_attempt_at, statement_timestamp()),
        horizon_at = coalesce(
            horizon_at, statement_timestamp() + make_interval(secs => %(horizon)s))
    FROM picked WHERE webhooks_delivery.id = picked.id
    RETURNING webhooks_delivery.*
), abandoned AS (
    UPDATE webhooks_attempt SET outcome = 'timeout', completed_at = statement_timestamp(),
        error = 'abandoned: its worker stopped before an answer was recorded'
    FROM claimed WHERE webhooks_attempt.delivery_id = claimed.id
      AND webhooks_attempt.outcome = 'pending'
), started AS (
    INSERT INTO webhooks_attempt (delivery_id, number, started_at, outcome, error,
        response_headers, response_excerpt, payload_bytes)
    SELECT id, attempt_count, statement_timestamp(), 'pending', '', '{}', '', length(body)
    FROM claimed
)
SELECT claimed.id, claimed.public_id, claimed.idempotency_key, claimed.lease_token,
    claimed.attempt_count, claimed.body, claimed.content_type, claimed.first_attempt_at,
    statement_timestamp(), destination.id, destination.kind, destination.url, destination.scheme,
    destination.credentials
FROM claimed JOIN webhooks_destination destination ON destination.id = claimed.destination_id
ORDER BY claimed.created_at, claimed.id
"""

_RENEW = """
UPDATE webhooks_delivery SET
    leased_until = statement_timestamp() + make_interval(secs => %(lease)s),
    next_attempt_at = statement_timestamp() + make_interval(secs => %(lease)s)
WHERE lease_token = ANY(%(tokens)s)
"""

_EXPIRE = """
WITH over AS (
    UPDATE webhooks_delivery SET status = 'dead', stopped_because = 'horizon reached',
        settled_at = statement_timestamp(), lease_token = NULL, leased_until = NULL
    WHERE status = 'pending' AND horizon_at <= statement_timestamp()
      AND (leased_until IS NULL OR leased_until <= statement_timestamp())
    RETURNING id
), abandoned AS (
    UPDATE webhooks_attempt SET outcome = 'timeout', completed_at = statement_timestamp(),
        error = 'abandoned: its worker stopped before an answer was recorded'
    FROM over WHERE webhooks_attempt.delivery_id = over.id AND webhooks_attempt.outcome = 'pending'
)
SELECT count(*) FROM over
"""


@dataclass(frozen=True)
class Claim:
    """One message that is this worker's to send until its lease ends."""

    monotonic_claimed_at: float
    delivery_id: int
    public_id: str
    idempotency_key: str
    lease_token: uuid.UUID
    attempt: int
    body: bytes
    content_type: str
    first_attempt_at: datetime
    claimed_at: datetime
    destination_id: int
    kind: str
    url: str
    scheme: str
    encrypted_credentials: str

    def now(self) -> datetime:
        """Return the time on the database's clock, whatever this machine's clock does."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self.monotonic_claimed_at)


def deliveries_claim(*, limit: int) -> list[Claim]:
    """Take at most `limit` due messages under a lease and write their attempts down.

    Locks each ready destination for two statements (SKIP LOCKED), so that the bound on requests
    in flight holds over all processes. Its own transaction.
    """
    bounds = {"in_flight": conf.in_flight_per_destination(), "limit": limit}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK_READY, bounds)
        destinations = [row[0] for row in cursor.fetchall()]
        if not destinations:
            return []
        parameters: dict[str, int | float | list[int]] = {
            **bounds,
            "lease": conf.lease().total_seconds(),
            "horizon": conf.horizon().total_seconds(),
            "destinations": destinations,
        }
        cursor.execute(_CLAIM, parameters)
        started = time.monotonic()
        rows = cursor.fetchall()
    return [Claim(started, *row) for row in rows]


def leases_renew(*, tokens: Sequence[uuid.UUID]) -> int:
    """Extend the leases that are still ours; return how many are."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, {"tokens": list(tokens), "lease": conf.lease().total_seconds()})
        return cursor.rowcount


def deliveries_expire() -> int:
    """Give up every message whose horizon has passed and that nobody is sending."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE)
        return int(cursor.fetchone()[0])
