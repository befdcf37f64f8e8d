"""The adapter of the simulated ad server: it speaks HTTP, and imports nothing of its program."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, quote_plus

from django.conf import settings

from mediabuys.adservers import simulated_answers as answers
from mediabuys.adservers.port import (
    AdServerRefused,
    BookedOrder,
    CreativePage,
    CreativeRequest,
    CreativeState,
    DeliveryPage,
    Health,
    LineItemRequest,
    OrderRequest,
    OrderState,
    ProductDay,
)
from mediabuys.adservers.simulated_exchange import Exchange, NotFound

CREATIVES_A_PAGE = 500
ROWS_A_PAGE = 10_000
# What product ids may take of a URL, each encoded.
PRODUCTS_CHARACTERS = 1_500


class SimulatedAdServer:
    """An adapter over HTTP. It keeps nothing, so that any number of workers may use it."""

    def __init__(self, name: str, exchange: Exchange) -> None:
        self.name = name
        self.exchange = exchange

    def validate_order(self, order: OrderRequest) -> None:
        self._validate(order, "order")

    def validate_inventory(self, order: OrderRequest) -> None:
        self._validate(order, "inventory")

    def create_order(self, order: OrderRequest) -> str:
        held = self._order("PUT", order.reference, body=order_body(order))
        if held.state == OrderState.CANCELED:
            raise AdServerRefused("The order was canceled on the ad server.")
        return held.order_id

    def create_line_items(self, order: OrderRequest) -> dict[str, str]:
        held = self._order("PUT", order.reference, "/line-items", body=order_body(order))
        missing = {line.package_id for line in order.line_items} - held.line_items.keys()
        if missing and held.state == OrderState.DRAFT:
            raise answers.NotUnderstood
        return held.line_items

    def confirm(self, reference: str) -> BookedOrder:
        return _confirmed(self._order("POST", reference, "/confirm"))

    def find(self, reference: str) -> BookedOrder | None:
        try:
            return self._order("GET", reference)
        except NotFound:
            return None

    def change(self, order: OrderRequest) -> BookedOrder:
        held = self._order("PUT", order.reference, "/state", body=order_body(order))
        wanted = {line.package_id for line in order.line_items}
        if held.revision == order.revision and wanted != held.line_items.keys():
            raise answers.NotUnderstood
        return _taken(held, order.revision)

    def pause(self, reference: str, *, revision: int) -> BookedOrder:
        held = self._order("POST", reference, "/pause", body={"revision": revision})
        return _taken(held, revision, is_paused=True)

    def resume(self, reference: str, *, revision: int) -> BookedOrder:
        held = self._order("POST", reference, "/resume", body={"revision": revision})
        return _taken(held, revision, is_paused=False)

    def cancel(self, reference: str) -> None:
        self.exchange.tell("POST", f"{_order_path(reference)}/cancel")

    def availability(
        self, product_ids: Sequence[str], *, first: date, last: date
    ) -> tuple[ProductDay, ...]:
        deadline = time.monotonic() + self.exchange.patience
        days: list[ProductDay] = []
        for some in _portions(product_ids):
            query = {"product": some, "first": first.isoformat(), "last": last.isoformat()}
            exchange = replace(self.exchange, patience=deadline - time.monotonic())
            answer = exchange.ask("GET", "/v1/availability", query=query)
            days += answers.product_days(answer, product_ids=set(some), first=first, last=last)
        return tuple(days)

    def push_creative(self, creative: CreativeRequest) -> CreativeState:
        body = {
            "revision": creative.revision,
            "advertiser": creative.advertiser,
            "name": creative.name,
            "format_id": creative.format_id,
            "assets": creative.assets,
        }
        path = f"/v1/creatives/{quote(creative.reference, safe='')}"
        state = answers.creative_state(self.exchange.ask("PUT", path, body=body))
        if state.reference != creative.reference or state.revision < creative.revision:
            raise answers.NotUnderstood
        return state

    def creative_states(self, cursor: str) -> CreativePage:
        query = {"after": cursor, "limit": CREATIVES_A_PAGE}
        answer = self.exchange.ask("GET", "/v1/creative-states", query=query)
        return answers.creative_page(answer, after=cursor)

    def delivery(self, cursor: str) -> DeliveryPage:
        query = {"after": cursor, "limit": ROWS_A_PAGE}
        answer = self.exchange.ask("GET", "/v1/delivery", query=query)
        return answers.delivery_page(answer, after=cursor)

    def health(self) -> Health:
        return answers.health(self.exchange.ask("GET", "/v1/health"))

    def _validate(self, order: OrderRequest, scope: str) -> None:
        body = {"scope": scope, "order": order_body(order)}
        self.exchange.tell("POST", f"{_order_path(order.reference)}/validate", body=body)

    def _order(
        self, method: str, reference: str, step: str = "", *, body: dict[str, Any] | None = None
    ) -> BookedOrder:
        answer = self.exchange.ask(method, _order_path(reference) + step, body=body)
        return answers.held_order(answer, reference=reference)


def _confirmed(held: BookedOrder) -> BookedOrder:
    if held.state != OrderState.CONFIRMED:
        raise answers.NotUnderstood
    return held


def _taken(held: BookedOrder, revision: int, *, is_paused: bool | None = None) -> BookedOrder:
    """Return a confirmed order that has this revision or a newer one, and does what was asked."""
    disobeyed = is_paused is not None and held.is_paused != is_paused
    if held.revision < revision or (held.revision == revision and disobeyed):
        raise answers.NotUnderstood
    return _confirmed(held)


def _portions(product_ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield the products in as few portions as fit in a URL each."""
    portion: list[str] = []
    taken = 0
    for product_id in dict.fromkeys(product_ids):
        length = len(quote_plus(product_id)) + len("&product=")
        if portion and taken + length > PRODUCTS_CHARACTERS:
            yield portion
            portion, taken = [], 0
        portion.append(product_id)
        taken += length
    if portion:
        yield portion


def _order_path(reference: str) -> str:
    return f"/v1/orders/{quote(reference, safe='')}"


def order_body(order: OrderRequest) -> dict[str, Any]:
    """Return the order as the API spells it: amounts as text, times in UTC."""
    return {
        "reference": order.reference,
        "revision": order.revision,
        "advertiser": order.advertiser,
        "start_time": _moment(order.start_time),
        "end_time": _moment(order.end_time),
        "line_items": [_line_body(line) for line in order.line_items],
    }


def _line_body(line: LineItemRequest) -> dict[str, Any]:
    return {
        "package_id": line.package_id,
        "product_id": line.product_id,
        "pricing_model": line.pricing_model,
        "unit_price": None if line.unit_price is None else f"{line.unit_price:f}",
        "budget": f"{line.budget:f}",
        "currency": line.currency,
        "start_time": _moment(line.start_time),
        "end_time": _moment(line.end_time),
        "impressions": line.impressions,
        "is_guaranteed": line.is_guaranteed,
        "is_paused": line.is_paused,
        "pacing": line.pacing,
        "countries": list(line.countries),
        "creatives": [
            {
                "reference": one.reference,
                "weight": None if one.weight is None else f"{one.weight:f}",
            }
            for one in line.creatives
        ],
    }


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def simulated_ad_server(name: str, patience: float) -> SimulatedAdServer:
    """Return the adapter for the server that the settings name."""
    exchange = Exchange(settings.ADSERVER_URL, settings.ADSERVER_TOKEN, patience)
    return SimulatedAdServer(name, exchange)
