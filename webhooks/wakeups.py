"""A hint to a worker that there is something to do; the row that it speaks of is the truth."""

import logging
import time

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

# After a failure the broker is left alone this long, so that an outage costs one request a
# socket timeout and not every request one. The sweep finds what was not announced.
QUIET_SECONDS = 2.0


class _Broker:
    quiet_until = 0.0


def nudge(name: str, *args: str) -> None:
    """Wake a worker once the current transaction has committed.

    Failure policy: a wake-up that cannot be sent is logged and forgotten. Raising would fail a
    request whose change is already committed, and the sweep finds the row within seconds.
    """
    transaction.on_commit(lambda: _send(name, *args), robust=True)


def _send(name: str, *args: str) -> None:
    if time.monotonic() < _Broker.quiet_until:
        return
    try:
        import_string(settings.WAKEUP_SENDER)(name, *args)
    except Exception:
        _Broker.quiet_until = time.monotonic() + QUIET_SECONDS
        logger.warning("wake-up %s was not sent", name, exc_info=True)
