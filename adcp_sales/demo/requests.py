"""The demo's orders and changes as their buyers send them."""

from typing import Any

from adcp_sales.demo.orders import DemoChange, DemoOrder, Line
from adcp_sales.demo.timeline import Calendar
from mediabuys.models import Account, MediaBuy


def order_params(order: DemoOrder, account: Account, calendar: Calendar) -> dict[str, Any]:
    """Return a body of `create_media_buy`, without an idempotency key: no call is answered here."""
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


def change_params(change: DemoChange, buy: MediaBuy) -> dict[str, Any]:
    """Return a body of `update_media_buy`, without an idempotency key."""
    first = buy.packages.order_by("position")[0]
    return {
        "account": {"account_id": buy.account.account_id},
        "media_buy_id": buy.media_buy_id,
        "revision": buy.revision,
        "packages": [{"package_id": first.package_id, "budget": change.budget}],
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
