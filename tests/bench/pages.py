"""Id 3: a page of fifty buys against fifty bare single-row queries."""

from functools import partial
from typing import Any

from mediabuys.models import MediaBuy
from tests.bench import scenery
from tests.bench.measuring import Run, compare, own_clock
from tests.bench.rows import Row, at_most
from tests.bench.statements import statements

BUYS = 60
PAGE = 50
PACKAGES = 2
CALLS = 4
ROUNDS = 12


def measure() -> list[Row]:
    """Return the page's processor time, and its queries whatever the page."""
    buyer = scenery.new_buyer()
    buys = scenery.running_buys(buyer, number=BUYS, packages=PACKAGES)
    keys = [buy.pk for buy in buys[:PAGE]]

    def page(times: int) -> Run:
        return lambda: [_page(PAGE, buyer.token) for _ in range(times)]

    def bare(times: int) -> Run:
        return lambda: [MediaBuy.objects.get(pk=key) for _ in range(times) for key in keys]

    found = compare(ours=page, bare=bare, repetitions=CALLS, rounds=ROUNDS, clock=own_clock())
    counts = [len(statements(partial(_page, size, buyer.token))) for size in (1, 10, PAGE)]
    return [
        at_most(
            3,
            "get_media_buys, page of 50 with packages, creatives, history",
            found.ratio,
            1.0,
            baseline="50 bare single-row queries",
            detail=f"{found.in_words}; {PACKAGES} packages a buy, a creative each",
        ),
        at_most(
            3,
            "get_media_buys, queries",
            max(counts),
            12,
            detail=f"pages of 1, 10 and {PAGE}: {counts}",
        ),
    ]


def _page(size: int, token: str) -> bytes:
    body: dict[str, Any] = {
        "status_filter": ["pending_creatives", "pending_start", "active"],
        "include_history": 10,
        "include_snapshot": True,
        "pagination": {"max_results": size},
    }
    return scenery.call("get_media_buys", body, token)
