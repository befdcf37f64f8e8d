"""A notebook as ad server, written from `docs/ad-servers.md` and the port's docstrings alone."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from mediabuys.adservers import port

Lines = tuple[port.LineItemRequest, ...]
State = port.OrderState


@dataclass
class Notebook:
    orders: dict[str, port.BookedOrder] = field(default_factory=dict)
    lines: dict[str, Lines] = field(default_factory=dict)
    daily: dict[str, int] = field(default_factory=dict)
    reviews: list[port.CreativeState] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def write(self, reference: str, order: port.BookedOrder, lines: Lines) -> port.BookedOrder:
        ids = {one.package_id: f"{reference}-{one.package_id}" for one in lines}
        self.orders[reference], self.lines[reference] = replace(order, line_items=ids), lines
        return self.orders[reference]

    def taken(self, product_id: str, day: date, besides: str = "") -> int:
        confirmed = (name for name, one in self.orders.items() if one.state == State.CONFIRMED)
        others = [self.lines[name] for name in confirmed if name != besides]
        return sum(share(line, product_id, day) for lines in others for line in lines)

    def check(self, reference: str, lines: Lines) -> None:
        for line in lines:
            for day in days(line.start_time.date(), line.end_time.date()):
                wanted = sum(share(one, line.product_id, day) for one in lines)
                taken = self.taken(line.product_id, day, besides=reference)
                if wanted and wanted + taken > self.daily.get(line.product_id, 0):
                    raise port.OrderDeclined(f"{line.product_id} is sold out on {day}.")


class NotebookAdServer:
    def __init__(self, name: str, notebook: Notebook) -> None:
        self.name, self.book = name, notebook

    @contextmanager
    def _held(self, reference: str, *states: State) -> Iterator[port.BookedOrder]:
        with self.book.lock:
            held = self.book.orders.get(reference)
            if held is None or held.state not in states:
                raise port.AdServerRefused("There is no such order to work on.")
            yield held

    def validate_order(self, order: port.OrderRequest) -> None:
        if not order.line_items:
            raise port.AdServerRefused("The order has no line items.")

    def validate_inventory(self, order: port.OrderRequest) -> None:
        with self.book.lock:
            self.book.check(order.reference, order.line_items)

    def create_order(self, order: port.OrderRequest) -> str:
        with self.book.lock:
            if order.reference not in self.book.orders:
                new = port.BookedOrder(f"page-{order.reference}", {}, State.DRAFT, order.revision)
                self.book.write(order.reference, new, ())
            with self._held(order.reference, State.DRAFT, State.CONFIRMED) as held:
                return held.order_id

    def create_line_items(self, order: port.OrderRequest) -> dict[str, str]:
        with self._held(order.reference, State.DRAFT, State.CONFIRMED) as held:
            if held.state == State.CONFIRMED:
                return held.line_items
            missing = (one for one in order.line_items if one.package_id not in held.line_items)
            lines = (*self.book.lines[order.reference], *missing)
            return self.book.write(order.reference, held, lines).line_items

    def confirm(self, reference: str) -> port.BookedOrder:
        with self._held(reference, State.DRAFT, State.CONFIRMED) as held:
            lines = self.book.lines[reference]
            if held.state == State.DRAFT:
                self.book.check(reference, lines)
            return self.book.write(reference, replace(held, state=State.CONFIRMED), lines)

    def find(self, reference: str) -> port.BookedOrder | None:
        return self.book.orders.get(reference)

    def change(self, order: port.OrderRequest) -> port.BookedOrder:
        with self._held(order.reference, State.CONFIRMED) as held:
            if order.revision < held.revision:
                return held
            self.book.check(order.reference, order.line_items)
            newer = replace(held, revision=order.revision)
            return self.book.write(order.reference, newer, order.line_items)

    def pause(self, reference: str, *, revision: int, is_paused: bool = True) -> port.BookedOrder:
        with self._held(reference, State.CONFIRMED) as held:
            newer = replace(held, revision=revision, is_paused=is_paused)
            kept = newer if revision >= held.revision else held
            return self.book.write(reference, kept, self.book.lines[reference])

    def resume(self, reference: str, *, revision: int) -> port.BookedOrder:
        return self.pause(reference, revision=revision, is_paused=False)

    def cancel(self, reference: str) -> None:
        with self.book.lock:
            held = self.book.orders.get(reference, port.BookedOrder(f"page-{reference}", {}))
            self.book.write(reference, replace(held, state=State.CANCELED), ())

    def availability(
        self, product_ids: Sequence[str], *, first: date, last: date
    ) -> tuple[port.ProductDay, ...]:
        daily, taken = self.book.daily, self.book.taken
        return tuple(
            port.ProductDay(name, day, "", daily[name], daily[name], daily[name], taken(name, day))
            for name in product_ids
            for day in days(first, last)
        )

    def push_creative(self, creative: port.CreativeRequest) -> port.CreativeState:
        with self.book.lock:
            told = [one for one in self.book.reviews if one.reference == creative.reference]
            if told and told[-1].revision >= creative.revision:
                return told[-1]
            named = (creative.reference, creative.revision)
            self.book.reviews.append(port.CreativeState(*named, port.ReviewState.PENDING))
            return self.book.reviews[-1]

    def creative_states(self, cursor: str) -> port.CreativePage:
        new = tuple(self.book.reviews[int(cursor or 0) :])
        return port.CreativePage(new, str(int(cursor or 0) + len(new)), more=False)

    def delivery(self, cursor: str) -> port.DeliveryPage:
        return port.DeliveryPage((), cursor, more=False, as_of=datetime.now(UTC))

    def health(self) -> port.Health:
        return port.Health(is_well=True, message="It is open.", now=datetime.now(UTC))


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def share(line: port.LineItemRequest, product_id: str, day: date) -> int:
    flight = days(line.start_time.date(), (line.end_time - timedelta(microseconds=1)).date())
    takes = line.is_guaranteed and line.product_id == product_id and day in flight
    return (line.impressions or 0) // len(flight) if takes else 0
