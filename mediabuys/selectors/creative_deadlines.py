"""Which packages wait for creatives until when, asked of the database."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce

from mediabuys.models import CreativeAssignment
from mediabuys.states import LIVE_BUY_STATUSES


def assignment_deadline(package: str) -> Coalesce:
    """Return a package's deadline, as `package_deadline` tells it; `package` is the way to it."""
    deadline = F(f"{package}__media_buy__creative_deadline")
    starts_later = F(f"{package}__start_time") - F(f"{package}__media_buy__start_time")
    own = ExpressionWrapper(deadline + starts_later, output_field=DateTimeField())
    return Coalesce(own, deadline)


def is_running(now: datetime, package: str) -> Q:
    """Return the condition that a package is sold and its own flight is not over."""
    is_sold = {
        f"{package}__media_buy__status__in": LIVE_BUY_STATUSES,
        f"{package}__is_canceled": False,
    }
    ends = f"{package}__end_time"
    return Q(**is_sold) & (Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gt": now}))


def late_packages(creatives: Iterable[int], *, now: datetime) -> dict[int, list[str]]:
    """Return, by creative, the packages whose deadline for it has passed; one query.

    Creatives that none holds are left out. A package whose flight is over holds nothing.
    """
    held = (
        CreativeAssignment.objects.filter(is_running(now, "package"), creative__in=list(creatives))
        .annotate(deadline=assignment_deadline("package"))
        .filter(deadline__lt=now)
        .select_related("package")
        .order_by("creative", "package__package_id")
    )
    found: dict[int, list[str]] = {}
    for row in held:
        if row.creative_id is not None:
            found.setdefault(row.creative_id, []).append(row.package.package_id)
    return found
