"""An order for the first lines that a newcomer pastes: something guaranteed that is on sale."""

import datetime
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

BUDGET = 50_000
FLIGHT_STARTS_IN_DAYS = 3
FLIGHT_DAYS = 30


def example_order(facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the body of a create_media_buy that will wait for a person, without its key.

    The product is asked of the running server, so that the lines hold whatever staff sell.
    """
    buyer = next((buyer for buyer in facts["buyers"] if buyer.get("account_id")), None)
    if buyer is None or not facts["buyer_token"]:
        return None
    found = guaranteed_price(products(url=facts["url"], token=facts["buyer_token"]))
    if found is None:
        return None
    product, price = found
    package = {
        "product_id": product["product_id"],
        "pricing_option_id": price["pricing_option_id"],
        "budget": BUDGET,
    }
    order = {
        "account": {"account_id": buyer["account_id"]},
        "brand": {"domain": buyer.get("brand", "acme.example")},
        **flight(datetime.datetime.now(datetime.UTC)),
        "packages": [package],
    }
    if facts["receiver_url"]:
        order["push_notification_config"] = {"url": f"{facts['receiver_url']}/hooks/buyer"}
    return order


def products(*, url: str, token: str) -> list[dict[str, Any]]:
    """Return what the server sells to this buyer, or nothing where it does not answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request(
            "POST",
            "/adcp/get_products",
            body=json.dumps({"buying_mode": "wholesale"}),
            headers=headers,
        )
        body = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return []
    finally:
        connection.close()
    found = body.get("products") if isinstance(body, dict) else None
    return found if isinstance(found, list) else []


def guaranteed_price(
    offered: list[dict[str, Any]],
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the first guaranteed product with its first fixed CPM price in dollars."""
    for product in offered:
        if product.get("delivery_type") != "guaranteed":
            continue
        for price in product.get("pricing_options", []):
            is_fixed_cpm = price.get("pricing_model") == "cpm" and "fixed_price" in price
            if is_fixed_cpm and price.get("currency") == "USD":
                return product, price
    return None


def flight(now: datetime.datetime) -> dict[str, str]:
    """Return a flight of thirty days that begins in three, at midnight UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + datetime.timedelta(days=FLIGHT_STARTS_IN_DAYS)
    end = start + datetime.timedelta(days=FLIGHT_DAYS)
    return {
        "start_time": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_time": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
