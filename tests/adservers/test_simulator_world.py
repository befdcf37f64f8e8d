"""The world around the simulated ad server: clock, reviews, faults, calls, its page."""

from datetime import UTC, datetime, timedelta
from http.client import RemoteDisconnected
from typing import Any

import pytest

from tests.adservers.booking import CREATIVE, NOW, PRODUCT, START, book, line, order, push, read
from tests.simulator import Simulator


def states(simulator: Simulator, cursor: str = "", limit: int = 500) -> tuple[list[Any], str]:
    page = simulator.ask("GET", "/v1/creative-states", after=cursor, limit=limit)
    found = [(one["reference"], one["review"], one["reason"]) for one in page["states"]]
    if page["more"]:
        rest, cursor = states(simulator, page["cursor"], limit)
        return found + rest, cursor
    return found, page["cursor"]


def test_its_clock_is_ours_unless_it_is_set(simulator: Simulator) -> None:
    assert abs(simulator.now() - datetime.now(UTC)) < timedelta(seconds=10)
    assert simulator.ask("GET", "/simulation/clock")["speed"] == 1.0


def test_its_clock_can_be_set_moved_and_hurried(simulator: Simulator) -> None:
    stopped = {"now": NOW.isoformat(), "speed": 0}
    simulator.ask("POST", "/simulation/clock", stopped)
    simulator.let_pass(timedelta(days=2, minutes=5))

    moved = simulator.now()
    hurried = simulator.ask("POST", "/simulation/clock", {"speed": 100_000})
    # At this speed a millisecond is more than a minute.
    later = next(now for now in iter(simulator.now, None) if now != moved)

    assert moved == NOW + timedelta(days=2, minutes=5)
    assert hurried["speed"] == 100_000
    assert later > moved
    refused = simulator.send("POST", "/simulation/clock", b'{"now": "2526-01-01T00:00:00Z"}')
    assert (refused.status, simulator.now() < NOW + timedelta(days=365)) == (422, True)


def test_the_robot_takes_its_time(simulator: Simulator) -> None:
    simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 0})
    simulator.robot("approve", delay_seconds=20)
    pushed = push(simulator)

    simulator.let_pass(timedelta(seconds=19))
    waiting, cursor = states(simulator)
    simulator.let_pass(timedelta(seconds=1))
    decided, cursor = states(simulator, cursor)

    assert pushed == {"reference": CREATIVE, "revision": 1, "review": "pending", "reason": ""}
    assert waiting == [(CREATIVE, "pending", "")]
    assert decided == [(CREATIVE, "approved", "")]
    assert states(simulator, cursor) == ([], cursor)


def test_a_line_runs_from_the_approval_on_and_not_from_the_look(simulator: Simulator) -> None:
    clock = {"now": (START + timedelta(minutes=10)).isoformat(), "speed": 0}
    simulator.ask("POST", "/simulation/clock", clock)
    simulator.stock(PRODUCT, 100_000)
    simulator.robot("approve", delay_seconds=20 * 60)
    push(simulator)
    book(simulator, order())

    simulator.let_pass(timedelta(minutes=50))
    [row], _ = read(simulator)

    # Half of the hour: 10,000 a day, of which the first hour of the day has a fortieth.
    assert row["hour"] == "2026-06-02T00:00:00Z"
    assert 110 < row["impressions"] < 160


@pytest.mark.parametrize(
    "changes", [{"name": "Bad [reject]"}, {"assets": {"t": {"content": "[reject]"}}}]
)
def test_the_robot_refuses_what_is_bad(simulator: Simulator, changes: dict[str, Any]) -> None:
    found = push(simulator, **changes)

    assert found["review"] == "rejected"
    assert found["reason"] == "The creative contains something that this publisher does not run."


def test_a_newer_revision_is_reviewed_anew_and_an_older_one_is_not(simulator: Simulator) -> None:
    push(simulator, revision=2)
    simulator.robot("hold")

    same = push(simulator, revision=2, name="Other")
    older = push(simulator, revision=1)
    newer = push(simulator, revision=3)

    assert same == older == {
        "reference": CREATIVE, "revision": 2, "review": "approved", "reason": "",
    }  # fmt: skip
    assert (newer["revision"], newer["review"]) == (3, "pending")
    assert states(simulator)[0] == [(CREATIVE, "pending", "")]


def test_a_person_decides_and_revokes(simulator: Simulator) -> None:
    simulator.robot("hold")
    push(simulator)
    push(simulator, "acc_1/other")

    simulator.decide(CREATIVE, "approved")
    approved, cursor = states(simulator)
    simulator.decide(CREATIVE, "rejected", "The landing page is gone.")
    revoked, _ = states(simulator, cursor)

    assert approved == [("acc_1/other", "pending", ""), (CREATIVE, "approved", "")]
    assert revoked == [(CREATIVE, "rejected", "The landing page is gone.")]
    assert states(simulator, limit=1)[0] == [("acc_1/other", "pending", ""), *revoked]
    body = b'{"review": "approved"}'
    assert simulator.send("POST", "/simulation/creatives/none", body).status == 404


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "unavailable"), (500, "unavailable"), (409, "declined"), (422, "refused")],
)
def test_a_call_can_fail_without_effect(simulator: Simulator, status: int, code: str) -> None:
    simulator.fail("PUT", "/v1/orders/*", "error", status=status)

    failed = simulator.send("PUT", "/v1/orders/ORD-1", b"{}")

    assert (failed.status, failed.body["error"]["code"]) == (status, code)
    assert simulator.orders() == {}
    simulator.ask("PUT", "/v1/orders/ORD-1", order())


def test_an_answer_can_be_lost_after_the_work(simulator: Simulator) -> None:
    simulator.ask("PUT", "/v1/orders/ORD-1", order())
    simulator.fail("POST", "/v1/orders/*/cancel", "drop_answer")

    with pytest.raises(RemoteDisconnected):
        simulator.send("POST", "/v1/orders/ORD-1/cancel")

    assert simulator.ask("GET", "/v1/orders/ORD-1")["state"] == "canceled"
    assert [(call["path"], call["status"], call["fault"]) for call in simulator.calls()] == [
        ("/v1/orders/ORD-1", 200, ""),
        ("/v1/orders/ORD-1/cancel", 0, "drop_answer"),
        ("/v1/orders/ORD-1", 200, ""),
    ]


def test_a_hanging_call_does_nothing_and_answers_nothing(simulator: Simulator) -> None:
    simulator.fail("PUT", "*", "hang", seconds=0.05)

    with pytest.raises(RemoteDisconnected):
        simulator.send("PUT", "/v1/orders/ORD-1", b"{}")

    assert simulator.orders() == {}


def test_answers_can_be_rubbish_or_of_somebody_else(simulator: Simulator) -> None:
    simulator.fail("PUT", "/v1/orders/*", "garbage")
    simulator.fail("GET", "/v1/orders/*", "foreign_reference")

    rubbish = simulator.send("PUT", "/v1/orders/ORD-1", b"{}")
    simulator.ask("PUT", "/v1/orders/ORD-1", order())
    foreign = simulator.ask("GET", "/v1/orders/ORD-1")

    assert (rubbish.status, rubbish.body) == (200, None)
    assert foreign["reference"] == "somebody-elses-order"


def test_rows_can_come_twice_or_from_elsewhere(simulator: Simulator) -> None:
    rows = [{"order_reference": "ORD-1", "version": 1}, {"order_reference": "ORD-2", "version": 1}]
    simulator.report(*rows)
    simulator.fail("GET", "/v1/delivery", "duplicate_rows")

    twice, _ = read(simulator)
    simulator.fail("GET", "/v1/delivery", "foreign_reference")
    foreign, _ = read(simulator)

    assert twice == [rows[0], rows[0], rows[1], rows[1]]
    assert foreign == [*rows, {"order_reference": "somebody-elses-order", "version": 1}]


def test_faults_happen_as_often_as_asked_and_heal(simulator: Simulator) -> None:
    simulator.fail("*", "/v1/health", "error", times=2)
    simulator.fail("GET", "/v1/creative-states", "error", times=None)
    simulator.fail("GET", "/v1/availability", "error", times=None, probability=0)

    health = [simulator.send("GET", "/v1/health").status for _ in range(3)]
    states_answers = [simulator.send("GET", "/v1/creative-states").status for _ in range(3)]
    lucky = simulator.send("GET", f"/v1/availability?product={PRODUCT}&first=2026-06-01"
                                  "&last=2026-06-01").status  # fmt: skip
    simulator.heal()

    assert (health, states_answers, lucky) == ([503, 503, 200], [503] * 3, 200)
    assert simulator.send("GET", "/v1/creative-states").status == 200


def test_a_delay_goes_with_another_fault(simulator: Simulator) -> None:
    simulator.fail("GET", "/v1/health", "delay", seconds=0.03, times=None)
    simulator.fail("GET", "/v1/health", "error")

    failed = simulator.send("GET", "/v1/health")
    fine = simulator.send("GET", "/v1/health")

    assert (failed.status, fine.status) == (503, 200)
    assert [call["seconds"] >= 0.03 for call in simulator.calls()] == [True, True]


def test_the_page_shows_what_there_is_and_no_secret(simulator: Simulator) -> None:
    simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 0})
    simulator.stock(PRODUCT, 100_000)
    push(simulator, name="<script>alert(1)</script>")
    book(simulator, order(line(), line("pkg_2", is_paused=True), advertiser="A & B <i>"))
    simulator.set_clock(START + timedelta(days=5))

    answer = simulator.send("GET", "/", headers={})

    page = answer.content.decode()
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "A &amp; B &lt;i&gt;" in page
    assert "<script" not in page
    assert "<td>runs" in page
    assert "<td>paused" in page
    assert "2026-06-07 00:00 UTC" in page
    assert simulator.token not in page
    assert "://" not in page


def test_a_reset_forgets_everything(simulator: Simulator) -> None:
    simulator.ask("POST", "/simulation/clock", {"now": NOW.isoformat(), "speed": 0})
    simulator.stock(PRODUCT, 100_000)
    push(simulator)
    book(simulator, order())
    simulator.fail("*", "*", "error", times=None)

    simulator.reset()

    assert simulator.calls() == []
    assert simulator.orders() == {}
    assert states(simulator)[0] == []
    assert abs(simulator.now() - datetime.now(UTC)) < timedelta(seconds=10)
