"""How the database finds a page of buys: along one index, never by sorting all there are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mediabuys.selectors.buys import media_buy_page
from tests.bench.copies_of_buys import STATUSES, copy_buys, more_accounts
from tests.people import Buyer
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db

BUYS = 3000
PAGE = 10


@pytest.fixture
def accounts(buyer: Buyer) -> list[int]:
    """Five accounts of one agent with thousands of buys in turn."""
    found = more_accounts(buyer)
    copy_buys(booked_buy(buyer), first=1, last=BUYS, accounts=found)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mediabuys_mediabuy")
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def reads_of_buys(sql: str) -> list[dict[str, Any]]:
    """Run the query and return what of its plan touched the table of buys."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (found,) = cursor.fetchone()
    plan = json.loads(found)[0]["Plan"] if isinstance(found, str) else found[0]["Plan"]
    return [node for node in nodes(plan) if node.get("Relation Name") == "mediabuys_mediabuy"]


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("depth", [0, 150])
def test_a_page_reads_no_more_than_a_page_of_each_account_and_status(
    buyer: Buyer, depth: int
) -> None:
    # given an agent with five accounts that asks for five statuses
    def page(after: int | None) -> Any:
        return media_buy_page(
            principal=buyer.principal, account=None, media_buy_ids=None, statuses=STATUSES,
            after=after, limit=PAGE,
        )  # fmt: skip

    newest = page(None).buys[0].pk
    after = newest - depth * PAGE if depth else None
    with CaptureQueriesContext(connection) as captured:
        found = page(after)

    reads = reads_of_buys(captured.captured_queries[0]["sql"])

    assert [buy.pk for buy in found.buys] == sorted((buy.pk for buy in found.buys), reverse=True)
    assert len(found.buys) == PAGE
    assert {read["Node Type"] for read in reads} <= {"Index Scan", "Index Only Scan"}
    assert "media_buy_page" in {read["Index Name"] for read in reads}
    touched = sum(read["Actual Rows"] * read["Actual Loops"] for read in reads)
    assert touched <= 25 * (PAGE + 1) + (PAGE + 1)
