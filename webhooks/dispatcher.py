"""Sends what is due: claim, send outside any transaction, settle, until nothing is left."""

import os
import random
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from django.db import connection

from webhooks import conf
from webhooks.retry import Answer, next_attempt
from webhooks.sending import send
from webhooks.services.claims import Claim, deliveries_claim, leases_renew
from webhooks.services.settlement import delivery_settle

# How often a dispatcher that waits for slow receivers looks for newly due messages.
LOOK_AGAIN_SECONDS = 0.5
RENEWALS_PER_LEASE = 6


def dispatch_due(*, limit: int = 100) -> int:
    """Send at most `limit` due messages; return how many attempts were made.

    Slow receivers hold up nobody: while their requests are open, what becomes due elsewhere is
    claimed and sent. Safe to run in any number of threads and processes at the same time. Must
    not run inside a transaction: RuntimeError otherwise.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Messages are sent outside any transaction.")
    run = _Run(limit)
    while run.claim_and_start() or run.in_flight:
        run.settle_finished()
    return run.started


@dataclass
class _Run:
    """One call's requests in flight; each holds one of the process's places."""

    limit: int
    started: int = 0
    in_flight: dict[Future[tuple[Answer, int]], Claim] = field(default_factory=dict)
    renewed_at: float = field(default_factory=time.monotonic)

    def claim_and_start(self) -> int:
        """Claim as many messages as there are free places, and start sending them."""
        machinery = _machinery(os.getpid())
        places = machinery.take_places(self.limit - self.started)
        claims: list[Claim] = []
        try:
            claims = deliveries_claim(limit=places) if places else []
        finally:
            machinery.give_back(places - len(claims))
        for claim in claims:
            self.in_flight[machinery.start(claim)] = claim
        self.started += len(claims)
        return len(claims)

    def settle_finished(self) -> None:
        """Wait a moment for answers, record those that came, and keep the other leases alive."""
        finished, _ = wait(self.in_flight, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
        for future in finished:
            claim = self.in_flight.pop(future)
            answer, response_ms = future.result()
            _settle(claim, answer, response_ms)
        renew_after = conf.lease().total_seconds() / RENEWALS_PER_LEASE
        if self.in_flight and time.monotonic() - self.renewed_at > renew_after:
            leases_renew(tokens=[claim.lease_token for claim in self.in_flight.values()])
            self.renewed_at = time.monotonic()


def _settle(claim: Claim, answer: Answer, response_ms: int) -> None:
    now = claim.now()
    verdict = next_attempt(
        attempt=claim.attempt,
        now=now,
        first_attempt_at=claim.first_attempt_at,
        horizon=conf.horizon(),
        timeout=timedelta(seconds=conf.delivery_limits().total_seconds),
        answer=answer,
        jitter=random.uniform(-1, 1),  # noqa: S311 - spreads retries, guards nothing
    )
    delivery_settle(claim=claim, answer=answer, verdict=verdict, response_ms=response_ms, now=now)


class _Machinery:
    """One process's sender threads, and the places that keep a claimed message from queueing."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(conf.concurrency(), thread_name_prefix="deliver")
        self._places = threading.Semaphore(conf.concurrency())

    def take_places(self, wanted: int) -> int:
        taken = 0
        while taken < wanted and self._places.acquire(blocking=False):
            taken += 1
        return taken

    def give_back(self, places: int) -> None:
        if places:
            self._places.release(places)

    def start(self, claim: Claim) -> Future[tuple[Answer, int]]:
        return self._threads.submit(self._send, claim)

    def _send(self, claim: Claim) -> tuple[Answer, int]:
        started = time.monotonic()
        try:
            answer = send(claim)
            return answer, round((time.monotonic() - started) * 1000)
        finally:
            self._places.release()


@cache
def _machinery(_process_id: int) -> _Machinery:
    """Return this process's machinery: threads do not survive a fork."""
    return _Machinery()
