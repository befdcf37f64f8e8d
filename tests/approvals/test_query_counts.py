"""How many statements a decision costs; a change of these numbers is a decision."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks_hitl.models import Decision
from tasks_hitl.states import Outcome
from tests.people import Buyer
from tests.trade.orders import approve, reject, send_back, waiting_task
from tests.trade.parked import sold_buy, waiting_change

pytestmark = pytest.mark.django_db

WEBHOOK = {"url": "https://127.0.0.1:9/hooks", "operation_id": "operation-1"}
LINE = {"product_id": "homepage", "pricing_option_id": "usd", "budget": 50_000}
# Over the threshold, and not guaranteed.
OPEN_LINE = {**LINE, "product_id": "run-of-site"}


@pytest.mark.parametrize("packages", [1, 20])
@pytest.mark.parametrize(
    ("verb", "outcome", "expected"),
    [
        # task, vote, decision, buy, its hold, booking, status, event
        (approve, Outcome.APPROVED, 8),
        # task, vote, decision, buy; order, its event, its hold; status, event, the buyer's notice
        (reject, Outcome.REJECTED, 10),
        # task, vote, decision; order, account, publisher (until when), its hold; status, event,
        # notice
        (send_back, Outcome.CHANGE_ASKED, 10),
    ],
)
def test_a_decision_costs_the_same_whatever_the_order(
    buyer: Buyer,
    approver: User,
    verb: Callable[..., Decision],
    outcome: Outcome,
    expected: int,
    packages: int,
) -> None:
    task = waiting_task(buyer, packages=[LINE] * packages, push_notification_config=WEBHOOK)
    approver.has_perm("tasks_hitl.decide_task")  # the desk has asked by then

    with CaptureQueriesContext(connection) as captured:
        decision = verb(task, approver)

    assert decision.outcome == outcome
    assert len(_statements(captured)) == expected


@pytest.mark.parametrize(("verb", "expected"), [(approve, 7), (reject, 9), (send_back, 9)])
def test_an_order_that_holds_nothing_costs_nothing_for_it(
    buyer: Buyer, approver: User, verb: Callable[..., Decision], expected: int
) -> None:
    task = waiting_task(buyer, packages=[OPEN_LINE], push_notification_config=WEBHOOK)
    approver.has_perm("tasks_hitl.decide_task")

    with CaptureQueriesContext(connection) as captured:
        verb(task, approver)

    assert len(_statements(captured)) == expected


@pytest.mark.parametrize("packages", [1, 20])
def test_an_approval_of_known_inventory_costs_two_reads_more(
    buyer: Buyer, approver: User, homepage_inventory: None, packages: int
) -> None:
    task = waiting_task(
        buyer, packages=[{**LINE, "budget": 1_000}] * packages, push_notification_config=WEBHOOK
    )
    approver.has_perm("tasks_hitl.decide_task")

    with CaptureQueriesContext(connection) as captured:
        approve(task, approver)

    # the packages, and what is free with its products locked
    assert len(_statements(captured)) == 10


@pytest.mark.parametrize("packages", [1, 20])
@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        # task, change, its buy and account; buy, packages, creatives, agent; packages, buy and
        # events written, the ad server to be told, packages and creatives read again; change, vote,
        # decision; status, event, the buyer's notice
        (approve, 20),
        # task, vote, decision, change, its end; status, event, the buyer's notice
        (reject, 8),
    ],
)
def test_a_decision_on_a_change_costs_the_same_however_large(
    buyer: Buyer,
    approver: User,
    verb: Callable[..., Decision],
    expected: int,
    packages: int,
) -> None:
    buy = sold_buy(buyer, approver, packages=[LINE] * packages)
    lines = [{"package_id": package.package_id, "budget": 60_000} for package in buy.packages.all()]
    task = waiting_change(buyer, buy, packages=lines, push_notification_config=WEBHOOK)

    with CaptureQueriesContext(connection) as captured:
        verb(task, approver)

    assert len(_statements(captured)) == expected


def test_a_correction_costs_its_order_and_the_end_of_the_old_one(
    buyer: Buyer, approver: User
) -> None:
    old = waiting_task(buyer, push_notification_config=WEBHOOK)
    send_back(old, approver)

    with CaptureQueriesContext(connection) as alone:
        waiting_task(buyer)
    with CaptureQueriesContext(connection) as correcting:
        waiting_task(buyer, context_id=old.context_id)

    # task; order, declined, its event, its hold; status, event, the buyer's notice; the link
    assert len(_statements(correcting)) - len(_statements(alone)) == 9


def _statements(captured: Any) -> list[str]:
    """Leave out savepoints, and the helper's own look at the task before it decides."""
    texts = [query["sql"] for query in captured.captured_queries]
    return [text for text in texts if "SAVEPOINT" not in text][1:]
