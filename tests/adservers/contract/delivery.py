"""Rules of delivery: whole hours by version, read on from a cursor."""

from datetime import timedelta
from decimal import Decimal

from mediabuys.adservers.port import (
    AdServer,
    AssignedCreative,
    DeliveredHour,
    OrderRequest,
    ReviewState,
)
from tests.adservers.contract.base import START, Rules, World, book, draft, line, order
from tests.adservers.contract.creatives import CREATIVE, creative

HOUR = timedelta(hours=1)
Key = tuple[object, ...]


def with_creative(reference: str = "ORD-1") -> OrderRequest:
    """Return an order that can serve."""
    return order(line(creatives=(AssignedCreative(CREATIVE),)), reference=reference)


def prepare(server: AdServer, world: World) -> None:
    """Book an order whose creative may be served."""
    server.push_creative(creative())
    world.decide(CREATIVE, ReviewState.APPROVED)
    book(server, with_creative())


def read(server: AdServer, cursor: str = "") -> tuple[list[DeliveredHour], str]:
    """Read all delivery after a cursor; return it and the cursor after it."""
    rows: list[DeliveredHour] = []
    more = True
    while more:
        page = server.delivery(cursor)
        assert page.unreadable == ()
        rows, cursor, more = [*rows, *page.rows], page.cursor, page.more
    return rows, cursor


def newest(rows: list[DeliveredHour]) -> dict[Key, DeliveredHour]:
    """Return the last version of each hour."""
    return {
        (row.order_reference, row.package_id, row.creative, row.country, row.hour): row
        for row in sorted(rows, key=lambda row: row.version)
    }


class NoDeliveryRules(Rules):
    lacks = "has_delivery"

    def test_it_tells_no_delivery(self, server: AdServer) -> None:
        book(server, order())

        page = server.delivery("")

        assert (page.rows, page.unreadable, page.more) == ((), (), False)
        assert page.as_of.utcoffset() is not None
        assert server.delivery(page.cursor).rows == ()


class DeliveryRules(Rules):
    needs = "has_delivery"

    def test_nothing_is_delivered_before_the_flight(self, server: AdServer, world: World) -> None:
        prepare(server, world)
        world.let_pass(START - HOUR)

        rows, cursor = read(server)

        assert rows == []
        assert read(server, cursor)[0] == []

    def test_each_hour_says_what_and_where(self, server: AdServer, world: World) -> None:
        prepare(server, world)
        draft(server, with_creative("ORD-2"))

        world.let_pass(START + 6 * HOUR)
        rows, _ = read(server)

        assert {(row.order_reference, row.package_id) for row in rows} == {("ORD-1", "pkg_1")}
        assert {row.currency for row in rows} == {"USD"}
        assert {row.creative for row in rows} == {CREATIVE}
        assert all(START <= row.hour < START + 6 * HOUR for row in rows)
        assert all(row.hour.minute == row.hour.second == row.hour.microsecond == 0 for row in rows)
        assert 0 < sum(row.impressions for row in newest(rows).values()) <= 100_000
        assert 0 < sum(row.spend for row in newest(rows).values()) <= Decimal("1000.00")

    def test_an_hour_that_grows_is_told_again_whole(self, server: AdServer, world: World) -> None:
        prepare(server, world)
        world.let_pass(START + 5.5 * HOUR)
        first, cursor = read(server)
        world.let_pass(START + 7 * HOUR)

        later, _ = read(server, cursor)

        before, after = newest(first), newest(later)
        grown = [(before[key], after[key]) for key in before.keys() & after.keys()]
        assert {old.hour for old, _ in grown} == {START + 5 * HOUR}
        assert all(new.version > old.version for old, new in grown)
        assert all(new.impressions > old.impressions for old, new in grown)
        assert {row.hour for row in later} == {START + 5 * HOUR, START + 6 * HOUR}

    def test_a_cursor_may_be_read_again(self, server: AdServer, world: World) -> None:
        prepare(server, world)
        world.let_pass(START + 3 * HOUR)
        _, cursor = read(server)
        world.let_pass(START + 6 * HOUR)

        once, after = read(server, cursor)
        again, _ = read(server, cursor)

        assert newest(once) == newest(again)
        assert len(once) > 0
        assert read(server, after)[0] == []

    def test_what_is_told_is_told_up_to_a_moment(self, server: AdServer, world: World) -> None:
        prepare(server, world)
        world.let_pass(START + 3 * HOUR)
        earlier = server.delivery("").as_of
        world.let_pass(START + 6 * HOUR)

        later = server.delivery("").as_of

        assert earlier < later
        assert later - earlier >= 2 * HOUR

    def test_a_paused_or_canceled_order_delivers_no_more(
        self, server: AdServer, world: World
    ) -> None:
        prepare(server, world)
        book(server, with_creative("ORD-2"))
        world.let_pass(START + 3 * HOUR)
        server.pause("ORD-1", revision=2)
        server.cancel("ORD-2")
        _, cursor = read(server)
        world.let_pass(START + 9 * HOUR)

        rows, _ = read(server, cursor)

        assert rows == []
