"""Id 5: the thousandth page of buys against the first, at three sizes of the table."""

import json
import time
from typing import Any

from django.utils import timezone

from adcp_sales.protocol.cursors import cursor_encode
from adcp_sales.protocol.registry import Call
from mediabuys.models import MediaBuy
from tests.bench import scenery
from tests.bench.copies_of_buys import copy_buys, more_accounts, tidy
from tests.bench.measuring import MILLISECONDS, Run, compare, own_clock
from tests.bench.rows import Row, at_most
from tests.people import Buyer

SIZES = (10_000, 100_000, 1_000_000)
PAGE = 6
DEEP = 1000
WANTED = ["pending_creatives", "pending_start", "active", "paused"]
CALLS = 20
ROUNDS = 10

TIMED_AT = 100_000
TIMED_PAGE = 50
TIMED_CALLS = 200
LIMIT_MILLISECONDS = 1000


def measure() -> list[Row]:
    """Return the ratio at each size, and the time of a full page at the middle one."""
    buyer = scenery.new_buyer()
    (template,) = scenery.running_buys(buyer, number=1, packages=1)
    accounts = more_accounts(buyer)
    rows, made = [], 0
    for size in SIZES:
        copy_buys(template, first=made + 1, last=size, accounts=accounts)
        tidy()
        made = size
        rows.append(_ratio(buyer, size))
        if size == TIMED_AT:
            rows.append(_slowest(buyer))
    return rows


def _ratio(buyer: Buyer, size: int) -> Row:
    cursor = _cursor(buyer)
    _require_full(_page(buyer, PAGE, cursor))

    def deep(times: int) -> Run:
        return lambda: [_page(buyer, PAGE, cursor) for _ in range(times)]

    def first(times: int) -> Run:
        return lambda: [_page(buyer, PAGE) for _ in range(times)]

    found = compare(ours=deep, bare=first, repetitions=CALLS, rounds=ROUNDS, clock=own_clock())
    return at_most(
        5,
        f"get_media_buys, page {DEEP:,} of {size:,} buys",
        found.ratio,
        1.2,
        baseline="the first page",
        detail=f"{found.in_words}; pages of {PAGE}, five accounts, four statuses",
    )


def _require_full(page: bytes) -> None:
    """Raise RuntimeError unless the page is full: a short one would be measured as a fast one."""
    number = len(json.loads(page)["media_buys"])
    if number != PAGE:
        raise RuntimeError(f"A page has {number} buys, and not {PAGE}.")


def _slowest(buyer: Buyer) -> Row:
    spent = []
    for _ in range(TIMED_CALLS):
        started = time.perf_counter()
        _page(buyer, TIMED_PAGE)
        spent.append((time.perf_counter() - started) * MILLISECONDS)
    return at_most(
        5,
        f"get_media_buys, page of {TIMED_PAGE} of {TIMED_AT:,}, 95th percentile, milliseconds",
        sorted(spent)[TIMED_CALLS * 95 // 100],
        LIMIT_MILLISECONDS,
        detail=f"{TIMED_CALLS} pages with history, snapshots and activity, wall time",
    )


def _body(size: int) -> dict[str, Any]:
    return {
        "status_filter": WANTED,
        "include_history": 10,
        "include_snapshot": True,
        "include_webhook_activity": True,
        "pagination": {"max_results": size},
    }


def _cursor(buyer: Buyer) -> str:
    """Return what the page before the deep one answers as its cursor, without walking there."""
    last = MediaBuy.objects.filter(account__accesses__principal=buyer.principal, status__in=WANTED)
    skipped = PAGE * (DEEP - 1)
    key = last.order_by("-pk").values_list("pk", flat=True)[skipped - 1]
    call = Call(
        task="get_media_buys",
        called_as="get_media_buys",
        params=_body(PAGE),
        principal=buyer.principal,
        account=None,
        now=timezone.now(),
    )
    return cursor_encode(call, key)


def _page(buyer: Buyer, size: int, cursor: str | None = None) -> bytes:
    body = _body(size)
    if cursor is not None:
        body["pagination"]["cursor"] = cursor
    return scenery.call("get_media_buys", body, buyer.token)
