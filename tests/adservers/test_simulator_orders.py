"""The simulated ad server's orders: references, repeats, revisions, tombstones."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.adservers.booking import NOW, PRODUCT, book, draft, line, order
from tests.simulator import Simulator


@pytest.fixture(autouse=True)
def _stocked(simulator: Simulator) -> None:
    simulator.set_clock(NOW)
    simulator.stock(PRODUCT, 100_000)


def refusal(simulator: Simulator, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Return status and code of an answer that must be an error."""
    answer = simulator.send(method, path, None if body is None else json.dumps(body).encode())
    return answer.status, answer.body["error"]["code"]


def test_every_step_finds_what_the_first_one_made(simulator: Simulator) -> None:
    first = book(simulator, order())

    again = book(simulator, order())

    assert again == first
    assert first == {
        "reference": "ORD-1",
        "order_id": "sim-order-000001",
        "state": "confirmed",
        "revision": 1,
        "is_paused": False,
        "line_items": {"pkg_1": "sim-line-000001"},
    }
    assert len(simulator.orders()) == 1


def test_the_same_calls_at_once_make_one_order(simulator: Simulator) -> None:
    with ThreadPoolExecutor(6) as pool:
        held = list(pool.map(lambda _: book(simulator, order()), range(6)))

    assert [found["order_id"] for found in held] == ["sim-order-000001"] * 6
    assert [found["line_items"] for found in held] == [{"pkg_1": "sim-line-000001"}] * 6
    assert list(simulator.orders()) == ["ORD-1"]


def test_a_line_that_is_there_stays_as_it_is(simulator: Simulator) -> None:
    draft(simulator, order())

    draft(simulator, order(line(budget="5.00"), line("pkg_2")))

    lines = {one["package_id"]: one["budget"] for one in simulator.orders()["ORD-1"]["line_items"]}
    assert lines == {"pkg_1": "1000.00", "pkg_2": "1000.00"}


def test_a_newer_revision_of_a_draft_replaces_it(simulator: Simulator) -> None:
    draft(simulator, order(line("pkg_old")))

    held = draft(simulator, order(line("pkg_new"), revision=2))

    assert (held["state"], held["revision"]) == ("draft", 2)
    assert list(held["line_items"]) == ["pkg_new"]


def test_a_change_adds_changes_and_cancels_lines(simulator: Simulator) -> None:
    first = book(simulator, order(line("pkg_1"), line("pkg_2")))

    wanted = order(line("pkg_2", budget="500.00"), line("pkg_3"), revision=2)
    held = simulator.ask("PUT", "/v1/orders/ORD-1/state", wanted)

    assert list(held["line_items"]) == ["pkg_2", "pkg_3"]
    assert held["line_items"]["pkg_2"] == first["line_items"]["pkg_2"]
    lines = {one["package_id"]: one for one in simulator.orders()["ORD-1"]["line_items"]}
    assert {name: one["is_canceled"] for name, one in lines.items()} == {
        "pkg_1": True,
        "pkg_2": False,
        "pkg_3": False,
    }
    assert lines["pkg_2"]["budget"] == "500.00"


def test_an_older_revision_changes_nothing(simulator: Simulator) -> None:
    book(simulator, order(revision=3))
    before = simulator.orders()

    change = order(line("pkg_late"), revision=2)
    held = simulator.ask("PUT", "/v1/orders/ORD-1/state", change)
    paused = simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})

    assert held["revision"] == paused["revision"] == 3
    assert paused["is_paused"] is False
    assert simulator.orders() == before


def test_the_same_revision_is_done_again(simulator: Simulator) -> None:
    book(simulator, order())
    change = order(line(budget="900.00"), revision=2)
    simulator.ask("PUT", "/v1/orders/ORD-1/state", change)

    held = simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})
    again = simulator.ask("PUT", "/v1/orders/ORD-1/state", change)

    assert (held["revision"], held["is_paused"]) == (2, True)
    assert again == held


def test_a_paused_order_goes_on(simulator: Simulator) -> None:
    book(simulator, order())
    simulator.ask("POST", "/v1/orders/ORD-1/pause", {"revision": 2})

    held = simulator.ask("POST", "/v1/orders/ORD-1/resume", {"revision": 3})

    assert (held["revision"], held["is_paused"], held["state"]) == (3, False, "confirmed")


@pytest.mark.parametrize("state", ["unknown", "draft", "confirmed"])
def test_what_is_canceled_stays_canceled(simulator: Simulator, state: str) -> None:
    if state != "unknown":
        (book if state == "confirmed" else draft)(simulator, order())

    simulator.ask("POST", "/v1/orders/ORD-1/cancel")
    simulator.ask("POST", "/v1/orders/ORD-1/cancel")

    assert simulator.ask("GET", "/v1/orders/ORD-1")["state"] == "canceled"
    assert refusal(simulator, "PUT", "/v1/orders/ORD-1", order()) == (422, "refused")
    assert refusal(simulator, "PUT", "/v1/orders/ORD-1/line-items", order()) == (422, "refused")
    assert refusal(simulator, "POST", "/v1/orders/ORD-1/confirm") == (422, "refused")
    assert refusal(simulator, "PUT", "/v1/orders/ORD-1/state", order()) == (422, "refused")
    assert simulator.ask("GET", "/v1/orders/ORD-1")["state"] == "canceled"


@pytest.mark.parametrize(
    ("method", "step", "body"),
    [
        ("GET", "", None),
        ("PUT", "/line-items", order()),
        ("POST", "/confirm", None),
        ("PUT", "/state", order()),
        ("POST", "/pause", {"revision": 1}),
        ("POST", "/resume", {"revision": 1}),
    ],
)
def test_nothing_is_done_to_an_unknown_order(
    simulator: Simulator, method: str, step: str, body: Any
) -> None:
    found = refusal(simulator, method, f"/v1/orders/ORD-1{step}", body)

    assert found == (404, "not_found")
    assert simulator.orders() == {}


def test_a_draft_is_neither_changed_nor_paused(simulator: Simulator) -> None:
    draft(simulator, order())
    before = simulator.orders()

    change = refusal(simulator, "PUT", "/v1/orders/ORD-1/state", order(revision=2))
    pause = refusal(simulator, "POST", "/v1/orders/ORD-1/pause", {"revision": 2})

    assert change == pause == (422, "refused")
    assert simulator.orders() == before


def test_an_order_without_lines_is_not_confirmed(simulator: Simulator) -> None:
    simulator.ask("PUT", "/v1/orders/ORD-1", order())

    found = refusal(simulator, "POST", "/v1/orders/ORD-1/confirm")

    assert found == (422, "refused")
    assert simulator.orders()["ORD-1"]["state"] == "draft"


def test_an_order_that_is_over_is_declined(simulator: Simulator) -> None:
    wanted = order(line(start_time="2026-05-01T00:00:00Z", end_time=NOW.isoformat()))

    body = {"scope": "order", "order": wanted}
    found = refusal(simulator, "POST", "/v1/orders/ORD-1/validate", body)

    assert found == (409, "declined")
