"""Celery's side of the dispatcher; the work itself is in rows."""

import time

from celery import shared_task

from webhooks import signing
from webhooks.dispatcher import dispatch_due
from webhooks.services.claims import deliveries_expire

STARTED = time.monotonic()
# The signer takes seconds of processor time to import, which a start needs for itself.
WARM_UP_AFTER_SECONDS = 10
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
    if time.monotonic() - STARTED > WARM_UP_AFTER_SECONDS:
        signing.warm_up()
    deliveries_expire()
    dispatch()
