"""Id 4: create_media_buy, both arms, against the same rows inserted by the bare ORM."""

from functools import partial
from typing import Any

from tests.bench import copies, scenery
from tests.bench.measuring import Run, compare, own_clock
from tests.bench.rows import Row, at_most
from tests.bench.statements import require_same_writes, statements
from tests.people import Buyer

ORDERS = 20
ROUNDS = 12
MANY_PACKAGES = 20
ARMS = {"submitted": True, "immediate": False}


def measure() -> list[Row]:
    """Return each arm's processor time and statements."""
    return [row for arm, guaranteed in ARMS.items() for row in _arm(arm, guaranteed=guaranteed)]


def _arm(arm: str, *, guaranteed: bool) -> list[Row]:
    template = scenery.new_buyer()
    rows = copies.rows_of(lambda: _order(template, guaranteed=guaranteed))

    def ours(times: int) -> Run:
        buyer = scenery.new_buyer()
        bodies = [scenery.order_body(buyer, guaranteed=guaranteed) for _ in range(times)]
        # The agent's webhook is known after its first order, as its token is.
        _order(buyer, guaranteed=guaranteed)
        return lambda: [scenery.call("create_media_buy", body, buyer.token) for body in bodies]

    def bare(times: int) -> Run:
        return partial(copies.insert_all, [copies.plan(rows) for _ in range(times)])

    require_same_writes(ours(1), bare(1))
    found = compare(ours=ours, bare=bare, repetitions=ORDERS, rounds=ROUNDS, clock=own_clock())
    counts = _statement_counts(guaranteed=guaranteed)
    return [
        at_most(
            4,
            f"create_media_buy, {arm} arm",
            found.ratio,
            3.0,
            baseline=f"the same {len(rows)} rows by bare ORM in one transaction",
            detail=found.in_words,
        ),
        at_most(
            4,
            f"create_media_buy, {arm} arm, statements",
            max(counts),
            12,
            detail=f"1 and {MANY_PACKAGES} packages: {counts}",
        ),
    ]


def _statement_counts(*, guaranteed: bool) -> list[int]:
    buyer = scenery.new_buyer()
    _order(buyer, guaranteed=guaranteed)
    return [
        len(statements(partial(_order, buyer, guaranteed=guaranteed, packages=size)))
        for size in (1, MANY_PACKAGES)
    ]


def _order(buyer: Buyer, **shape: Any) -> bytes:
    return scenery.call("create_media_buy", scenery.order_body(buyer, **shape), buyer.token)
