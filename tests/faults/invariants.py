"""What must hold whatever died: checked over all tables, and over what a receiver got."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from adcp_sales.protocol.models import IdempotencyRecord
from mediabuys.models import Booking, Event, MediaBuy, Trafficking
from mediabuys.states import (
    BUY_MOVES,
    INTERNAL_BUY_STATUSES,
    TERMINAL_BUY_STATUSES,
    WIRE_BUY_STATUSES,
    BookingStatus,
    BuyStatus,
)
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.states import (
    TASK_MOVES,
    TERMINAL_TASK_STATUSES,
    Outcome,
    TaskStatus,
    TaskType,
)
from webhooks.models import Attempt, Delivery
from webhooks.states import DeliveryStatus

BUY_EDGES = {(source, move.target) for move in BUY_MOVES.values() for source in move.sources}
TASK_EDGES = {(source, move.target) for move in TASK_MOVES.values() for source in move.sources}
ENDED_BUYS = (*TERMINAL_BUY_STATUSES, BuyStatus.DECLINED)


def assert_invariants(*, receiver_log: Path | None = None, secrets: Sequence[str] = ()) -> None:
    """Check I1 to I7, I11, I13 and I15 over the whole database, and I8 and I9 over the log.

    `receiver_log` is the file of `webhooks.receiver --log`, read when everything due was sent;
    `secrets` are texts that nothing may repeat (I16). The first violation raises AssertionError.
    """
    for task in Task.objects.order_by("pk"):
        assert_task(task)
    for buy in MediaBuy.objects.order_by("pk"):
        assert_buy(buy)
    assert_attempts_are_numbered()
    assert_answers_are_kept()
    received = read_log(receiver_log)
    if receiver_log is not None:
        assert_received(received)
    assert_nothing_leaks([secret for secret in secrets if secret], receiver_log)


def assert_task(task: Task) -> None:
    """Check one task: its decisions, its history, its order and its notice."""
    decisions = list(Decision.objects.filter(task=task, withdrawn_at=None))
    assert len(decisions) <= 1, f"I1: {task} has {len(decisions)} standing decisions"
    for decision in decisions:
        whole = (decision.decided_by or decision.policy_name) and decision.shown_digest
        assert whole, f"I2, I13: the decision on {task} has no author or no digest"
    moves = _moves(TaskEvent.objects.filter(task=task).exclude(from_status=""))
    _assert_chain(moves, TaskStatus.SUBMITTED, task.status, TASK_EDGES, TERMINAL_TASK_STATUSES)
    approved = [one for one in decisions if one.outcome == Outcome.APPROVED]
    if task.status in (TaskStatus.WORKING, TaskStatus.COMPLETED):
        assert approved, f"I13: {task} went on without an approval"
    if task.task_type == TaskType.CREATE_MEDIA_BUY:
        _assert_order_of(task)
    _assert_told_once(task)


def _assert_order_of(task: Task) -> None:
    buy = task.media_buy
    booking = Booking.objects.filter(media_buy=buy).first()
    if task.status == TaskStatus.COMPLETED:
        booked = booking is not None and booking.status == BookingStatus.BOOKED
        assert booked or buy.status == BuyStatus.REJECTED, f"I6: {task} completed unbooked"
    elif task.is_terminal:
        assert buy.status == BuyStatus.DECLINED, f"I6: {task} {task.status}, its buy {buy.status}"
    else:
        assert buy.status == BuyStatus.DRAFT, f"I6: {task} is open, its buy {buy.status}"


def _assert_told_once(task: Task) -> None:
    notices = Delivery.objects.filter(subject_key=f"task:{task.task_id}", kind="task_status")
    told = [str(json.loads(bytes(notice.body))["status"]) for notice in notices]
    ends = [status for status in told if status in TERMINAL_TASK_STATUSES]
    listens = bool(task.destination_id)
    assert ends == ([task.status] if task.is_terminal and listens else []), f"I7: {task}: {told}"


def assert_buy(buy: MediaBuy) -> None:
    """Check one order: its history, its id, its booking."""
    _assert_chain(
        _moves(Event.objects.filter(media_buy=buy)),
        BuyStatus.DRAFT,
        buy.status,
        BUY_EDGES,
        ENDED_BUYS,
    )
    internal = buy.status in INTERNAL_BUY_STATUSES
    assert internal != (buy.status in WIRE_BUY_STATUSES), f"I5: {buy.reference} {buy.status}"
    assert (buy.media_buy_id is None) == internal, f"I5: {buy.reference} {buy.status}"
    booking = Booking.objects.filter(media_buy=buy).first()
    booked = booking is not None and booking.status == BookingStatus.BOOKED
    assert booked == (buy.confirmed_at is not None), f"I6: {buy.reference} confirmed unbooked"
    told = Event.objects.filter(media_buy=buy, action=Event.Action.CONFIRMED).count()
    assert told == int(booked), f"I4: {buy.reference} was confirmed {told} times"


def assert_attempts_are_numbered() -> None:
    """Check I11: the attempts of each delivery count from one without a gap."""
    numbers = defaultdict(list)
    for delivery_id, number in Attempt.objects.order_by("number").values_list(
        "delivery_id", "number"
    ):
        numbers[delivery_id].append(number)
    for delivery in Delivery.objects.all():
        wanted = list(range(1, delivery.attempt_count + 1))
        assert numbers[delivery.pk] == wanted, f"I11: {delivery}: {numbers[delivery.pk]}"


def assert_answers_are_kept() -> None:
    """Check I15 as the tables tell it: each answered call has its bytes, each order is one call's.

    Two orders of one call would name the same `context_id`.
    """
    for record in IdempotencyRecord.objects.all():
        assert record.body, f"I15: {record} has no answer"
    contexts = list(Task.objects.filter(change=None).values_list("context_id", flat=True))
    superseded = Task.objects.filter(superseded_by__isnull=False).count()
    assert len(contexts) - len(set(contexts)) <= superseded, "I15: one call made two orders"


def read_log(receiver_log: Path | None) -> list[dict[str, Any]]:
    """Return what the receiver got, oldest first."""
    if receiver_log is None or not receiver_log.exists():
        return []
    return [json.loads(line) for line in receiver_log.read_text("utf-8").splitlines()]


def assert_received(received: Iterable[dict[str, Any]]) -> None:
    """Check I8 and I9: all was delivered and came, and what came twice had the same bytes."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for record in received:
        body = base64.b64decode(record["body_base64"])
        bodies[str(record["body"]["idempotency_key"])].add(body)
    for delivery in Delivery.objects.all():
        assert delivery.status == DeliveryStatus.DELIVERED, f"I8: {delivery} {delivery.status}"
        came = bodies.pop(delivery.idempotency_key, set())
        assert came == {bytes(delivery.body)}, f"I8, I9: {delivery} came as {came}"
    assert not bodies, f"I7: somebody was told what no row says: {sorted(bodies)}"


def assert_nothing_leaks(secrets: Sequence[str], receiver_log: Path | None) -> None:
    """Check I16: no row of what went wrong, no attempt and no message repeats a secret."""
    texts = [
        *Attempt.objects.values_list("error", "response_excerpt"),
        *Booking.objects.values_list("error_message", "error_code"),
        *Trafficking.objects.values_list("error_message", "error_code"),
        *Task.objects.values_list("message", "error"),
    ]
    if receiver_log is not None and receiver_log.exists():
        texts.append((receiver_log.read_text("utf-8"), ""))
    for secret in secrets:
        assert not any(secret in str(text) for text in texts), "I16: a secret is in a row"


def _moves(events: Any) -> list[tuple[str, str]]:
    rows = events.order_by("pk").values_list("from_status", "to_status")
    return [move for move in rows if move[0] != move[1]]


def _assert_chain(
    moves: list[tuple[str, str]],
    first: str,
    last: str,
    edges: set[tuple[str, str]],
    ends: Sequence[str],
) -> None:
    at: str = first
    for before, after in moves:
        assert before == at, f"I4: {moves} does not hang together"
        assert before not in ends, f"I3: {moves} goes on after its end"
        assert (before, after) in edges, f"I4: {moves} has a move that is not allowed"
        at = after
    assert at == last, f"I4: {moves} does not lead to {last}"
