"""Orders as the simulator's API takes them, and the steps of booking one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulator import Simulator

# A Monday, so that a week's shape is easy to say.
NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = NOW + timedelta(days=1)
DAYS = 10
END = START + timedelta(days=DAYS)
PRODUCT = "homepage"
CREATIVE = "acc_1/banner"


def line(package_id: str = "pkg_1", **changes: Any) -> dict[str, Any]:
    """Return a guaranteed line of 100,000 impressions in ten days, at 10.00 a thousand."""
    return {
        "package_id": package_id,
        "product_id": PRODUCT,
        "pricing_model": "cpm",
        "unit_price": "10.00",
        "budget": "1000.00",
        "currency": "USD",
        "start_time": START.isoformat(),
        "end_time": END.isoformat(),
        "impressions": 100_000,
        "is_guaranteed": True,
        "is_paused": False,
        "pacing": "even",
        "countries": [],
        "creatives": [{"reference": CREATIVE, "weight": None}],
        **changes,
    }


def order(*lines: dict[str, Any], reference: str = "ORD-1", **changes: Any) -> dict[str, Any]:
    """Return an order with these lines, or with the usual one."""
    return {
        "reference": reference,
        "revision": 1,
        "advertiser": "acme.example",
        "start_time": START.isoformat(),
        "end_time": END.isoformat(),
        "line_items": list(lines) or [line()],
        **changes,
    }


def draft(simulator: Simulator, wanted: dict[str, Any]) -> Any:
    """Create an order with its lines."""
    path = f"/v1/orders/{wanted['reference']}"
    simulator.ask("PUT", path, wanted)
    return simulator.ask("PUT", f"{path}/line-items", wanted)


def book(simulator: Simulator, wanted: dict[str, Any]) -> Any:
    """Create and confirm an order."""
    draft(simulator, wanted)
    return simulator.ask("POST", f"/v1/orders/{wanted['reference']}/confirm")


def push(simulator: Simulator, reference: str = CREATIVE, **changes: Any) -> Any:
    """Give it a creative."""
    body = {"revision": 1, "advertiser": "acme.example", "name": "Banner", "format_id": "display"}
    path = f"/v1/creatives/{reference.replace('/', '%2F')}"
    return simulator.ask("PUT", path, {**body, "assets": {}, **changes})


def read(simulator: Simulator, cursor: str = "", limit: int = 5_000) -> tuple[list[Any], str]:
    """Read the delivery report to its end; return its rows and the cursor after them."""
    rows: list[Any] = []
    while True:
        page = simulator.ask("GET", "/v1/delivery", after=cursor, limit=limit)
        rows, cursor = rows + page["rows"], page["cursor"]
        if not page["more"]:
            return rows, cursor
