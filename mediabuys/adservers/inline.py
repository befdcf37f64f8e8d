"""The inline ad server: it keeps orders by reference in a table of our own database.

It serves nothing, so it has no inventory, no delivery and no review. It books sandbox orders, and
every order until a real ad server is connected.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from mediabuys.adservers.port import (
    AdServerRefused,
    AdServerUnavailable,
    BookedOrder,
    CreativePage,
    CreativeRequest,
    CreativeState,
    DeliveryPage,
    Health,
    LineItemRequest,
    OrderDeclined,
    OrderRequest,
    OrderState,
    ProductDay,
    ReviewState,
)
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
                "order_id": _new_id(),
                "advertiser": order.advertiser,
                "start_time": order.start_time,
                "end_time": order.end_time,
                "revision": order.revision,
            },
        )
        if row.canceled_at is not None:
            raise AdServerRefused("The order was canceled.")
        return row.order_id

    def create_line_items(self, order: OrderRequest) -> dict[str, str]:
        self._take_time()
        with _order_locked(order.reference) as row:
            if row.confirmed_at is None:
                there = _line_items(row)
                missing = [one for one in order.line_items if one.package_id not in there]
                row.line_items = [*row.line_items, *_new_lines(row, missing)]
                row.save(update_fields=["line_items"])
            return _line_items(row)

    def confirm(self, reference: str) -> BookedOrder:
        self._take_time()
        with _order_locked(reference) as row:
            if row.confirmed_at is None:
                row.confirmed_at = timezone.now()
                row.save(update_fields=["confirmed_at"])
            return _held(row)

    def find(self, reference: str) -> BookedOrder | None:
        row = InlineOrder.objects.filter(reference=reference).first()
        return _held(row) if row else None

    def change(self, order: OrderRequest) -> BookedOrder:
        def apply(row: InlineOrder) -> None:
            row.advertiser = order.advertiser
            row.start_time, row.end_time = order.start_time, order.end_time
            row.line_items = _changed_lines(row, order.line_items)

        return self._told(order.reference, order.revision, apply)

    def pause(self, reference: str, *, revision: int) -> BookedOrder:
        return self._told(reference, revision, lambda row: setattr(row, "is_paused", True))

    def resume(self, reference: str, *, revision: int) -> BookedOrder:
        return self._told(reference, revision, lambda row: setattr(row, "is_paused", False))

    def cancel(self, reference: str) -> None:
        self._take_time()
        now = timezone.now()
        InlineOrder.objects.get_or_create(
            reference=reference,
            defaults={"order_id": _new_id(), "start_time": now, "end_time": now},
        )
        InlineOrder.objects.filter(reference=reference, canceled_at=None).update(canceled_at=now)

    def availability(
        self,
        product_ids: Sequence[str],  # noqa: ARG002 (the port's signature)
        *,
        first: date,  # noqa: ARG002
        last: date,  # noqa: ARG002
    ) -> tuple[ProductDay, ...]:
        return ()

    def push_creative(self, creative: CreativeRequest) -> CreativeState:
        return CreativeState(creative.reference, creative.revision, ReviewState.APPROVED)

    def creative_states(self, cursor: str) -> CreativePage:
        return CreativePage((), cursor, more=False)

    def delivery(self, cursor: str) -> DeliveryPage:
        return DeliveryPage((), cursor, more=False, as_of=timezone.now())

    def health(self) -> Health:
        return Health(is_well=True, message="Orders are kept in a table.", now=_database_now())

    def _told(
        self, reference: str, revision: int, apply: Callable[[InlineOrder], None]
    ) -> BookedOrder:
        self._take_time()
        with _order_locked(reference) as row:
            if row.confirmed_at is None:
                raise AdServerRefused("The order is not confirmed yet.")
            if row.revision <= revision:
                apply(row)
                row.revision = revision
                row.save()
            return _held(row)

    def _take_time(self) -> None:
        if self.step_seconds:
            time.sleep(self.step_seconds)


@contextmanager
def _order_locked(reference: str) -> Iterator[InlineOrder]:
    """Lock an order that is not canceled, in the caller's transaction or else in one of its own.

    Nothing is written before the last error is raised, so that the caller's needs no savepoint.
    """
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        row = InlineOrder.objects.select_for_update().filter(reference=reference).first()
        if row is None or row.canceled_at is not None:
            raise AdServerRefused("The order is unknown or was canceled.")
        yield row


def _new_id() -> str:
    return f"inline-{secrets.token_hex(6)}"


def _new_lines(row: InlineOrder, lines: Iterable[LineItemRequest]) -> list[dict[str, Any]]:
    """Return stored lines with ids that no line of the order ever had."""
    taken = len(row.line_items)
    return [
        _line(line, f"{row.order_id}-{position}")
        for position, line in enumerate(lines, start=taken + 1)
    ]


def _changed_lines(row: InlineOrder, wanted: Iterable[LineItemRequest]) -> list[dict[str, Any]]:
    """Return the order's lines as they are wanted; canceled ones stay, so that no id is reused."""
    lines = {line.package_id: line for line in wanted}
    kept = [
        _line(lines[item["package_id"]], item["id"])
        if _is_live(item) and item["package_id"] in lines
        else {**item, "is_canceled": True}
        for item in row.line_items
    ]
    there = _line_items(row)
    return [*kept, *_new_lines(row, [one for one in lines.values() if one.package_id not in there])]


def _line(line: LineItemRequest, line_id: str) -> dict[str, Any]:
    return {
        "id": line_id,
        "package_id": line.package_id,
        "product_id": line.product_id,
        "budget": str(line.budget),
        "currency": line.currency,
        "start_time": line.start_time.isoformat(),
        "end_time": line.end_time.isoformat(),
        "impressions": line.impressions,
        "is_paused": line.is_paused,
        "creatives": [one.reference for one in line.creatives],
    }


def _is_live(item: dict[str, Any]) -> bool:
    return not item.get("is_canceled", False)


def _line_items(row: InlineOrder) -> dict[str, str]:
    return {item["package_id"]: item["id"] for item in row.line_items if _is_live(item)}


def _state(row: InlineOrder) -> OrderState:
    if row.canceled_at is not None:
        return OrderState.CANCELED
    return OrderState.DRAFT if row.confirmed_at is None else OrderState.CONFIRMED


def _held(row: InlineOrder) -> BookedOrder:
    lines = _line_items(row) if row.canceled_at is None else {}
    return BookedOrder(row.order_id, lines, _state(row), row.revision, row.is_paused)


def _database_now() -> datetime:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")
            (moment,) = cursor.fetchone()
    except DatabaseError as error:
        raise AdServerUnavailable("The database does not answer.") from error
    return timezone.localtime(moment)


def inline_ad_server(name: str, _patience: float) -> InlineAdServer:
    """Return the inline adapter under the publisher's name for it; it never waits."""
    return InlineAdServer(name, step_seconds=settings.INLINE_ADSERVER_STEP_SECONDS)
