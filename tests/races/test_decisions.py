"""Approve against reject, 300 rounds at a barrier: exactly one decision each."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.models import Booking, MediaBuy
from mediabuys.states import BuyStatus
from tasks_hitl.errors import AlreadyDecided
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import decide, tasks_expire
from tasks_hitl.states import Outcome
from tests import people
from tests.concurrency import in_rounds
from tests.people import Buyer
from tests.trade.orders import waiting_task

ROUNDS = 300
WORDS_FOR_THE_LOSER = ("approver approved", "director rejected", "This order is already closed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_approve_against_reject_makes_one_decision_each(buyer: Buyer, approver: User) -> None:
    director = people.make_staff("director", "director")
    tasks = [waiting_task(buyer) for _ in range(ROUNDS)]

    pairs = in_rounds(
        ROUNDS,
        lambda number: _decide(tasks[number], approver, Outcome.APPROVED),
        lambda number: _decide(tasks[number], director, Outcome.REJECTED),
    )

    assert all(sorted(pair) == ["decided", "lost"] for pair in pairs)
    assert Decision.objects.count() == ROUNDS
    assert Decision.objects.values("task").distinct().count() == ROUNDS
    approved = Decision.objects.filter(outcome=Outcome.APPROVED).count()
    assert Booking.objects.count() == approved
    assert Task.objects.filter(status="working").count() == approved
    assert Task.objects.filter(status="failed").count() == ROUNDS - approved
    assert MediaBuy.objects.filter(status=BuyStatus.DECLINED).count() == ROUNDS - approved
    assert TaskEvent.objects.exclude(action="submitted").count() == ROUNDS


def _decide(task: Task, person: User, outcome: Outcome) -> str:
    try:
        decide(
            task_id=task.task_id,
            outcome=outcome,
            shown_digest=shown_digest(task),
            shown_version=task.version,
            form_token=uuid4(),
            actor=person,
            reason_code="dates" if outcome == Outcome.REJECTED else "",
            note="Not these dates." if outcome == Outcome.REJECTED else "",
        )
    except AlreadyDecided as lost:
        return "lost" if lost.message.startswith(WORDS_FOR_THE_LOSER) else lost.message
    return "decided"


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_approval_against_expiry_has_one_outcome_each(buyer: Buyer, approver: User) -> None:
    tasks = [waiting_task(buyer) for _ in range(50)]
    later = timezone.now() + timedelta(days=20)
    backwards = tasks[::-1]

    answers = in_rounds(
        len(tasks),
        lambda _: tasks_expire(now=later, limit=1),
        lambda number: _decide(backwards[number], approver, Outcome.APPROVED),
    )

    decided = [answer for _, answer in answers].count("decided")
    tasks_expire(now=later)
    assert Task.objects.filter(status="working").count() == decided
    assert Booking.objects.count() == decided
    assert Decision.objects.count() == decided
    assert Task.objects.filter(status="failed").count() == len(tasks) - decided
