"""Rounds of the fault suite: orders are placed, a worker on them dies, and all is healed."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess

from mediabuys.models import Booking, Trafficking
from mediabuys.states import BookingStatus
from tasks_hitl.models import Task
from tasks_hitl.states import TaskStatus
from tests.concurrency import wait_until
from tests.faults.dying import LONGEST_SECONDS, Death, draw_death
from tests.faults.orders import (
    Fate,
    PlacedOrder,
    Scene,
    assert_fate,
    cancel_order,
    place_order,
)
from tests.faults.workers import LEASE, has_died, start_worker

# Time to die in: a loaded machine takes longer to come to the line where it happens.
DYING_SECONDS = 5 * LONGEST_SECONDS
HEALING_SECONDS = 60
# Until the worker has begun with an order, and what the booking of it takes then.
BEGINNING_SECONDS = 1.0
BOOKING_SECONDS = 0.2
HEALERS = 2
# How long a worker that was stopped goes on with what it believes to hold.
AWAKE_SECONDS = 0.5
# In one round of so many the ad server is killed too.
AD_SERVER_DIES = 8
# Of the order beside the approved one; those that a booking can spoil come more often.
OTHER_FATES = (
    *(Fate.CANCELED,) * 3,
    *(Fate.GIVEN_UP, Fate.ACCEPTED, Fate.DECLINED) * 2,
    *(Fate.REJECTED, Fate.EXPIRED),
)


@dataclass
class Campaign:
    """Rounds on one scene; what each draws depends on the seed and its number alone."""

    scene: Scene
    seed: int
    orders: list[PlacedOrder] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)
    stopped: list[tuple[BaseProcess, float]] = field(default_factory=list)

    def play(self, number: int) -> None:
        """Place the orders of this round, and let a worker die on them."""
        random_ = random.Random(f"{self.seed}:{number}")
        death = draw_death(random_)
        # The first is booked first, and so it is mostly the one that the worker dies on.
        fates = [random_.choice(OTHER_FATES), Fate.APPROVED]
        if fates[0] != Fate.CANCELED:
            random_.shuffle(fates)
        placed = [place_order(self.scene, fate) for fate in fates]
        self.orders += placed
        worker = start_worker(death)
        died_at = time.monotonic() + (DYING_SECONDS if death.call else death.seconds)
        for order in placed:
            if order.fate == Fate.CANCELED:
                wait_until(lambda: is_attempted(order), seconds=BEGINNING_SECONDS)  # noqa: B023 - called at once
                time.sleep(random_.uniform(0, BOOKING_SECONDS))
                cancel_order(self.scene, order)
        if random_.randrange(AD_SERVER_DIES) == 0:
            self._kill_ad_server()
        wait_until(lambda: has_died(worker), seconds=died_at - time.monotonic())
        self._bury(worker, death)
        self._wake(older_than=LEASE.total_seconds())

    def _kill_ad_server(self) -> None:
        self.scene.ad_server.kill()
        self.orders = [
            replace(order, fate=Fate.UNSURE) if order.fate == Fate.GIVEN_UP else order
            for order in self.orders
        ]
        self.scene.ad_server.start()
        self.deaths["ad server"] += 1

    def _bury(self, worker: BaseProcess, death: Death) -> None:
        if worker.is_alive() and death.stopped and has_died(worker):
            self.stopped.append((worker, time.monotonic()))
        else:
            worker.kill()
            worker.join()
        self.deaths[f"{'stopped' if death.stopped else 'killed'} {death.call or 'anywhere'}"] += 1

    def _wake(self, *, older_than: float = 0) -> None:
        """Let the workers go on that were taken for dead, and end them when they have."""
        now = time.monotonic()
        ready = [one for one in self.stopped if now - one[1] >= older_than]
        self.stopped = [one for one in self.stopped if one not in ready]
        for worker, _ in ready:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGCONT)
        if ready:
            time.sleep(AWAKE_SECONDS)
        for worker, _ in ready:
            worker.kill()
            worker.join()

    def heal(self) -> None:
        """Let living workers finish everything; the stopped wake up when their work is done.

        Raises AssertionError where something is still open after a minute.
        """
        healers = [start_worker() for _ in range(HEALERS)]
        try:
            wait_until(lambda: not unfinished(), seconds=HEALING_SECONDS)
            self._wake()
            assert wait_until(lambda: not unfinished(), seconds=HEALING_SECONDS), unfinished()
            assert all(healer.is_alive() for healer in healers), "a worker died by itself"
        finally:
            for healer in healers:
                healer.kill()
                healer.join()

    def check(self) -> None:
        """Check every order: what became of it here, and one order or none at the ad server."""
        states = self.scene.ad_server.states()
        for order in self.orders:
            assert_fate(order, states)
        assert set(states) <= {order.reference for order in self.orders}


def is_attempted(order: PlacedOrder) -> bool:
    """Return whether a worker has begun to book the order."""
    return Booking.objects.filter(media_buy=order.buy_pk, attempt_count__gt=0).exists()


def unfinished() -> list[str]:
    """Return what some worker must still do."""
    open_bookings = Booking.objects.filter(
        status__in=(BookingStatus.QUEUED, BookingStatus.BOOKING)
    ).select_related("media_buy")
    tellings = Trafficking.objects.exclude(next_attempt_at=None).select_related("media_buy")
    waiting = Task.objects.filter(status__in=(TaskStatus.SUBMITTED, TaskStatus.WORKING))
    return [
        *(f"booking of {one.media_buy}: {one.status} {one.error_message}" for one in open_bookings),
        *(f"telling of {one}: {one.error_message}" for one in tellings),
        *(f"task {one.task_id}: {one.status}" for one in waiting),
    ]
