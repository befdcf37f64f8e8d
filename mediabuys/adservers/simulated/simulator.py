"""The simulation as a whole: its file, its clock, and what is to go wrong."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mediabuys.adservers.simulated import creatives, delivery, inventory, store
from mediabuys.adservers.simulated.bodies import Body
from mediabuys.adservers.simulated.calls import Calls
from mediabuys.adservers.simulated.clock import Clock, real_now
from mediabuys.adservers.simulated.faults import Faults

# So long a call may make up for time that nobody looked at; the next one goes on from there.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Defaults:
    """How a simulation begins, and begins again after a reset."""

    daily: int = 100_000
    review_delay: float = 20.0
    speed: float | None = None
    inventory: dict[str, object] = field(default_factory=dict)


class Simulator:
    """What the calls work on."""

    def __init__(self, database: Path, defaults: Defaults) -> None:
        self.store = store.Store(database)
        self.clock = Clock()
        self.faults = Faults()
        self.calls = Calls()
        self.defaults = defaults
        with self.store.writing() as db:
            self.clock.load(db)
            if defaults.speed is not None:
                self.clock.set(now=self.clock.now(), speed=defaults.speed)
                self.clock.save(db)
            if not store.setting(db, "delivered"):
                self._begin(db)
            self._describe(db)

    def reset(self) -> None:
        """Forget everything: a new life, at the machine's time."""
        self.faults.heal()
        with self.store.writing() as db:
            store.clear(db)
            self.clock.set(now=real_now(), speed=self.defaults.speed or 1.0)
            self.clock.save(db)
            self._begin(db)
            self._describe(db)
        self.calls.forget()

    @contextmanager
    def changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Run the block as the only writer, with delivery final until its moment.

        What was delivered before does not depend on what the block changes.
        """
        self.catch_up()
        with self.store.writing() as db:
            now = self.clock.now()
            self.deliver(db, now, is_final=True)
            yield db, now

    def catch_up(self) -> None:
        """Deliver until now, in transactions that each end soon."""
        until = self.clock.now()
        reached = 0
        while reached < until:
            with self.store.writing() as db:
                reached = self.deliver(db, until, patience=PATIENCE_SECONDS)

    def deliver(
        self,
        db: sqlite3.Connection,
        until: int,
        *,
        is_final: bool = False,
        patience: float | None = None,
    ) -> int:
        """Deliver until the moment, reviewing on the way; return how far it came."""
        daily = self.defaults.daily
        while (due := creatives.next_due(db, until)) is not None:
            reached = delivery.advance(
                db, due, default_daily=daily, is_final=True, patience=patience
            )
            if reached < due:
                return reached
            creatives.decide_due(db, due)
        reached = delivery.advance(
            db, until, default_daily=daily, is_final=is_final, patience=patience
        )
        return max(reached, delivery.checkpoint(db)[1])

    def _begin(self, db: sqlite3.Connection) -> None:
        delivery.begin_at(db, self.clock.now())
        creatives.set_robot(db, policy="approve", delay_seconds=self.defaults.review_delay)

    def _describe(self, db: sqlite3.Connection) -> None:
        body = Body(self.defaults.inventory, "inventory.")
        inventory.describe(db, body)
        for entry in body.entries("contention"):
            inventory.contend(db, entry)


def read_inventory(path: Path) -> dict[str, object]:
    """Return the inventory of a file: products, and perhaps contention, as the API takes them."""
    found: dict[str, object] = json.loads(path.read_text("utf-8"))
    return found
