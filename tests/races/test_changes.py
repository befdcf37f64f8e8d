"""Changes and questions at a barrier: one outcome each, whoever comes first."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import Booking, Event, MediaBuy, MediaBuyChange
from mediabuys.states import BuyStatus, ChangeStatus
from tasks_hitl.errors import AlreadyDecided, ChangeOutdated
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import decide, tasks_expire
from tasks_hitl.states import Outcome, TaskStatus
from tests import people
from tests.concurrency import in_rounds
from tests.people import Buyer, guaranteed_order
from tests.trade.orders import place, send_back, waiting_task
from tests.trade.parked import budget_change, change, sold_buy, waiting_change

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROUNDS = 12
BEFORE, AFTER = Decimal(50_000), Decimal(75_000)
Move = Callable[[Any], str]


def at_a_barrier(items: list[Any], *moves: Move) -> Sequence[tuple[str, ...]]:
    """Make all moves on each item at the same moment; return what each move came to."""
    return in_rounds(len(items), *(lambda number, move=move: move(items[number]) for move in moves))


def deciding(person: User, outcome: Outcome = Outcome.APPROVED) -> Move:
    def move(task: Task) -> str:
        try:
            decide(
                task_id=task.task_id,
                outcome=outcome,
                shown_digest=shown_digest(task),
                shown_version=task.version,
                form_token=uuid4(),
                actor=person,
                note="" if outcome == Outcome.APPROVED else "Not these dates.",
                suggestion="Start in April." if outcome == Outcome.CHANGE_ASKED else "",
            )
        except AlreadyDecided:
            return "lost"
        except ChangeOutdated:
            return "outdated"
        return "decided"

    return move


def parked(buyer: Buyer, approver: User) -> list[Task]:
    """Return as many waiting changes as there are rounds, each of a buy of its own."""
    buys = [
        sold_buy(buyer, approver, idempotency_key=f"key-{number:016}") for number in range(ROUNDS)
    ]
    return [waiting_change(buyer, buy) for buy in buys]


def test_a_change_is_applied_once_however_many_approve_it(buyer: Buyer, approver: User) -> None:
    tasks = parked(buyer, approver)
    director = people.make_staff("director", "director")

    pairs = at_a_barrier(tasks, deciding(approver), deciding(director))

    assert all(sorted(pair) == ["decided", "lost"] for pair in pairs)
    assert Decision.objects.filter(task__in=tasks).count() == ROUNDS
    for task in tasks:
        buy = MediaBuy.objects.get(pk=task.media_buy_id)
        assert (buy.total_budget, buy.revision) == (AFTER, task.media_buy.revision + 1)


def test_approval_against_the_buyers_own_pause(buyer: Buyer, approver: User) -> None:
    tasks = parked(buyer, approver)

    def pause(task: Task) -> str:
        change(buyer, {**budget_change(task.media_buy, 0), "packages": [], "paused": True})
        return "paused"

    pairs = at_a_barrier(tasks, deciding(approver), pause)

    for task, (answer, _) in zip(tasks, pairs, strict=True):
        buy = MediaBuy.objects.get(pk=task.media_buy_id)
        base = task.media_buy.revision
        status = MediaBuyChange.objects.get(pk=task.change_id).status
        assert buy.is_held
        if answer == "decided":
            assert (buy.total_budget, buy.revision, status) == (
                AFTER, base + 2, ChangeStatus.APPLIED,
            )  # fmt: skip
        else:
            assert answer == "outdated"
            assert (buy.total_budget, buy.revision, status) == (
                BEFORE, base + 1, ChangeStatus.STALE,
            )  # fmt: skip
        revisions = list(Event.objects.filter(media_buy=buy).values_list("revision", flat=True))
        assert max(revisions) == buy.revision
        assert TaskEvent.objects.filter(task=task).count() == 2


def test_approval_of_a_change_against_its_expiry(buyer: Buyer, approver: User) -> None:
    tasks = parked(buyer, approver)
    later = timezone.now() + timedelta(days=20)

    def expire(_: Task) -> str:
        return str(tasks_expire(now=later, limit=1))

    at_a_barrier(tasks, deciding(approver), expire)
    tasks_expire(now=later)

    for task in Task.objects.filter(pk__in=[task.pk for task in tasks]):
        applied = task.status == TaskStatus.COMPLETED
        budget = MediaBuy.objects.get(pk=task.media_buy_id).total_budget
        assert task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED)
        assert budget == (AFTER if applied else BEFORE)
        assert Decision.objects.filter(task=task).count() == int(applied)
        assert task.events.count() == 2


def test_a_question_against_an_approval(buyer: Buyer, approver: User) -> None:
    tasks = [waiting_task(buyer, idempotency_key=f"key-{number:016}") for number in range(ROUNDS)]
    director = people.make_staff("director", "director")

    pairs = at_a_barrier(tasks, deciding(approver), deciding(director, Outcome.CHANGE_ASKED))

    assert all(sorted(pair) == ["decided", "lost"] for pair in pairs)
    approved = Decision.objects.filter(outcome=Outcome.APPROVED).count()
    assert Booking.objects.count() == approved
    assert Task.objects.filter(status=TaskStatus.WORKING).count() == approved
    asked = Task.objects.filter(status=TaskStatus.INPUT_REQUIRED)
    assert asked.count() == ROUNDS - approved


def test_a_correction_against_the_end_of_its_time(buyer: Buyer, approver: User) -> None:
    tasks = [waiting_task(buyer, idempotency_key=f"key-{number:016}") for number in range(ROUNDS)]
    for task in tasks:
        send_back(task, approver)
    later = timezone.now() + timedelta(days=9)

    def correct(task: Task) -> str:
        place(buyer, guaranteed_order(buyer, context_id=task.context_id))
        return "corrected"

    def expire(_: Task) -> str:
        return str(tasks_expire(now=later, limit=1))

    at_a_barrier(tasks, correct, expire)

    old = Task.objects.filter(pk__in=[task.pk for task in tasks])
    assert set(old.values_list("status", flat=True)) <= {TaskStatus.CANCELED, TaskStatus.FAILED}
    declined = MediaBuy.objects.filter(tasks__in=old, status=BuyStatus.DECLINED)
    assert declined.count() == ROUNDS
    assert Task.objects.exclude(pk__in=old).count() == ROUNDS
