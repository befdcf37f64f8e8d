"""Celery's side of the dispatcher; the work itself is in rows."""

from celery import shared_task

from webhooks import signing
from webhooks.dispatcher import dispatch_due
from webhooks.services.claims import deliveries_expire

# A run that has claimed this much waits for its slowest receivers before it claims again.
BATCH = 1000


@shared_task
def dispatch() -> None:
    """Send everything that is due."""
    while dispatch_due(limit=BATCH) == BATCH:
        pass


@shared_task
def sweep() -> None:
    """Send what a lost wake-up or a dead worker left behind; give up what is past its horizon."""
    signing.warm_up()
    deliveries_expire()
    dispatch()
