"""Until when creatives of a package may be changed."""

from datetime import datetime, timedelta

from mediabuys.models import MediaBuy, Package


def deadline_of_start(start: datetime, *, lead_hours: int, now: datetime) -> datetime:
    """Return when the creatives of a flight that starts then are due."""
    deadline = start - timedelta(hours=lead_hours)
    # A flight that starts sooner than the lead time keeps its creatives open until it starts.
    return deadline if deadline > now else max(start, now + timedelta(hours=1))


def package_deadline(package: Package, buy: MediaBuy) -> datetime | None:
    """Return when the package's creatives are due; None where nothing is.

    A package that starts at its own time keeps the distance to its start that the buy's deadline
    has to the buy's.
    """
    if buy.creative_deadline is None:
        return None
    return buy.creative_deadline + own_lead(package, buy)


def own_lead(package: Package, buy: MediaBuy) -> timedelta:
    """Return how much later than its buy a package starts; zero where it starts with it."""
    return timedelta() if package.start_time is None else package.start_time - buy.start_time
