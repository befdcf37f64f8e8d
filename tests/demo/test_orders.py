"""The demo's history and queue: believable, in every status, and made by the real services."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Count, Max, Q, Sum

from adcp_sales.demo.seeding import Seeded
from adcp_sales.protocol.registry import task_specs
from adcp_sales.protocol.schemas import validate_request
from mediabuys.models import Account, Booking, Creative, Event, MediaBuy, Package
from mediabuys.services.clock import oldest_overdue
from mediabuys.states import LIVE_BUY_STATUSES, BuyStatus, CreativeStatus
from tasks_hitl.models import Decision, RuleVersion, Task, TaskEvent
from tasks_hitl.selectors import policy_of, waiting_tasks
from tasks_hitl.states import RuleKind, TaskStatus
from tests.demo.conftest import NOW


def stopped_by(task: Task) -> set[str]:
    """Return the kinds of the rules that made this order wait."""
    return {rule["kind"] for rule in policy_of(task)["rules"] if rule["stopped"]}


def test_buys_stand_in_every_status(demo: Seeded) -> None:
    counted = Counter(MediaBuy.objects.values_list("status", flat=True))

    assert set(counted) == set(BuyStatus.values)
    assert counted[BuyStatus.COMPLETED] >= 12
    assert counted[BuyStatus.ACTIVE] >= 5


def test_tasks_ended_in_every_way(demo: Seeded) -> None:
    assert set(Task.objects.values_list("status", flat=True)) == {
        TaskStatus.SUBMITTED,
        TaskStatus.INPUT_REQUIRED,
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
    }
    assert set(TaskEvent.objects.values_list("action", flat=True)) == {
        "submitted",
        "approved",
        "rejected",
        "expired",
        "booked",
        "booking_failed",
        "change_asked",
    }


def test_queue_has_something_overdue_and_something_urgent(demo: Seeded) -> None:
    queue = list(waiting_tasks())

    assert len(queue) == 10
    assert [task.account.name for task in queue if task.due_at < NOW] == [
        "Brightline Bank",
        "Kestrel Tyres Europe",
    ]
    within_a_day = [
        task.account.name
        for task in queue
        if NOW < task.media_buy.start_time <= NOW + timedelta(days=1)
    ]
    assert within_a_day == ["Bluebird Coffee"]
    assert all(task.created_at < NOW < task.expires_at for task in queue)


def test_every_rule_stops_something_that_waits(demo: Seeded) -> None:
    seen = {kind for task in waiting_tasks() for kind in stopped_by(task)}

    # Nothing that starts within two hours can wait long enough to be looked at.
    assert seen == set(RuleKind.values) - {RuleKind.STARTS_SOON}
    assert set(RuleVersion.objects.values_list("kind", flat=True)) == set(RuleKind.values)


@pytest.mark.parametrize(
    ("po_number", "budget", "kinds"),
    [
        ("PO-2231", 50_000, {"guaranteed", "budget", "under_rate_card"}),
        ("KE-001", 84_000, {"guaranteed", "budget", "new_buyer"}),
        ("KT-324", 6_500, {"credit"}),
        ("BB-0483", 9_000, {"terms"}),
    ],
)
def test_the_queue_shows_why(demo: Seeded, po_number: str, budget: int, kinds: set[str]) -> None:
    task = waiting_tasks().get(media_buy__po_number=po_number)

    assert task.media_buy.total_budget == budget
    assert stopped_by(task) == kinds
    assert task.media_buy.media_buy_id is None


def test_politics_waits_alone_for_its_category(demo: Seeded) -> None:
    [task] = waiting_tasks().filter(account__name="Civic Voice")

    assert stopped_by(task) == {"category"}


def test_kestrel_is_over_its_credit_limit(demo: Seeded) -> None:
    account = Account.objects.get(name="Kestrel Tyres")

    used = account.media_buys.filter(status__in=LIVE_BUY_STATUSES).aggregate(
        total=Sum("total_budget")
    )["total"]
    assert used == 38_000
    assert used > account.credit_limit


def test_oranje_is_a_sandbox_and_the_others_are_not(demo: Seeded) -> None:
    assert list(Account.objects.filter(sandbox=True).values_list("owner__name", flat=True)) == [
        "Oranje Labs"
    ]


def test_creatives_stand_approved_rejected_and_in_review(demo: Seeded) -> None:
    counted = Counter(Creative.objects.values_list("status", flat=True))

    assert counted[CreativeStatus.APPROVED] >= 15
    assert counted[CreativeStatus.REJECTED] == 1
    assert counted[CreativeStatus.PENDING_REVIEW] == 2


def test_every_status_change_has_one_event_in_order(demo: Seeded) -> None:
    for buy in MediaBuy.objects.prefetch_related("events"):
        status, at = BuyStatus.DRAFT.value, buy.created_at
        for event in buy.events.all():
            assert event.from_status == status, buy
            assert event.at >= at, buy
            status, at = event.to_status, event.at
        assert status == buy.status
        assert at <= NOW
        assert buy.updated_at == at


def test_nothing_is_left_over_for_the_clock_or_a_worker(demo: Seeded) -> None:
    assert oldest_overdue(now=NOW) is None
    assert Booking.objects.filter(settled_at=None).count() == 0
    assert MediaBuy.objects.exclude(flight_failures=0).count() == 0


def test_one_decision_on_each_order_that_a_person_answered(demo: Seeded) -> None:
    decided = Task.objects.filter(decisions__isnull=False).distinct()

    assert Decision.objects.count() == decided.count() == 21
    assert set(Decision.objects.values_list("decided_by__username", flat=True)) == {
        "approver",
        "director",
    }
    assert not Decision.objects.exclude(decided_at__lt=NOW).exists()


def test_most_orders_needed_nobody(demo: Seeded) -> None:
    without = MediaBuy.objects.annotate(asked=Count("tasks")).filter(asked=0)

    assert without.count() >= 12
    assert all(buy.policy["outcome"] == "accept" for buy in without)


def test_every_waiting_request_is_valid(demo: Seeded) -> None:
    for task in Task.objects.all():
        spec = task_specs()[task.task_type]
        validate_request(spec, {**task.request, "idempotency_key": "demo-000000000001"})


def test_a_running_buy_waits_for_a_higher_budget(demo: Seeded) -> None:
    task = Task.objects.get(task_type="update_media_buy")

    assert task.change is not None
    assert task.media_buy.status == BuyStatus.ACTIVE
    assert (task.media_buy.total_budget, task.change.budget_after) == (24_000, 30_000)
    assert task.media_buy.revision == task.change.base_revision
    assert stopped_by(task) >= {"guaranteed"}


def test_an_order_waits_for_its_buyers_correction(demo: Seeded) -> None:
    task = Task.objects.get(status=TaskStatus.INPUT_REQUIRED)

    assert task.error is not None
    assert task.error["suggestion"] == "Start a week later, or add Germany."
    assert NOW < task.expires_at < task.media_buy.end_time


def test_packages_add_up_and_creatives_are_known(demo: Seeded) -> None:
    for buy in MediaBuy.objects.annotate(sum=Sum("packages__budget")):
        assert buy.sum == buy.total_budget
    assert (
        Package.objects.filter(
            Q(assignments__isnull=False), assignments__creative__isnull=True
        ).count()
        == 0
    )
    assert Event.objects.aggregate(last=Max("at"))["last"] <= NOW
