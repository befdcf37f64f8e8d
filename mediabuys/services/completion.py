"""Completing buys that have delivered all that was ordered, before their flight is over."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import (
    Case,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Value,
    When,
)
from django.db.models.lookups import GreaterThanOrEqual

from mediabuys.demand import impressions_wanted
from mediabuys.models import MediaBuy, Package
from mediabuys.pricing import IMPRESSIONS_PER_PRICE, units_bought
from mediabuys.services.claims import POISON_DELAY, claim_each
from mediabuys.services.flights import media_buy_complete
from mediabuys.services.notices import buy_notice_enqueue
from mediabuys.services.trafficking import order_traffic
from mediabuys.states import RUNNING_BUY_STATUSES

REACHED = "reached its goal"
SPENT = "spent its budget"


def buys_complete(*, now: datetime, limit: int = 1000) -> int:
    """Complete every running or paused buy whose live packages are all done; return how many.

    A package is done when it has reached its goal or spent its budget. The buyer is told, and so is
    the ad server. Each buy has a transaction of its own, and its packages are read afresh under its
    lock: a budget that was raised meanwhile lets it run on. A buy that somebody else holds is left
    to the next import.
    """
    waiting = iter(_probably_done(now, limit))
    completed: list[int] = []

    def work(buy: MediaBuy) -> None:
        if _complete_where_done(buy, now):
            completed.append(buy.pk)

    claim_each(
        next_due=lambda: _next_locked(waiting),
        work=work,
        push_forward=lambda buy: _push_forward(buy, now),
        limit=limit,
    )
    return len(completed)


def _probably_done(now: datetime, limit: int) -> list[int]:
    """Return the buys without a package that surely has something left to deliver."""
    live = Package.objects.filter(media_buy=OuterRef("pk"), is_canceled=False)
    reached = Q(impressions__gt=0, snapshot__impressions__gte=F("impressions"))
    spent = Q(budget__gt=0) & (Q(snapshot__spend__gte=F("budget")) | _buys_no_more())
    waited = Q(flight_check_after__isnull=True) | Q(flight_check_after__lte=now)
    done = Package.objects.filter(reached | spent, pk=OuterRef("pk"))
    found = MediaBuy.objects.filter(
        waited,
        Exists(live),
        ~Exists(live.filter(~Exists(done))),
        status__in=RUNNING_BUY_STATUSES,
    )
    return list(found.order_by("pk").values_list("pk", flat=True)[:limit])


def _buys_no_more() -> Q:
    """What `_ending` says of a budget's rest and of its impressions, give or take a rounding.

    Whatever is found here without being done is found, and looked at, each time.
    """
    price, budget, amount = F("unit_price"), F("budget"), DecimalField()
    model = "pricing_option__pricing_model"
    known = [
        When(**{model: name}, then=Value(count)) for name, count in IMPRESSIONS_PER_PRICE.items()
    ]
    units = Case(*known, default=Value(1), output_field=amount)
    left = ExpressionWrapper((budget - F("snapshot__spend")) * units, output_field=amount)
    bought = ExpressionWrapper(budget * units, output_field=amount)
    delivered = ExpressionWrapper((F("snapshot__impressions") + 1) * price, output_field=amount)
    is_counted = Q(**{f"{model}__in": IMPRESSIONS_PER_PRICE.keys()})
    no_unit_left = ~Q(**{model: "flat_rate"}) & GreaterThanOrEqual(price, left)
    return no_unit_left | (is_counted & Q(unit_price__gt=0) & GreaterThanOrEqual(delivered, bought))


def _next_locked(waiting: Iterator[int]) -> MediaBuy | None:
    for pk in waiting:
        buy = (
            MediaBuy.objects.filter(pk=pk, status__in=RUNNING_BUY_STATUSES)
            .select_related("principal")
            .select_for_update(of=("self",), skip_locked=True)
            .first()
        )
        if buy is not None:
            return buy
    return None


def _push_forward(buy: MediaBuy, now: datetime) -> None:
    MediaBuy.objects.filter(pk=buy.pk).update(
        flight_check_after=now + POISON_DELAY, flight_failures=F("flight_failures") + 1
    )


def _complete_where_done(buy: MediaBuy, now: datetime) -> bool:
    live = Package.objects.filter(media_buy=buy, is_canceled=False)
    packages = live.select_related("pricing_option", "snapshot").order_by("position")
    endings = [_ending(package) for package in packages]
    if not endings or None in endings:
        return False
    media_buy_complete(buy=buy, now=now, summary=_summary([end for end in endings if end]))
    buy_notice_enqueue(buy=buy, now=now)
    order_traffic(buys=[buy], now=now)
    return True


def _ending(package: Package) -> str | None:
    """Return how a package is done; None while it has something left to deliver."""
    delivered = getattr(package, "snapshot", None)
    if delivered is None:
        return None
    if package.impressions and delivered.impressions >= package.impressions:
        return REACHED
    wanted = impressions_wanted(package)
    left = package.budget - delivered.spend
    if package.budget > 0 and (
        left <= 0
        or (wanted is not None and delivered.impressions >= wanted)
        # What is left does not buy one click or view more.
        or units_bought(left, package.unit_price, package.pricing_option.pricing_model) == 0
    ):
        return SPENT
    return None


def _summary(endings: list[str]) -> str:
    if len(endings) == 1:
        return f"The package has {endings[0]}"
    if len(set(endings)) == 1:
        return f"Every package has {endings[0]}"
    reached = endings.count(REACHED)
    return (
        f"Of {len(endings)} packages, {reached} reached their goal"
        f" and {len(endings) - reached} spent their budget"
    )
