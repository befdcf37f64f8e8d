"""Worker processes: Celery's own doors, in forked children that can be killed."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess

import pytest
from django.db import OperationalError, connections

from mediabuys.services import attempts, bookings, trafficking
from tasks_hitl import tasks
from tests.faults.dying import Death, doomed
from webhooks import tasks as webhook_tasks

# Long enough for every call and statement of a loaded machine that is not stopped.
LEASE = timedelta(seconds=1.5)
DELAYS = (timedelta(seconds=0.1),) * 3 + (timedelta(seconds=0.4),)
LOOK_AGAIN_SECONDS = 0.03
FORK = multiprocessing.get_context("fork")


@contextmanager
def short_leases() -> Iterator[None]:
    """Let what a dead worker held be free after seconds instead of minutes; children inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (bookings, trafficking):
            patch.setattr(module, "LEASE", LEASE)
        patch.setattr(attempts, "BOOKING_DELAYS", DELAYS)
        patch.setattr(attempts, "TELLING_DELAYS", DELAYS)
        yield


def start_worker(death: Death | None = None) -> BaseProcess:
    """Fork a worker that sweeps until it is killed; `death` is how it kills itself.

    The children share nothing with us but the code: each opens its own connections.
    """
    connections.close_all()
    worker = FORK.Process(target=_work, args=(os.getpid(), death), daemon=True)
    worker.start()
    return worker


def _work(parent: int, death: Death | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with doomed(death or Death()):
        while os.getppid() == parent:
            _sweep()
            time.sleep(LOOK_AGAIN_SECONDS)


def _sweep() -> None:
    """Do what the beat's ticks have a worker do, through the same doors."""
    for door in (tasks.sweep_bookings, tasks.traffic, tasks.expire_tasks, webhook_tasks.dispatch):
        try:
            door()
        except OperationalError:
            # As in production: logged by Celery, and looked at again at the next tick.
            connections.close_all()


def has_died(worker: BaseProcess) -> bool:
    """Return whether the worker is gone, or stopped where it stands."""
    if not worker.is_alive():
        return True
    with open(f"/proc/{worker.pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "T"
