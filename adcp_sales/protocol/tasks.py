"""Celery's entry points of the protocol layer."""

from celery import shared_task
from django.utils import timezone

from adcp_sales.protocol.heartbeats import heartbeat_record
from adcp_sales.protocol.idempotency import idempotency_forget
from mediabuys.services.proposal_drafts import proposals_forget


@shared_task
def heartbeat() -> None:
    """Show that beat published a tick and that a worker took it."""
    heartbeat_record(parts=("beat", "worker"))


@shared_task
def forget_idempotency_keys() -> None:
    """Delete what is long expired, batch by batch."""
    while idempotency_forget(now=timezone.now()):
        pass


@shared_task
def forget_proposal_drafts() -> None:
    """Delete drafts that expired long ago, batch by batch."""
    while proposals_forget(now=timezone.now()):
        pass
