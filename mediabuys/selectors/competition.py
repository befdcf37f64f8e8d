"""The other orders that want the same product in the same days."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from mediabuys.demand import Demand
from mediabuys.models import MediaBuy, Package
from mediabuys.states import LIVE_BUY_STATUSES, BuyStatus

# More than anybody reads; the sums of what they take are counted elsewhere.
COMPETITORS_LIMIT = 100


def competing_packages(
    demands: Iterable[Demand], *, other_than: MediaBuy, now: datetime
) -> list[Package]:
    """Return packages of others' orders that overlap one of these demands; one query.

    Of buys that are not over, and of orders that wait or are being booked; the largest first, with
    order and pricing option joined, and `starts` and `ends` as they run.
    """
    overlap = Q()
    for demand in demands:
        overlap |= Q(
            product_id=demand.product_pk, starts__lt=demand.ends, ends__gt=max(demand.starts, now)
        )
    if not overlap:
        return []
    return list(
        Package.objects.filter(
            media_buy__status__in=(*LIVE_BUY_STATUSES, BuyStatus.DRAFT), is_canceled=False
        )
        .exclude(media_buy=other_than)
        .annotate(
            starts=Coalesce("start_time", "media_buy__start_time"),
            ends=Coalesce("end_time", "media_buy__end_time"),
        )
        .filter(overlap)
        .select_related("media_buy", "pricing_option")
        .order_by(F("held_impressions").desc(nulls_last=True), "pk")[:COMPETITORS_LIMIT]
    )
