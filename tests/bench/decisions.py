"""Id 8: decide() against one bare transaction with the same writes."""

import time
from collections.abc import Callable
from datetime import datetime
from statistics import quantiles
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from mediabuys.models import Booking, Event, MediaBuy, Package, Product
from mediabuys.states import BuyStatus, HoldStatus
from tasks_hitl.models import Approval, Decision, Task, TaskEvent
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import decide
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests.bench import scenery
from tests.bench.measuring import MILLISECONDS, Batch, Run, compare, own_clock
from tests.bench.rows import Row, at_most
from tests.bench.statements import require_same_writes
from tests.trade.inventory import tell_inventory
from webhooks.models import Delivery
from webhooks.services import new_idempotency_key

DECISIONS = 20
ROUNDS = 12
LIMIT_MILLISECONDS = 300
NOTE = "March is sold out."
# Where the ad server tells its inventory, an approval looks whether the order still fits.
KNOWN = {"inline": "", "simulated": ", inventory known"}
REASONS: dict[Outcome, dict[str, Any]] = {
    Outcome.APPROVED: {},
    Outcome.REJECTED: {"reason_code": "no_inventory", "note": NOTE},
}


def measure() -> list[Row]:
    """Return the processor time of an approval and of a rejection, and the wall time."""
    approver = scenery.new_approver()
    walls: list[float] = []
    rows = []
    tell_inventory(Product.objects.get(product_id="homepage"), 10**9)
    for outcome, bare_writes, ad_server in (
        (Outcome.APPROVED, _approved, "inline"),
        (Outcome.APPROVED, _approved, "simulated"),
        (Outcome.REJECTED, _rejected, "inline"),
    ):
        settings.ADSERVER = ad_server
        ours = _decisions(outcome, approver, walls)
        bare = _bare(outcome, approver, bare_writes)
        require_same_writes(ours(1), bare(1))
        found = compare(
            ours=ours, bare=bare, repetitions=DECISIONS, rounds=ROUNDS, clock=own_clock()
        )
        rows.append(
            at_most(
                8,
                f"decide(), {outcome}{KNOWN[ad_server]}",
                found.ratio,
                3.0,
                baseline="one bare transaction with the same writes",
                detail=found.in_words,
            )
        )
    settings.ADSERVER = "inline"
    return [*rows, _wall_row(walls)]


def _wall_row(walls: list[float]) -> Row:
    """Return the 95th percentile: the very slowest tells of the machine's other load."""
    return at_most(
        8,
        "decide(), 95th percentile of wall time, milliseconds",
        quantiles(walls, n=20)[-1] * MILLISECONDS,
        LIMIT_MILLISECONDS,
        detail=f"{len(walls)} decisions, slowest {max(walls) * MILLISECONDS:.0f} ms",
    )


def _waiting(number: int) -> list[Task]:
    """Return fresh tasks that wait, each of an order with a webhook."""
    buyer = scenery.new_buyer()
    for _ in range(number):
        body = scenery.order_body(buyer, guaranteed=True)
        scenery.call("create_media_buy", body, buyer.token)
    tasks = Task.objects.filter(principal=buyer.principal).select_related("destination")
    return list(tasks.order_by("pk"))


def _decisions(outcome: Outcome, approver: User, walls: list[float]) -> Batch:
    def prepare(times: int) -> Run:
        shown = [(task.task_id, shown_digest(task), task.version) for task in _waiting(times)]

        def run() -> None:
            for task_id, digest, version in shown:
                started = time.perf_counter()
                decide(
                    task_id=task_id,
                    outcome=outcome,
                    shown_digest=digest,
                    shown_version=version,
                    form_token=uuid4(),
                    actor=approver,
                    **REASONS[outcome],
                )
                walls.append(time.perf_counter() - started)

        return run

    return prepare


Writes = Callable[[Task, Decision, datetime], None]


def _bare(outcome: Outcome, approver: User, writes: Writes) -> Batch:
    def prepare(times: int) -> Run:
        tasks = _waiting(times)

        def run() -> None:
            for task in tasks:
                now = timezone.now()
                with transaction.atomic():
                    writes(task, _bare_decision(task, outcome, approver, now), now)

        return run

    return prepare


def _bare_decision(task: Task, outcome: Outcome, approver: User, now: datetime) -> Decision:
    Approval.objects.create(task=task, voter=approver, outcome=outcome, at=now)
    return Decision.objects.create(
        task=task,
        outcome=outcome,
        decided_by=approver,
        shown_digest=task.request_digest,
        shown_version=task.version,
        form_token=uuid4(),
        decided_at=now,
        **REASONS[outcome],
    )


def _approved(task: Task, decision: Decision, now: datetime) -> None:
    _hold_becomes(task, HoldStatus.CONSUMED, held_until=now)
    Booking.objects.create(media_buy_id=task.media_buy_id, next_attempt_at=now)
    moved = {"status": TaskStatus.WORKING, "queue_state": QueueState.BOOKING}
    _task_moves(task, TaskEvent.Action.APPROVED, decision, now, **moved)


def _hold_becomes(task: Task, status: HoldStatus, **columns: Any) -> None:
    held = Package.objects.filter(media_buy_id=task.media_buy_id, hold_status=HoldStatus.HELD)
    held.update(hold_status=status, **columns)


def _rejected(task: Task, decision: Decision, now: datetime) -> None:
    _hold_becomes(task, HoldStatus.RELEASED)
    MediaBuy.objects.filter(pk=task.media_buy_id).update(
        status=BuyStatus.DECLINED, rejection_reason=NOTE, updated_at=now
    )
    Event.objects.create(
        media_buy_id=task.media_buy_id,
        action=Event.Action.DECLINED,
        from_status=BuyStatus.DRAFT,
        to_status=BuyStatus.DECLINED,
        revision=1,
        actor="seller:somebody",
        summary=NOTE,
        at=now,
    )
    error = {"code": "PRODUCT_UNAVAILABLE", "message": NOTE, "recovery": "correctable"}
    moved = {"status": TaskStatus.FAILED, "queue_state": QueueState.CLOSED}
    ended = {"error": error, "message": NOTE, "completed_at": now}
    _task_moves(task, TaskEvent.Action.REJECTED, decision, now, **moved, **ended)
    assert task.destination is not None
    Delivery.objects.create(
        idempotency_key=new_idempotency_key(),
        owner_key="bench",
        subject_key=f"task:{task.task_id}",
        destination=task.destination,
        kind="task_status",
        sequence=2,
        body=NOTE.encode() * 40,
    )


def _task_moves(
    task: Task, action: TaskEvent.Action, decision: Decision, now: datetime, **columns: Any
) -> None:
    Task.objects.filter(pk=task.pk).update(**columns, version=2, updated_at=now)
    TaskEvent.objects.create(
        task=task,
        action=action,
        from_status=TaskStatus.SUBMITTED,
        to_status=columns["status"],
        version=2,
        actor="seller:somebody",
        data={"decision": decision.pk},
        at=now,
    )
