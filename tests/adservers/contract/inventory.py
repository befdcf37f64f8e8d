"""Rules of inventory: what is free, who takes it, and that a refusal changes nothing."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from mediabuys.adservers.port import AdServer, BookedOrder, OrderDeclined, OrderState
from tests.adservers.contract.base import (
    DAILY,
    DAYS,
    FIRST,
    LAST,
    MOST,
    PRODUCT,
    Rules,
    World,
    big_order,
    book,
    draft,
    line,
    order,
    reserved,
)


class NoInventoryRules(Rules):
    lacks = "has_inventory"

    def test_it_tells_of_no_inventory_and_fits_everything(self, server: AdServer) -> None:
        server.validate_inventory(order(line(impressions=10**11, budget=Decimal(10**9))))

        assert server.availability([PRODUCT], first=FIRST, last=LAST) == ()


class InventoryRules(Rules):
    needs = "has_inventory"

    def test_each_day_of_the_range_is_told_once(self, server: AdServer) -> None:
        days = server.availability([PRODUCT], first=FIRST, last=LAST)

        everywhere = [one for one in days if one.country == ""]
        assert [one.day for one in sorted(everywhere, key=lambda one: one.day)] == [
            FIRST + timedelta(days=number) for number in range(DAYS)
        ]
        assert {one.product_id for one in days} == {PRODUCT}
        assert all(0 < one.low <= one.capacity <= one.high for one in days)
        assert {one.reserved for one in days} == {0}

    def test_any_number_of_products_is_told(self, server: AdServer, world: World) -> None:
        names = [f"{PRODUCT} {number:03} with a long näme" for number in range(120)]
        for name in names:
            world.stock(name, DAILY)

        days = server.availability(names, first=FIRST, last=FIRST)

        everywhere = [one.product_id for one in days if one.country == ""]
        assert sorted(everywhere) == names

    def test_no_product_has_no_days(self, server: AdServer) -> None:
        assert server.availability([], first=FIRST, last=LAST) == ()

    def test_only_confirmed_guaranteed_lines_take_inventory(self, server: AdServer) -> None:
        book(server, order(line(is_guaranteed=False), reference="ORD-1"))
        draft(server, order(reference="ORD-2"))
        before = reserved(server)

        server.confirm("ORD-2")

        assert before == 0
        # 100,000 evenly over ten days.
        assert [reserved(server, day) for day in (FIRST, LAST)] == [10_000, 10_000]

    def test_what_does_not_fit_is_declined_and_reserves_nothing(self, server: AdServer) -> None:
        book(server, big_order("ORD-1"))
        taken = reserved(server)

        with pytest.raises(OrderDeclined):
            server.validate_inventory(big_order("ORD-2"))

        assert server.find("ORD-2") is None
        assert reserved(server) == taken > 0

    def test_lines_of_one_order_must_fit_together(self, server: AdServer) -> None:
        both = order(line("pkg_1", impressions=MOST), line("pkg_2", impressions=MOST))

        with pytest.raises(OrderDeclined):
            server.validate_inventory(both)

    def test_an_orders_own_reservation_counts_as_free(self, server: AdServer) -> None:
        booked = book(server, big_order("ORD-1"))

        server.validate_inventory(big_order("ORD-1"))
        changed = server.change(big_order("ORD-1", revision=2))

        assert changed.line_items == booked.line_items

    def test_inventory_that_is_gone_when_it_is_confirmed(self, server: AdServer) -> None:
        draft(server, big_order("ORD-1"))
        book(server, big_order("ORD-2"))
        taken = reserved(server)

        with pytest.raises(OrderDeclined):
            server.confirm("ORD-1")

        held = server.find("ORD-1")
        assert held is not None
        assert held.state == OrderState.DRAFT
        assert reserved(server) == taken

    def test_a_declined_change_changes_nothing(self, server: AdServer) -> None:
        book(server, big_order("ORD-1"))
        before = book(server, order(line("pkg_1"), reference="ORD-2"))
        taken = reserved(server)

        with pytest.raises(OrderDeclined):
            server.change(
                order(
                    line("pkg_2"),
                    line("pkg_3", impressions=MOST),
                    reference="ORD-2",
                    revision=2,
                )
            )

        assert server.find("ORD-2") == before
        assert reserved(server) == taken

    def test_a_change_frees_what_it_no_longer_needs(self, server: AdServer) -> None:
        book(server, order(line("pkg_1", impressions=MOST), line("pkg_2")))

        server.change(order(line("pkg_2", impressions=50_000), revision=2))

        assert reserved(server) == 5_000
        server.validate_inventory(big_order("ORD-2"))

    def test_a_pause_keeps_inventory_and_a_cancellation_frees_it(self, server: AdServer) -> None:
        book(server, big_order("ORD-1"))
        taken = reserved(server)

        server.pause("ORD-1", revision=2)
        while_paused = reserved(server)
        server.cancel("ORD-1")

        assert while_paused == taken > 0
        assert reserved(server) == 0
        server.validate_inventory(big_order("ORD-2"))

    def test_the_last_inventory_is_given_once(self, server: AdServer) -> None:
        names = ("ORD-1", "ORD-2", "ORD-3")
        for name in names:
            draft(server, big_order(name))

        answers = self.together(*(partial(server.confirm, name) for name in names))

        kinds = Counter(type(answer) for answer in answers)
        assert kinds == {BookedOrder: 1, OrderDeclined: 2}
