"""Celery's entry points of the protocol layer."""

from celery import shared_task

from adcp_sales.protocol.heartbeats import heartbeat_record


@shared_task
def heartbeat() -> None:
    """Show that beat published a tick and that a worker took it."""
    heartbeat_record(parts=("beat", "worker"))
