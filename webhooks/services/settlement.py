"""What became of an attempt."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F

from webhooks import breaker
from webhooks.models import Attempt, Delivery, Destination
from webhooks.retry import Answer, Health, Verdict
from webhooks.services.claims import Claim
from webhooks.services.destinations import destination_pause
from webhooks.states import DeliveryStatus

logger = logging.getLogger(__name__)


def delivery_settle(
    *, claim: Claim, answer: Answer, verdict: Verdict, response_ms: int, now: datetime
) -> bool:
    """Record one attempt's end and what follows from it, in one transaction.

    Return False, having written nothing, when the lease was lost: the row is another worker's.
    """
    pending = verdict.status == DeliveryStatus.PENDING
    changes: dict[str, object] = {"status": verdict.status, "lease_token": None}
    changes |= {"leased_until": None, "stopped_because": "" if pending else verdict.reason}
    changes |= {"next_attempt_at": verdict.next_attempt_at} if pending else {"settled_at": now}
    with transaction.atomic():
        mine = Delivery.objects.filter(pk=claim.delivery_id, lease_token=claim.lease_token)
        if not mine.update(**changes):
            logger.warning("the lease of %s was lost; nothing is recorded", claim.public_id)
            return False
        _record_attempt(claim, answer, verdict, response_ms, now)
        _record_health(claim.destination_id, verdict, now)
    if verdict.alarm:
        logger.error("delivery %s ended: %s", claim.public_id, verdict.reason)
    return True


def _record_attempt(
    claim: Claim, answer: Answer, verdict: Verdict, response_ms: int, now: datetime
) -> None:
    Attempt.objects.filter(delivery_id=claim.delivery_id, number=claim.attempt).update(
        outcome=verdict.outcome,
        completed_at=now,
        http_status=answer.status,
        response_ms=response_ms,
        error=(verdict.reason or answer.error)[:500],
        response_headers=dict(answer.headers),
        response_excerpt=answer.excerpt,
    )


def _record_health(destination_id: int, verdict: Verdict, now: datetime) -> None:
    destination = Destination.objects.filter(pk=destination_id)
    if verdict.health == Health.UP:
        # Matches no row, and so locks none, in the usual case of a destination that is well.
        destination.filter(consecutive_failures__gt=0).update(
            consecutive_failures=0, circuit_open_until=None
        )
    elif verdict.health == Health.DOWN:
        destination.update(consecutive_failures=F("consecutive_failures") + 1)
        failures = destination.values_list("consecutive_failures", flat=True).get()
        until = breaker.open_until(consecutive_failures=failures, now=now)
        if until is not None:
            destination.update(circuit_open_until=until)
    if verdict.pause_destination:
        destination_pause(destination_id=destination_id, because=verdict.reason)
