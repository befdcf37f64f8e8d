"""Rules of booked orders: told whole, by revision, all or nothing."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from mediabuys.adservers.port import AdServer, AdServerRefused, OrderState
from tests.adservers.contract.base import Rules, book, draft, line, order

TELLINGS: dict[str, Callable[[AdServer], object]] = {
    "change": lambda server: server.change(order(revision=2)),
    "pause": lambda server: server.pause("ORD-1", revision=2),
    "resume": lambda server: server.resume("ORD-1", revision=2),
}


class ChangeRules(Rules):
    def test_an_order_becomes_what_it_is_told_to_be(self, server: AdServer) -> None:
        before = book(server, order(line("pkg_1"), line("pkg_2")))

        changed = server.change(
            order(line("pkg_2", budget=Decimal("500.00")), line("pkg_3"), revision=2)
        )

        assert set(changed.line_items) == {"pkg_2", "pkg_3"}
        assert changed.line_items["pkg_2"] == before.line_items["pkg_2"]
        assert changed.line_items["pkg_3"] not in before.line_items.values()
        assert (changed.order_id, changed.state) == (before.order_id, OrderState.CONFIRMED)
        assert (changed.revision, changed.is_paused) == (2, False)
        assert server.find("ORD-1") == changed

    def test_the_same_revision_again_does_the_same(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        wanted = order(line("pkg_1"), line("pkg_2"), revision=2)
        changed = server.change(wanted)

        again = server.change(wanted)

        assert again == changed == server.find("ORD-1")

    def test_an_older_revision_changes_nothing(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        newest = server.change(order(line("pkg_1"), line("pkg_2"), revision=5))

        late = [
            server.change(order(line("pkg_3"), revision=4)),
            server.pause("ORD-1", revision=4),
            server.resume("ORD-1", revision=4),
        ]

        assert late == [newest] * 3
        assert server.find("ORD-1") == newest

    def test_an_order_pauses_and_resumes(self, server: AdServer) -> None:
        booked = book(server, order())

        paused = server.pause("ORD-1", revision=2)
        again = server.pause("ORD-1", revision=2)
        found = server.find("ORD-1")
        resumed = server.resume("ORD-1", revision=3)

        assert (booked.is_paused, paused.is_paused, resumed.is_paused) == (False, True, False)
        assert paused == again == found
        assert (paused.revision, resumed.revision) == (2, 3)
        assert server.find("ORD-1") == resumed

    def test_a_change_and_a_pause_of_one_revision_both_count(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        server.change(order(line("pkg_1"), line("pkg_2"), revision=2))

        paused = server.pause("ORD-1", revision=2)

        assert paused.is_paused
        assert set(paused.line_items) == {"pkg_1", "pkg_2"}

    def test_a_pause_and_a_change_of_one_revision_both_count(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        server.pause("ORD-1", revision=2)

        changed = server.change(order(line("pkg_1"), line("pkg_2"), revision=2))

        assert changed.is_paused
        assert set(changed.line_items) == {"pkg_1", "pkg_2"}

    def test_a_paused_order_stays_paused_when_it_is_changed(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        server.pause("ORD-1", revision=2)

        changed = server.change(order(line("pkg_1", is_paused=True), revision=3))

        assert (changed.is_paused, changed.revision) == (True, 3)

    @pytest.mark.parametrize("telling", TELLINGS)
    def test_an_unknown_order_is_refused(self, server: AdServer, telling: str) -> None:
        with pytest.raises(AdServerRefused):
            TELLINGS[telling](server)

        assert server.find("ORD-1") is None

    @pytest.mark.parametrize("telling", TELLINGS)
    def test_a_draft_is_refused(self, server: AdServer, telling: str) -> None:
        draft(server, order())
        before = server.find("ORD-1")

        with pytest.raises(AdServerRefused):
            TELLINGS[telling](server)

        assert server.find("ORD-1") == before

    @pytest.mark.parametrize("telling", TELLINGS)
    def test_a_canceled_order_is_refused(self, server: AdServer, telling: str) -> None:
        book(server, order())
        server.cancel("ORD-1")

        with pytest.raises(AdServerRefused):
            TELLINGS[telling](server)

        held = server.find("ORD-1")
        assert held is not None
        assert held.state == OrderState.CANCELED
