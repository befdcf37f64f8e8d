"""Rules of calls that meet: the same call at once makes one thing, the newest revision wins."""

from collections.abc import Callable
from functools import partial

from mediabuys.adservers.port import AdServer, AdServerRefused, BookedOrder, OrderState
from tests.adservers.contract.base import Rules, book, line, order

WORKERS = 4


class RaceRules(Rules):
    def test_many_workers_at_once_make_one_order(self, server: AdServer) -> None:
        same: list[Callable[[], BookedOrder]] = [lambda: book(server, order())] * WORKERS

        booked = self.together(*same)

        assert booked == [server.find("ORD-1")] * WORKERS

    def test_of_changes_at_once_the_newest_stands(self, server: AdServer) -> None:
        book(server, order(line("pkg_1")))
        changes = [
            partial(server.change, order(line("pkg_1"), line(f"pkg_{number}"), revision=number))
            for number in (2, 3, 4, 5)
        ]

        self.together(*changes)

        held = server.find("ORD-1")
        assert held is not None
        assert (set(held.line_items), held.revision) == ({"pkg_1", "pkg_5"}, 5)

    def test_a_cancellation_wins_over_a_booking_at_the_same_time(self, server: AdServer) -> None:
        _, answer = self.together(lambda: server.cancel("ORD-1"), lambda: book(server, order()))

        held = server.find("ORD-1")
        assert held is not None
        assert held.state == OrderState.CANCELED
        assert isinstance(answer, BookedOrder | AdServerRefused)
