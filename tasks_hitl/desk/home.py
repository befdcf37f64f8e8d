"""The first page of the desk: what needs a person now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mediabuys.selectors.ad_server_state import AdServerState, ad_server_state
from mediabuys.selectors.desk import (
    CappedCount,
    capped_count,
    creatives_to_review,
    live_buys,
    troubled_bookings,
)
from mediabuys.services.clock import oldest_overdue
from tasks_hitl.desk.decided import DecidedToday, decided_today
from tasks_hitl.desk.queue import QueueRow, QueueView, most_urgent, queue_counts
from webhooks.models import Delivery
from webhooks.selectors import lag_seconds
from webhooks.states import DeliveryStatus

# Older failures were seen long ago; the home page shows what is fresh.
FRESH = timedelta(days=7)


@dataclass(frozen=True)
class HomePage:
    """What the home page shows; the lags are how late the most overdue row is."""

    queue: Mapping[QueueView, CappedCount]
    decided: DecidedToday
    live: CappedCount
    to_review: CappedCount
    bookings: CappedCount
    dead_letters: CappedCount
    webhook_lag: timedelta
    clock_lag: timedelta
    ad_server: AdServerState
    urgent: tuple[QueueRow, ...]


def home_page(*, now: datetime) -> HomePage:
    """Return the facts of the home page; the number of queries is constant."""
    overdue_since = oldest_overdue(now=now)
    return HomePage(
        queue=queue_counts(now=now),
        decided=decided_today(now=now),
        live=capped_count(live_buys()),
        to_review=capped_count(creatives_to_review()),
        bookings=capped_count(troubled_bookings(since=now - FRESH)),
        dead_letters=capped_count(
            Delivery.objects.filter(status=DeliveryStatus.DEAD, settled_at__gte=now - FRESH)
        ),
        webhook_lag=timedelta(seconds=lag_seconds()),
        clock_lag=now - overdue_since if overdue_since else timedelta(),
        ad_server=ad_server_state(now=now),
        urgent=most_urgent(now=now),
    )
