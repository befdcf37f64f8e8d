"""Which packages wait for creatives until when, asked of the database."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce

from mediabuys.models import CreativeAssignment
from mediabuys.states import LIVE_BUY_STATUSES


def assignment_deadline() -> Coalesce:
    """Return the deadline of an assignment's package, as `package_deadline` tells it of one."""
    buy = "package__media_buy__"
    own = F(f"{buy}creative_deadline") + (F("package__start_time") - F(f"{buy}start_time"))
    return Coalesce(
        ExpressionWrapper(own, output_field=DateTimeField()),
        F(f"{buy}creative_deadline"),
    )


def is_running(now: datetime) -> Q:
    """Return the condition that an assignment's package is sold and its flight not over."""
    is_over = Q(package__end_time__isnull=False, package__end_time__lte=now)
    return (
        Q(package__media_buy__status__in=LIVE_BUY_STATUSES, package__is_canceled=False) & ~is_over
    )


def late_packages(creatives: Iterable[int], *, now: datetime) -> dict[int, list[str]]:
    """Return, by creative, the packages whose deadline for it has passed; one query.

    Creatives that none holds are left out. A package whose flight is over holds nothing.
    """
    held = (
        CreativeAssignment.objects.filter(is_running(now), creative__in=list(creatives))
        .annotate(deadline=assignment_deadline())
        .filter(deadline__lt=now)
        .order_by("creative", "package__package_id")
        .values_list("creative", "package__package_id")
    )
    found: dict[int, list[str]] = {}
    for creative, package_id in held:
        found.setdefault(creative, []).append(package_id)
    return found
