"""An ad server that books like the inline one, and tells exactly the pages that a test wrote."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerError, DeliveredHour, DeliveryPage, Health
from mediabuys.models import DeliverySnapshot, Package

HOUR = timedelta(hours=1)
NOW = timezone.now()
# Over by NOW, and in the flight of every `running_buy`, which began six hours ago.
FIRST_HOUR = NOW.replace(minute=0, second=0, microsecond=0) - 5 * HOUR
THIS_HOUR = FIRST_HOUR + 5 * HOUR


class ScriptedAdServer(InlineAdServer):
    """Tells its pages by number: the cursor is how many were read. `failure` is raised instead."""

    def __init__(self) -> None:
        super().__init__("Scripted Ad Server")
        self.pages: list[Sequence[DeliveredHour]] = []
        self.unreadable: tuple[dict[str, object], ...] = ()
        self.as_of = NOW
        self.clock = NOW
        self.failure: AdServerError | None = None
        self.before_page: Callable[[str], None] | None = None
        self.asked: list[str] = []

    def tell(self, *rows: DeliveredHour) -> None:
        """Add one page."""
        self.pages.append(rows)

    def delivery(self, cursor: str) -> DeliveryPage:
        """Return the page after the cursor, an empty one after the last."""
        self.asked.append(cursor)
        if self.before_page is not None:
            self.before_page(cursor)
        if self.failure is not None:
            raise self.failure
        number = int(cursor or 0)
        rows = self.pages[number] if number < len(self.pages) else ()
        after = min(number + 1, len(self.pages))
        return DeliveryPage(
            rows=tuple(rows),
            cursor=str(after),
            more=after < len(self.pages),
            as_of=self.as_of,
            unreadable=self.unreadable,
        )

    def health(self) -> Health:
        """Return what its clock says."""
        return Health(is_well=True, message="", now=self.clock)


def told(package: Package, **changes: Any) -> DeliveredHour:
    """Return what is told of the package: 1,000 impressions for $10 in the first hour."""
    fields: dict[str, Any] = {
        "order_reference": package.media_buy.reference,
        "package_id": package.package_id,
        "creative": f"{package.media_buy.account.account_id}/banner",
        "country": "US",
        "hour": FIRST_HOUR,
        "impressions": 1000,
        "clicks": 10,
        "completed_views": 0,
        "spend": Decimal("10.00"),
        "currency": package.currency,
        "version": 1,
    }
    return DeliveredHour(**{**fields, **changes})


def totals(package: Package) -> tuple[int, int | None, int | None, Decimal] | None:
    """Return the package's impressions, clicks, completed views and spend; None before any."""
    found = DeliverySnapshot.objects.filter(package=package).first()
    if found is None:
        return None
    return found.impressions, found.clicks, found.completed_views, found.spend
