"""A buy and its task as a state machine on PostgreSQL: any order of calls keeps the invariants."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_fsm import TransitionNotAllowed
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerRefused, AdServerUnavailable, OrderDeclined
from mediabuys.errors import TradeError
from mediabuys.models import (
    Booking,
    Creative,
    Event,
    InlineOrder,
    MediaBuy,
    MediaBuyChange,
)
from mediabuys.services.changes import AppliedChange
from mediabuys.services.clock import flights_activate, flights_complete
from mediabuys.services.flights import media_buy_refresh
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import (
    BUY_MOVES,
    INTERNAL_BUY_STATUSES,
    TERMINAL_BUY_STATUSES,
    BuyStatus,
    CanceledBy,
    ChangeStatus,
    DeliveryType,
    HoldStatus,
)
from tasks_hitl.errors import ApprovalError
from tasks_hitl.models import Decision, Task, TaskEvent
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import book, decide, tasks_expire
from tasks_hitl.states import TASK_MOVES, TERMINAL_TASK_STATUSES, Outcome, TaskStatus
from tests.faults.invariants import assert_invariants
from tests.people import Buyer, guaranteed_order, in_wire, order_params
from tests.trade.changes import ask_change
from tests.trade.orders import give_creatives, place
from webhooks.models import Delivery

HOOK: dict[str, Any] = {"push_notification_config": {"url": "http://127.0.0.1:9/hook"}}
ERRORS = {
    "fine": None,
    "down": AdServerUnavailable("It is down."),
    "refused": AdServerRefused("It is refused."),
    "declined": OrderDeclined("It is declined."),
}
BUY_EDGES = {(source, move.target) for move in BUY_MOVES.values() for source in move.sources}
TASK_EDGES = {(source, move.target) for move in TASK_MOVES.values() for source in move.sources}


def changes_of(buy: MediaBuy, now: datetime) -> st.SearchStrategy[dict[str, Any]]:
    """Return requests that may or may not be granted, with and without a revision."""
    package = {"package_id": buy.packages.all()[0].package_id}
    days = st.sampled_from([-30, -1, 1, 3, 60])
    of_package = st.fixed_dictionaries(
        {},
        optional={
            "budget": st.sampled_from([0, 900, 1000, 1200, 60_000]),
            "pacing": st.sampled_from(["even", "asap"]),
            "paused": st.booleans(),
            "targeting_overlay": st.sampled_from([{}, {"geo_countries": ["US"]}]),
            "end_time": days.map(lambda n: in_wire(buy.end_time + timedelta(days=n))),
            "canceled": st.just(True),  # noqa: FBT003 (AdCP's only value)
            "creative_assignments": st.just([]),
        },
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "revision": st.sampled_from([buy.revision, buy.revision + 1]),
            "paused": st.booleans(),
            "end_time": days.map(lambda n: in_wire(now + timedelta(days=n))),
            "start_time": days.map(lambda n: in_wire(now + timedelta(days=n))),
            "packages": of_package.map(lambda fields: [{**package, **fields}]),
            "new_packages": st.just(
                [{"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 100}]
            ),
        },
    )


class BuyMachine(RuleBasedStateMachine):
    """One order, played by a buyer, staff, an ad server, a clock and crashing workers."""

    buyer: Buyer
    approver: User

    @initialize(waits=st.booleans())
    def order(self, waits: bool) -> None:
        self.example = transaction.atomic()
        self.example.__enter__()
        self.now: datetime = timezone.now()
        make = guaranteed_order if waits else order_params
        placed = place(self.buyer, make(self.buyer, **HOOK), self.now)
        assert (placed.task is not None) == waits
        self.pk = placed.drafted.buy.pk
        self.ended: dict[str, str] = {}

    @property
    def buy(self) -> MediaBuy:
        return MediaBuy.objects.get(pk=self.pk)

    @property
    def task(self) -> Task | None:
        """The order's own; changes have theirs."""
        return Task.objects.filter(media_buy_id=self.pk, change=None).first()

    @rule(hours=st.sampled_from([1, 20, 80, 400, 2000]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(outcome=st.sampled_from(list(Outcome)))
    def staff_decides(self, outcome: Outcome) -> None:
        task = Task.objects.filter(media_buy_id=self.pk).order_by("-pk").first()
        if task is None:
            return
        with suppress(ApprovalError):
            decide(
                task_id=task.task_id,
                outcome=outcome,
                shown_digest=shown_digest(task),
                shown_version=task.version,
                form_token=uuid4(),
                actor=self.approver,
                reason_code="other",
                note="As agreed.",
                suggestion="Ask for less." if outcome == Outcome.CHANGE_ASKED else "",
                now=self.now,
            )

    @rule(answer=st.sampled_from(sorted(ERRORS)), step=st.sampled_from(["create_order", "confirm"]))
    def worker_books(self, answer: str, step: str) -> None:
        for booking in Booking.objects.filter(media_buy_id=self.pk):
            with pytest.MonkeyPatch.context() as patch:
                if ERRORS[answer] is not None:
                    patch.setattr(InlineAdServer, step, _raising(ERRORS[answer]))
                book(booking_id=booking.booking_id, now=self.now)

    @rule(draw=st.data())
    def buyer_changes(self, draw: st.DataObject) -> None:
        """Ask for any change; what is accepted is one revision, and its words are its own."""
        buy = self.buy
        if buy.media_buy_id is None:
            return
        asked = draw.draw(changes_of(buy, self.now))
        with suppress(TradeError):
            placed = ask_change(self.buyer, buy, now=self.now, **asked)
            after = self.buy
            if not isinstance(placed, AppliedChange):
                assert after.revision == buy.revision
                return
            # The change itself, and what it let happen: ready, and started.
            entries = Event.objects.filter(media_buy=buy, revision__gt=buy.revision)
            told = sorted(set(entries.values_list("revision", flat=True)))
            assert told == list(range(buy.revision + 1, after.revision + 1))
            assert placed.revision in (buy.revision, buy.revision + 1)
            if "revision" in asked:
                assert asked["revision"] == buy.revision
            return
        after = self.buy
        assert (after.revision, after.status) == (buy.revision, buy.status)

    @rule()
    def creatives_arrive(self) -> None:
        if not Creative.objects.filter(account=self.buyer.account).exists():
            give_creatives(self.buy)
        media_buy_refresh(buy=self.buy, now=self.now)

    @rule()
    def clock_ticks(self) -> None:
        tasks_expire(now=self.now)
        flights_activate(now=self.now)
        flights_complete(now=self.now)

    @rule()
    def seller_cancels(self) -> None:
        with suppress(TransitionNotAllowed), transaction.atomic():
            media_buy_cancel(
                buy=self.buy,
                actor="seller:approver",
                canceled_by=CanceledBy.SELLER,
                reason="By agreement.",
                now=self.now,
            )

    @invariant()
    def the_total_is_the_sum_of_the_live_packages(self) -> None:
        live = self.buy.packages.filter(is_canceled=False)
        assert self.buy.total_budget == sum(package.budget for package in live)

    @invariant()
    def one_change_waits_at_most_and_with_its_task(self) -> None:
        waiting = MediaBuyChange.objects.filter(media_buy_id=self.pk, status=ChangeStatus.WAITING)
        assert waiting.count() <= 1
        tasks = Task.objects.filter(media_buy_id=self.pk, change__isnull=False)
        for task in tasks.select_related("change"):
            assert task.change is not None
            assert (task.change.status == ChangeStatus.WAITING) != task.is_terminal
            assert (task.change.status == ChangeStatus.APPLIED) == (
                task.status == TaskStatus.COMPLETED
            )

    @invariant()
    def terminal_states_absorb(self) -> None:
        seen = {"buy": self.buy.status, "task": self.task.status if self.task else ""}
        for name, status in self.ended.items():
            assert seen[name] == status
        for name, status in seen.items():
            if status in (*TERMINAL_BUY_STATUSES, BuyStatus.DECLINED, *TERMINAL_TASK_STATUSES):
                self.ended[name] = status

    @invariant()
    def every_change_has_one_event_and_the_chain_is_whole(self) -> None:
        moves = _moves(Event.objects.filter(media_buy_id=self.pk))
        _assert_chain(moves, BuyStatus.DRAFT, self.buy.status, BUY_EDGES)
        task = self.task
        if task is not None:
            events = TaskEvent.objects.filter(task=task).exclude(from_status="")
            _assert_chain(_moves(events), TaskStatus.SUBMITTED, task.status, TASK_EDGES)

    @invariant()
    def an_id_exists_once_accepted(self) -> None:
        internal = self.buy.status in INTERNAL_BUY_STATUSES
        assert (self.buy.media_buy_id is None) == internal

    @invariant()
    def a_create_task_ends_as_its_order_did(self) -> None:
        task = self.task
        if task is None:
            return
        buy = self.buy
        assert (task.status == TaskStatus.FAILED) == (buy.status == BuyStatus.DECLINED)
        if task.status == TaskStatus.COMPLETED:
            assert buy.confirmed_at is not None or buy.status == BuyStatus.REJECTED
        assert Decision.objects.filter(task=task, withdrawn_at=None).count() <= 1
        if task.status in (TaskStatus.WORKING, TaskStatus.COMPLETED):
            assert Decision.objects.get(task=task).outcome == Outcome.APPROVED

    @invariant()
    def inventory_is_held_while_a_person_is_waited_for_and_freed_by_every_end(self) -> None:
        task, buy = self.task, self.buy
        if task is None:
            return
        expected = HoldStatus.CONSUMED
        if task.status in (TaskStatus.SUBMITTED, TaskStatus.INPUT_REQUIRED):
            expected = HoldStatus.HELD
        elif buy.status in (BuyStatus.DECLINED, BuyStatus.REJECTED, BuyStatus.CANCELED):
            expected = HoldStatus.RELEASED
        guaranteed = buy.packages.filter(product__delivery_type=DeliveryType.GUARANTEED)
        assert set(guaranteed.values_list("hold_status", flat=True)) == {expected}

    @invariant()
    def every_end_is_told_once(self) -> None:
        for task in Task.objects.filter(media_buy_id=self.pk):
            told = Delivery.objects.filter(subject_key=f"task:{task.task_id}", kind="task_status")
            ends = [status for status in map(_status_in, told) if status in TERMINAL_TASK_STATUSES]
            assert ends == ([task.status] if task.is_terminal else [])

    @invariant()
    def one_order_on_the_ad_server_at_most(self) -> None:
        orders = InlineOrder.objects.filter(reference=self.buy.reference).count()
        assert orders <= 1
        if self.buy.confirmed_at is not None:
            assert orders == 1

    def teardown(self) -> None:
        if hasattr(self, "example"):
            assert_invariants()
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)


def _status_in(notice: Delivery) -> str:
    return str(json.loads(bytes(notice.body))["status"])


def _moves(events: Any) -> list[tuple[str, str]]:
    rows = events.order_by("pk").values_list("from_status", "to_status")
    return [move for move in rows if move[0] != move[1]]


def _assert_chain(moves: list[tuple[str, str]], first: str, last: str, edges: set[Any]) -> None:
    at: str = first
    for before, after in moves:
        assert before == at
        assert (before, after) in edges
        at = after
    assert at == last


def _raising(error: Exception | None) -> Any:
    def fail(*_: Any) -> None:
        assert error is not None
        raise error

    return fail


@pytest.fixture
def _played_by(buyer: Buyer, approver: User) -> Iterator[None]:
    BuyMachine.buyer, BuyMachine.approver = buyer, approver
    yield
    del BuyMachine.buyer, BuyMachine.approver


@pytest.mark.django_db
@pytest.mark.usefixtures("_played_by")
def test_any_order_of_calls_keeps_the_invariants() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        BuyMachine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            # Shrinking replays hundreds of programs on a real database; a failure prints its own.
            phases=(Phase.reuse, Phase.generate),
        ),
    )
