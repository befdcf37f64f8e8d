"""A notebook as ad server, written from `docs/ad-servers.md` and the port's docstrings alone."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mediabuys.adservers import port

DRAFT, CONFIRMED = port.OrderState.DRAFT, port.OrderState.CONFIRMED


@dataclass
class Notebook:
    """The ad server: what was told, what is booked, and the log of all reviews; no delivery."""

    daily: dict[str, int] = field(default_factory=dict)
    told: dict[str, port.OrderRequest] = field(default_factory=dict)
    booked: dict[str, port.BookedOrder] = field(default_factory=dict)
    reviews: list[port.CreativeState] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def taken(self, product_id: str, day: date, asked: port.OrderRequest | None = None) -> int:
        """What guaranteed lines take of a day, evenly; of `asked` as it would be booked."""
        orders = {key: self.told[key] for key, one in self.booked.items() if one.state is CONFIRMED}
        orders |= {asked.reference: asked} if asked else {}
        start, total = datetime.combine(day, time(), UTC), 0
        for line in (line for order in orders.values() for line in order.line_items):
            if line.is_guaranteed and line.product_id == product_id:
                end = min(start + timedelta(days=1), line.end_time)
                part = (end - max(start, line.start_time)) / (line.end_time - line.start_time)
                total += round((line.impressions or 0) * max(part, 0))
        return total


def days(first: date, last: date) -> list[date]:
    return [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]


class NotebookAdServer:
    def __init__(self, name: str, notebook: Notebook) -> None:
        self.name, self._book = name, notebook

    def _held(self, reference: str, *states: port.OrderState) -> port.BookedOrder:
        held = self.find(reference)
        if held is None or held.state not in states:
            raise port.AdServerRefused(f"The order is {held.state if held else 'unknown'}.")
        return held

    def _keep(self, order: port.OrderRequest, **what: Any) -> port.BookedOrder:
        ids = {one.package_id: f"line {one.package_id}" for one in order.line_items}
        key = order.reference
        self._book.told[key] = order
        self._book.booked[key] = port.BookedOrder(key, ids, revision=order.revision, **what)
        return self._book.booked[key]

    def validate_order(self, order: port.OrderRequest) -> None:
        if not order.line_items:
            raise port.AdServerRefused("The order has no line items.")

    def validate_inventory(self, order: port.OrderRequest) -> None:
        with self._book.lock:
            for line in (line for line in order.line_items if line.is_guaranteed):
                size, key = self._book.daily.get(line.product_id, 0), line.product_id
                for day in days(line.start_time.astimezone(UTC), line.end_time.astimezone(UTC)):
                    if self._book.taken(key, day, order) > max(size, self._book.taken(key, day)):
                        raise port.OrderDeclined(f"There is not enough inventory on {day}.")

    def create_order(self, order: port.OrderRequest) -> str:
        with self._book.lock:
            held = self.find(order.reference)
            if held is None or (held.state is DRAFT and held.revision < order.revision):
                self._keep(replace(order, line_items=()), state=DRAFT)
            return self._held(order.reference, DRAFT, CONFIRMED).order_id

    def create_line_items(self, order: port.OrderRequest) -> dict[str, str]:
        with self._book.lock:
            held = self._held(order.reference, DRAFT, CONFIRMED)
            if held.state is DRAFT and order.revision >= held.revision:
                lines = (*order.line_items, *self._book.told[order.reference].line_items)
                whole = tuple({one.package_id: one for one in lines}.values())
                held = self._keep(replace(order, line_items=whole), state=DRAFT)
            return held.line_items

    def _commit(self, order: port.OrderRequest, **what: Any) -> port.BookedOrder:
        self.validate_order(order)
        self.validate_inventory(order)
        return self._keep(order, **what)

    def confirm(self, reference: str) -> port.BookedOrder:
        with self._book.lock:
            held = self._held(reference, DRAFT, CONFIRMED)
            return self._commit(self._book.told[reference]) if held.state is DRAFT else held

    def find(self, reference: str) -> port.BookedOrder | None:
        return self._book.booked.get(reference)

    def change(self, order: port.OrderRequest) -> port.BookedOrder:
        with self._book.lock:
            held = self._held(order.reference, CONFIRMED)
            is_old = order.revision < held.revision
            return held if is_old else self._commit(order, is_paused=held.is_paused)

    def pause(self, reference: str, *, revision: int, is_paused: bool = True) -> port.BookedOrder:
        with self._book.lock:
            held = self._held(reference, CONFIRMED)
            order = replace(self._book.told[reference], revision=revision)
            return self._keep(order, is_paused=is_paused) if revision >= held.revision else held

    def resume(self, reference: str, *, revision: int) -> port.BookedOrder:
        return self.pause(reference, revision=revision, is_paused=False)

    def cancel(self, reference: str) -> None:
        with self._book.lock:
            held, now = self.find(reference), datetime.now(UTC)
            nothing = port.OrderRequest(reference, "", now, now, (), held.revision if held else 0)
            self._keep(nothing, state=port.OrderState.CANCELED)

    def availability(
        self, product_ids: Sequence[str], *, first: date, last: date
    ) -> tuple[port.ProductDay, ...]:
        with self._book.lock:
            return tuple(
                port.ProductDay(one, day, "", size, size, size, self._book.taken(one, day))
                for one, size in self._book.daily.items()
                for day in days(first, last)
                if one in product_ids
            )

    def push_creative(self, creative: port.CreativeRequest) -> port.CreativeState:
        with self._book.lock:
            key, revision = creative.reference, creative.revision
            told = [one for one in self._book.reviews if one.reference == key]
            if not told or told[-1].revision < revision:
                told = [port.CreativeState(key, revision, port.ReviewState.PENDING)]
                self._book.reviews += told
            return told[-1]

    def creative_states(self, cursor: str) -> port.CreativePage:
        states, start = tuple(self._book.reviews), int(cursor) if cursor.isdecimal() else 0
        newest = {one.reference: one for one in states[start:]}
        return port.CreativePage(tuple(newest.values()), str(len(states)), more=False)

    def delivery(self, cursor: str) -> port.DeliveryPage:
        return port.DeliveryPage((), cursor, more=False, as_of=datetime.now(UTC))

    def health(self) -> port.Health:
        return port.Health(is_well=True, message="The notebook is open.", now=datetime.now(UTC))
