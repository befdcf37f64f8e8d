"""What the rules are tested with: orders, creatives, and the world around an ad server."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from mediabuys.adservers.port import (
    AdServer,
    AdServerError,
    BookedOrder,
    LineItemRequest,
    OrderRequest,
    ReviewState,
)
from mediabuys.adservers.profiles import AdServerProfile

PRODUCT = "homepage"
DAILY = 100_000
DAYS = 10
FIRST = datetime.now(UTC).date() + timedelta(days=2)
LAST = FIRST + timedelta(days=DAYS - 1)
START = datetime.combine(FIRST, time(), UTC)
END = START + timedelta(days=DAYS)
# Of all that the product has in the flight: one such line fits, two do not, on no day.
MOST = DAYS * DAILY * 6 // 10


class World(Protocol):
    """What the suite causes at the other side of the port; all who have nothing there need none."""

    def stock(self, product_id: str, daily: int) -> None:
        """Give the product about so many impressions on each day."""

    def decide(self, reference: str, review: ReviewState, reason: str = "") -> None:
        """Have a person at the ad server decide on a creative; no robot may have done it."""

    def let_pass(self, until: datetime) -> None:
        """Let time pass at the ad server until then; confirmed orders deliver meanwhile."""


class Rules:
    """What all groups of rules share.

    A group that `needs` what the profile has not, or is for those that lack what it has, is not
    asked: its tests do not exist in the subclass.
    """

    profile: AdServerProfile
    needs = lacks = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not hasattr(cls, "profile"):
            return
        for group in cls.__mro__:
            needs, lacks = vars(group).get("needs"), vars(group).get("lacks")
            if (needs and not getattr(cls.profile, needs)) or (
                lacks and getattr(cls.profile, lacks)
            ):
                for name in vars(group):
                    if name.startswith("test_"):
                        setattr(cls, name, None)

    @pytest.fixture
    def world(self) -> Any:
        return None

    @pytest.fixture(autouse=True)
    def _stocked(self, world: World) -> None:
        if self.profile.has_inventory:
            world.stock(PRODUCT, DAILY)

    def together(self, *calls: Callable[[], Any]) -> Sequence[Any]:
        """Make the calls at the same moment; return each answer, or the port's error."""
        barrier = threading.Barrier(len(calls))

        def meet(call: Callable[[], Any]) -> Any:
            barrier.wait(timeout=30)
            return answered(call)

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(meet, calls))


def answered(call: Callable[[], Any]) -> Any:
    """Return what the call returns, or its error where it is one of the port's."""
    try:
        return call()
    except AdServerError as error:
        return error


def line(package_id: str = "pkg_1", **changes: Any) -> LineItemRequest:
    """Return a line that anybody has room for, guaranteed, at 10.00 a thousand."""
    values: dict[str, Any] = {
        "package_id": package_id,
        "product_id": PRODUCT,
        "pricing_model": "cpm",
        "unit_price": Decimal("10.00"),
        "budget": Decimal("1000.00"),
        "currency": "USD",
        "start_time": START,
        "end_time": END,
        "impressions": 100_000,
        "is_guaranteed": True,
    }
    return LineItemRequest(**(values | changes))


def order(*lines: LineItemRequest, reference: str = "ORD-1", revision: int = 1) -> OrderRequest:
    """Return an order with these lines, or with one usual line."""
    return OrderRequest(
        reference=reference,
        advertiser="acme.example",
        start_time=START,
        end_time=END,
        line_items=lines or (line(),),
        revision=revision,
    )


def big_order(reference: str, *, revision: int = 1) -> OrderRequest:
    """Return an order that leaves no room for another like it."""
    big = line(impressions=MOST, budget=Decimal(MOST) / 100)
    return order(big, reference=reference, revision=revision)


def draft(server: AdServer, wanted: OrderRequest) -> None:
    """Bring an order to where only its confirmation is missing."""
    server.create_order(wanted)
    server.create_line_items(wanted)


def book(server: AdServer, wanted: OrderRequest) -> BookedOrder:
    """Book an order as a worker does."""
    server.validate_order(wanted)
    server.validate_inventory(wanted)
    draft(server, wanted)
    return server.confirm(wanted.reference)


def reserved(server: AdServer, day: date = FIRST) -> int:
    """Return what confirmed orders take of the product on one day, everywhere."""
    return sum(
        one.reserved
        for one in server.availability([PRODUCT], first=day, last=day)
        if one.country == ""
    )
