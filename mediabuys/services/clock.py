"""The clock's work: finding the buys that are due and moving each in its own transaction."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import F, Q

from mediabuys.models import MediaBuy
from mediabuys.services.claims import POISON_DELAY, claim_each
from mediabuys.services.flights import media_buy_end, media_buy_refresh
from mediabuys.states import LIVE_BUY_STATUSES, BuyStatus


def _due_to_start(now: datetime) -> Q:
    return Q(status=BuyStatus.PENDING_START, start_time__lte=now, confirmed_at__isnull=False)


def _due_to_end(now: datetime) -> Q:
    return Q(status__in=LIVE_BUY_STATUSES, end_time__lte=now)


def flights_activate(*, now: datetime, limit: int = 1000) -> int:
    """Start every confirmed, ready buy whose flight has begun, oldest first; return how many."""
    return _advance(_due_to_start(now), "start_time", media_buy_refresh, now=now, limit=limit)


def flights_complete(*, now: datetime, limit: int = 1000) -> int:
    """End every buy whose flight is over, oldest first; return how many."""
    return _advance(_due_to_end(now), "end_time", media_buy_end, now=now, limit=limit)


def _advance(due: Q, clock: str, move: Callable[..., None], *, now: datetime, limit: int) -> int:
    def next_due() -> MediaBuy | None:
        waited = Q(flight_check_after__isnull=True) | Q(flight_check_after__lte=now)
        return (
            MediaBuy.objects.filter(due & waited)
            .order_by(clock, "pk")
            .select_related("principal")
            .select_for_update(of=("self",), skip_locked=True)
            .first()
        )

    def push_forward(buy: MediaBuy) -> None:
        MediaBuy.objects.filter(pk=buy.pk).update(
            flight_check_after=now + POISON_DELAY, flight_failures=F("flight_failures") + 1
        )

    return claim_each(
        next_due=next_due,
        work=lambda buy: move(buy=buy, now=now),
        push_forward=push_forward,
        limit=limit,
    )


def oldest_overdue(*, now: datetime) -> datetime | None:
    """Return since when the longest-due buy has waited for the clock; None when none does."""
    start = MediaBuy.objects.filter(_due_to_start(now)).order_by("start_time")
    end = MediaBuy.objects.filter(_due_to_end(now)).order_by("end_time")
    moments = [
        start.values_list("start_time", flat=True).first(),
        end.values_list("end_time", flat=True).first(),
    ]
    return min((moment for moment in moments if moment is not None), default=None)
