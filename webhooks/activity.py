"""What one owner was sent about many subjects, attempt by attempt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from webhooks.selectors import redacted_url

# A message that waits for its next attempt has a record of that attempt too: queued when the one
# before it ended, or when it was written. One that is in flight has its attempt's row already.
_ACTIVITY = """
SELECT subject.key, record.*
FROM unnest(%(subjects)s::text[]) AS subject (key)
CROSS JOIN LATERAL (
    SELECT delivery.idempotency_key, delivery.kind, delivery.sequence, destination.url,
        tried.number, tried.started_at, tried.completed_at, tried.outcome, tried.http_status,
        tried.response_ms, tried.error, tried.payload_bytes
    FROM webhooks_delivery delivery
    JOIN webhooks_destination destination ON destination.id = delivery.destination_id
    CROSS JOIN LATERAL (
        SELECT number, started_at, completed_at, outcome, http_status, response_ms, error,
            payload_bytes
        FROM webhooks_attempt WHERE delivery_id = delivery.id
        UNION ALL
        SELECT delivery.attempt_count + 1,
            coalesce(
                (SELECT max(completed_at) FROM webhooks_attempt WHERE delivery_id = delivery.id),
                delivery.created_at),
            NULL, 'pending', NULL, NULL, '', length(delivery.body)
        WHERE delivery.status = 'pending' AND NOT EXISTS (
            SELECT FROM webhooks_attempt
            WHERE delivery_id = delivery.id AND outcome = 'pending')
    ) tried
    WHERE delivery.owner_key = %(owner)s AND delivery.subject_key = subject.key
      AND delivery.kind = ANY(%(kinds)s)
    ORDER BY tried.started_at DESC, delivery.id DESC, tried.number DESC
    LIMIT %(limit)s
) record
"""
URL = 4


@dataclass(slots=True)
class AttemptRecord:
    """One attempt, made, in flight or queued, as its owner may see it.

    `url` is redacted, `outcome` one of `AttemptOutcome`, `error` a classification and never the
    peer's words.
    """

    idempotency_key: str
    kind: str
    sequence: int
    url: str
    number: int
    fired_at: datetime
    completed_at: datetime | None
    outcome: str
    http_status: int | None
    response_ms: int | None
    error: str
    payload_bytes: int


def activity_of(
    *, owner_key: str, subject_keys: Sequence[str], kinds: Iterable[str], limit: int
) -> dict[str, list[AttemptRecord]]:
    """Return the owner's last `limit` attempts for each subject, newest first, in one query.

    Only messages of these kinds count; a subject without any has an empty list.
    """
    parameters: dict[str, Any] = {
        "owner": owner_key,
        "subjects": list(subject_keys),
        "kinds": list(kinds),
        "limit": limit,
    }
    records: dict[str, list[AttemptRecord]] = {key: [] for key in subject_keys}
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVITY, parameters)
        found = cursor.fetchall()
    # A page's attempts go to a handful of addresses.
    shown = {url: redacted_url(url) for url in {row[URL] for row in found}}
    for key, idempotency_key, kind, sequence, url, *tried in found:
        records[key].append(AttemptRecord(idempotency_key, kind, sequence, shown[url], *tried))
    return records
