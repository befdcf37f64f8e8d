"""What the ad server has told of its inventory, without asking it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from mediabuys.models import InventoryDay, Product
from tests.people import in_wire

# Orders of `guaranteed_order` start in three days and run for 28.
DAYS = 40


def tell_inventory(
    product: Product,
    daily: int,
    *,
    first: date | None = None,
    days: int = DAYS,
    country: str = "",
    reserved: int = 0,
    as_of: datetime | None = None,
) -> None:
    """Write down that each of these days has `daily` impressions, a tenth more or less."""
    start = first or timezone.now().date()
    InventoryDay.objects.bulk_create(
        InventoryDay(
            product=product,
            day=start + timedelta(days=number),
            country=country,
            capacity=daily,
            capacity_low=daily * 9 // 10,
            capacity_high=daily * 11 // 10,
            reserved=reserved,
            as_of=as_of or timezone.now(),
        )
        for number in range(days)
    )


def whole_days(first: int = 3, days: int = 10) -> dict[str, str]:
    """Return a flight from a midnight so many days from today, UTC."""
    midnight = datetime.combine(timezone.now().date(), time(), tzinfo=UTC)
    start = midnight + timedelta(days=first)
    return {"start_time": in_wire(start), "end_time": in_wire(start + timedelta(days=days))}


def wanting(impressions: int, **changes: Any) -> dict[str, Any]:
    """Return a homepage package of so many impressions."""
    line = {"product_id": "homepage", "pricing_option_id": "usd", "budget": impressions / 100}
    return {**line, **changes}
