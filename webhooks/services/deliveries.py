"""What is to be sent."""

import json
import logging
import secrets
from collections.abc import Mapping
from decimal import Decimal

from django.db import connection

from webhooks import conf
from webhooks.models import Delivery
from webhooks.wakeups import nudge

logger = logging.getLogger(__name__)


def new_idempotency_key() -> str:
    """Return a fresh key of 256 random bits that names one event to its receiver."""
    return f"whk_{secrets.token_urlsafe(32)}"


def delivery_enqueue(
    *,
    owner_key: str,
    subject_key: str,
    destination_id: int,
    kind: str,
    sequence: int,
    body: Mapping[str, object] | bytes,
    idempotency_key: str,
) -> Delivery:
    """Write one message to the outbox, its bytes frozen, and wake a dispatcher after the commit.

    Must run in the transaction of the change that it tells of: RuntimeError otherwise. One
    INSERT; an IntegrityError says that this destination already has this event.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A delivery must be written in the transaction of what it tells of.")
    delivery = Delivery.objects.create(
        idempotency_key=idempotency_key,
        owner_key=owner_key,
        subject_key=subject_key,
        destination_id=destination_id,
        kind=kind,
        sequence=sequence,
        body=_frozen(body),
    )
    nudge("webhooks.dispatch")
    return delivery


def _frozen(body: Mapping[str, object] | bytes) -> bytes:
    """Return the bytes that every attempt sends.

    Failure policy: the size of a message never fails the change that it tells of. Over the limit
    the result is left out, which the receiver can read back; beyond that it is sent as it is.
    """
    if isinstance(body, bytes):
        return body
    encoded = _encoded(body)
    if len(encoded) > conf.PAYLOAD_BYTES and "result" in body:
        encoded = _encoded({key: value for key, value in body.items() if key != "result"})
    if len(encoded) > conf.PAYLOAD_BYTES:
        logger.error("a message of %d bytes is over the limit", len(encoded))
    return encoded


def _encoded(body: Mapping[str, object]) -> bytes:
    text = json.dumps(
        body, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_number
    )
    return text.encode()


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON.")
    return int(value) if value == value.to_integral_value() else float(value)
