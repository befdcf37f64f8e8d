"""Rules of booking: every call may be repeated, and what was called off stays so."""

from dataclasses import replace

import pytest

from mediabuys.adservers.port import AdServer, AdServerRefused, OrderState
from tests.adservers.contract.base import Rules, book, draft, line, order


class BookingRules(Rules):
    def test_an_unknown_reference_holds_nothing(self, server: AdServer) -> None:
        found = server.find("ORD-1")

        assert found is None

    def test_validation_passes_an_order_and_makes_none(self, server: AdServer) -> None:
        server.validate_order(order())
        server.validate_inventory(order())

        assert server.find("ORD-1") is None

    def test_an_order_without_lines_is_refused(self, server: AdServer) -> None:
        with pytest.raises(AdServerRefused):
            server.validate_order(replace(order(), line_items=()))

    def test_a_repeated_creation_finds_the_first_ones_draft(self, server: AdServer) -> None:
        first = server.create_order(order())

        again = server.create_order(order())

        held = server.find("ORD-1")
        assert held is not None
        assert (again, held.order_id, held.state) == (first, first, OrderState.DRAFT)
        assert (held.line_items, held.revision, held.is_paused) == ({}, 1, False)

    def test_a_draft_has_the_revision_that_it_was_created_with(self, server: AdServer) -> None:
        server.create_order(order(revision=7))

        held = server.find("ORD-1")

        assert held is not None
        assert held.revision == 7

    def test_two_references_are_two_orders(self, server: AdServer) -> None:
        first = server.create_order(order())

        second = server.create_order(order(reference="ORD-2"))

        assert first != second

    def test_repeated_line_items_are_the_first_ones(self, server: AdServer) -> None:
        server.create_order(order())
        first = server.create_line_items(order(line("pkg_1"), line("pkg_2")))

        again = server.create_line_items(order(line("pkg_1"), line("pkg_2")))

        assert again == first
        assert set(first) == {"pkg_1", "pkg_2"}
        assert len(set(first.values())) == 2

    def test_only_the_missing_line_items_are_created(self, server: AdServer) -> None:
        server.create_order(order())
        [(_, first)] = server.create_line_items(order(line("pkg_1"))).items()

        both = server.create_line_items(order(line("pkg_1"), line("pkg_2")))

        assert both["pkg_1"] == first
        assert set(both) == {"pkg_1", "pkg_2"}

    def test_confirming_commits_and_a_second_time_changes_nothing(self, server: AdServer) -> None:
        order_id = server.create_order(order())
        lines = server.create_line_items(order())

        confirmed = server.confirm("ORD-1")
        again = server.confirm("ORD-1")

        assert (confirmed.order_id, confirmed.line_items) == (order_id, lines)
        assert (confirmed.state, confirmed.revision) == (OrderState.CONFIRMED, 1)
        assert again == confirmed == server.find("ORD-1")

    def test_a_late_worker_changes_nothing_of_a_confirmed_order(self, server: AdServer) -> None:
        booked = book(server, order())

        order_id = server.create_order(order())
        lines = server.create_line_items(order(line("pkg_1"), line("pkg_2")))

        assert (order_id, lines) == (booked.order_id, booked.line_items)
        assert server.find("ORD-1") == booked

    def test_what_is_unknown_is_refused(self, server: AdServer) -> None:
        with pytest.raises(AdServerRefused):
            server.create_line_items(order())
        with pytest.raises(AdServerRefused):
            server.confirm("ORD-1")

        assert server.find("ORD-1") is None

    @pytest.mark.parametrize("state", ["draft", "confirmed"])
    def test_a_canceled_order_stays_canceled(self, server: AdServer, state: str) -> None:
        draft(server, order())
        if state == "confirmed":
            server.confirm("ORD-1")

        server.cancel("ORD-1")
        server.cancel("ORD-1")

        for late in (
            lambda: server.create_order(order()),
            lambda: server.create_line_items(order()),
            lambda: server.confirm("ORD-1"),
        ):
            with pytest.raises(AdServerRefused):
                late()
        held = server.find("ORD-1")
        assert held is not None
        assert held.state == OrderState.CANCELED

    def test_an_unknown_reference_is_remembered_as_canceled(self, server: AdServer) -> None:
        server.cancel("ORD-1")

        with pytest.raises(AdServerRefused):
            server.create_order(order())
        held = server.find("ORD-1")
        assert held is not None
        assert held.state == OrderState.CANCELED

    def test_it_says_that_it_is_well_and_what_time_it_has(self, server: AdServer) -> None:
        health = server.health()

        assert health.is_well
        assert health.now.utcoffset() is not None
