"""The demo's orders as their buyers send them: bodies of `create_media_buy`."""

from typing import Any

from adcp_sales.demo.orders import DemoOrder, Line
from adcp_sales.demo.timeline import Calendar
from mediabuys.models import Account


def order_params(order: DemoOrder, account: Account, calendar: Calendar) -> dict[str, Any]:
    """Return the order's request body, without an idempotency key: no call is answered here."""
    brand = {"domain": account.brand_domain, "brand_id": account.brand_id}
    optional = {
        "po_number": order.po_number,
        "advertiser_industry": order.industry,
        "paused": order.is_held,
    }
    return {
        "account": {"account_id": account.account_id},
        "brand": {key: value for key, value in brand.items() if value},
        "start_time": calendar.midnight(order.starts).isoformat(),
        "end_time": calendar.midnight(order.starts + order.days).isoformat(),
        "packages": [_package(line) for line in order.lines],
        **{key: value for key, value in optional.items() if value},
    }


def _package(line: Line) -> dict[str, Any]:
    optional = {
        "bid_price": line.bid,
        "targeting_overlay": {"geo_countries": list(line.countries)} if line.countries else None,
        "creative_assignments": [{"creative_id": name} for name in line.creatives],
        "performance_standards": list(line.standards),
    }
    return {
        "product_id": line.product,
        "pricing_option_id": line.price,
        "budget": line.budget,
        **{key: value for key, value in optional.items() if value},
    }
