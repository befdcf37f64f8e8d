"""Attempts as the protocol's webhook activity records."""

from typing import Any

from webhooks.activity import AttemptRecord
from webhooks.states import AttemptOutcome

# An impairment is one event and not a place in a stream of reports.
NUMBERED_TYPES = frozenset({"scheduled", "final", "delayed", "adjusted"})
ANSWERED = (AttemptOutcome.SUCCESS, AttemptOutcome.FAILED)


def activity_body(record: AttemptRecord) -> dict[str, Any]:
    """Return one record: code and latency are null where no answer came."""
    answered = record.outcome in ANSWERED
    body: dict[str, Any] = {
        "idempotency_key": record.idempotency_key,
        "fired_at": record.fired_at.isoformat(),
        "completed_at": record.completed_at.isoformat() if record.completed_at else None,
        "notification_type": record.kind,
        "attempt": record.number,
        "status": record.outcome,
        "url": record.url,
        "http_status_code": record.http_status if answered else None,
        "response_time_ms": record.response_ms if answered else None,
        "payload_size_bytes": record.payload_bytes,
        "error_message": _error_message(record),
    }
    if record.kind in NUMBERED_TYPES:
        body["sequence_number"] = record.sequence
    return body


def _error_message(record: AttemptRecord) -> str | None:
    if record.outcome in (AttemptOutcome.SUCCESS, AttemptOutcome.PENDING):
        return None
    return record.error or AttemptOutcome(record.outcome).label
