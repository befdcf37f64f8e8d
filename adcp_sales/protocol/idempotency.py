"""The same key gives the same order: one record, inserted in the write's own transaction.

A concurrent twin waits on the unique index for as long as lock_timeout allows, and then replays.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.models import IdempotencyRecord
from adcp_sales.protocol.registry import Call, Reply
from adcp_sales.protocol.rendering import dump_json, load_json

EXCLUDED_FIELDS = frozenset({"idempotency_key", "context", "governance_context"})
# Their credentials may have been rotated by the time of a retry.
WEBHOOK_FIELDS = ("push_notification_config", "reporting_webhook", "artifact_webhook")
CLOCK_SLACK = timedelta(seconds=60)
REMEMBERED = timedelta(days=7)
RETRY_AFTER_SECONDS = 2
PROBE_MILLISECONDS = 50

INSERT = """
    INSERT INTO protocol_idempotencyrecord
        (principal_id, account_id, key, task, request_digest, status, body, created_at)
    VALUES (%s, %s, %s, %s, %s, '', '', %s)
    ON CONFLICT DO NOTHING RETURNING id
"""
SETTLE = "UPDATE protocol_idempotencyrecord SET status = %s, body = %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the write under this record."""

    record_id: int


def request_digest(params: dict[str, Any]) -> bytes:
    """Return SHA-256 of the request in RFC 8785 form, without what may differ on a retry."""
    payload = {key: value for key, value in params.items() if key not in EXCLUDED_FIELDS}
    for name in WEBHOOK_FIELDS:
        config = payload.get(name)
        if isinstance(config, dict) and isinstance(config.get("authentication"), dict):
            known = {k: v for k, v in config["authentication"].items() if k != "credentials"}
            payload[name] = config | {"authentication": known}
    return hashlib.sha256(rfc8785.dumps(payload)).digest()


def idempotency_claim(call: Call) -> Claim | Reply:
    """Claim the call's key, or return the answer that the key already has.

    Runs inside the write's transaction; waits for a concurrent twin. Raises AdcpError
    IDEMPOTENCY_CONFLICT, IDEMPOTENCY_EXPIRED or IDEMPOTENCY_IN_FLIGHT.
    """
    digest = request_digest(call.params)
    try:
        with connection.cursor() as cursor:
            cursor.execute(INSERT, _row(call, digest))
            inserted = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise in_flight() from None
        raise
    if inserted:
        return Claim(inserted[0])
    record = IdempotencyRecord.objects.get(
        principal=call.require_principal(), account=call.account, key=call.idempotency_key
    )
    return _replayed(record, call, digest)


def idempotency_settle(claim: Claim, reply: Reply) -> None:
    """Store the answer of a write that succeeded; it commits together with the write."""
    body = dump_json(reply.body).decode()
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [reply.status, body, claim.record_id])


def idempotency_forget(*, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` records that are long expired and return how many; one statement.

    A key is remembered for a week, so that a late retry is told `IDEMPOTENCY_EXPIRED` and does not
    order again.
    """
    old = IdempotencyRecord.objects.filter(created_at__lt=now - REMEMBERED).order_by("created_at")
    deleted, _ = IdempotencyRecord.objects.filter(pk__in=old.values("pk")[:limit]).delete()
    return deleted


def key_is_in_flight(call: Call) -> bool:
    """Tell whether another transaction holds this key right now; leaves nothing behind."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {PROBE_MILLISECONDS:d}")
            cursor.execute(INSERT, _row(call, b""))
            transaction.set_rollback(True)
    except OperationalError as error:
        return isinstance(error.__cause__, LockNotAvailable)
    return False


def in_flight() -> AdcpError:
    """Return the answer to a call whose twin is still running."""
    return AdcpError(
        "IDEMPOTENCY_IN_FLIGHT",
        "The first call with this idempotency_key is still running.",
        suggestion="Wait retry_after seconds and send the same request with the same key.",
        retry_after=RETRY_AFTER_SECONDS,
    )


def _row(call: Call, digest: bytes) -> list[Any]:
    account_pk = call.account.pk if call.account else None
    principal_pk = call.require_principal().pk
    return [principal_pk, account_pk, call.idempotency_key, call.task, digest, call.now]


def _replayed(record: IdempotencyRecord, call: Call, digest: bytes) -> Reply:
    if record.task != call.task or bytes(record.request_digest) != digest:
        raise AdcpError(
            "IDEMPOTENCY_CONFLICT",
            "This idempotency_key was used for another request.",
            field="idempotency_key",
            suggestion="Use a new key for a new request, or repeat the first request unchanged.",
        )
    if _expired(record.created_at, call.now):
        raise AdcpError(
            "IDEMPOTENCY_EXPIRED",
            "This idempotency_key is too old to be replayed.",
            field="idempotency_key",
            suggestion="Look up what the first request did; if it did nothing, use a new key.",
        )
    return Reply(load_json(record.body), status=record.status)


def _expired(created_at: datetime, now: datetime) -> bool:
    return now - created_at > timedelta(seconds=settings.IDEMPOTENCY_REPLAY_SECONDS) + CLOCK_SLACK
