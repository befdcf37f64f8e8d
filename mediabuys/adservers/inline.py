"""The inline ad server: it keeps orders by reference in a table of our own database.

It serves nothing. It books sandbox orders, and every order until a real ad server is connected.
"""

import secrets
import time

from django.conf import settings
from django.utils import timezone

from mediabuys.adservers.port import AdServerRefused, BookedOrder, OrderDeclined, OrderRequest
from mediabuys.models import InlineOrder


class InlineAdServer:
    """An adapter on a table; `step_seconds` makes each step take as long as a real one would."""

    def __init__(self, name: str, *, step_seconds: float = 0.0) -> None:
        self.name = name
        self.step_seconds = step_seconds

    def validate_order(self, order: OrderRequest) -> None:
        self._take_time()
        if not order.line_items:
            raise AdServerRefused("The order has no line items.")

    def validate_inventory(self, order: OrderRequest) -> None:
        self._take_time()
        if order.end_time <= timezone.now():
            raise OrderDeclined("The flight is already over.")

    def create_order(self, order: OrderRequest) -> str:
        self._take_time()
        row, _ = InlineOrder.objects.get_or_create(
            reference=order.reference,
            defaults={
                "order_id": f"inline-{secrets.token_hex(6)}",
                "advertiser": order.advertiser,
                "start_time": order.start_time,
                "end_time": order.end_time,
            },
        )
        return row.order_id

    def create_line_items(self, order: OrderRequest) -> dict[str, str]:
        self._take_time()
        row = InlineOrder.objects.get(reference=order.reference)
        row.line_items = [
            {
                "id": f"{row.order_id}-{position}",
                "package_id": line.package_id,
                "product_id": line.product_id,
                "budget": str(line.budget),
                "currency": line.currency,
            }
            for position, line in enumerate(order.line_items, start=1)
        ]
        row.save(update_fields=["line_items"])
        return _line_items(row)

    def confirm(self, reference: str) -> BookedOrder:
        self._take_time()
        row = InlineOrder.objects.get(reference=reference)
        if row.confirmed_at is None:
            row.confirmed_at = timezone.now()
            row.save(update_fields=["confirmed_at"])
        return BookedOrder(row.order_id, _line_items(row))

    def find(self, reference: str) -> BookedOrder | None:
        row = InlineOrder.objects.filter(reference=reference).first()
        return BookedOrder(row.order_id, _line_items(row)) if row else None

    def _take_time(self) -> None:
        if self.step_seconds:
            time.sleep(self.step_seconds)


def _line_items(row: InlineOrder) -> dict[str, str]:
    return {item["package_id"]: item["id"] for item in row.line_items}


def inline_ad_server(name: str, _patience: float) -> InlineAdServer:
    """Return the inline adapter under the publisher's name for it; it never waits."""
    return InlineAdServer(name, step_seconds=settings.INLINE_ADSERVER_STEP_SECONDS)
