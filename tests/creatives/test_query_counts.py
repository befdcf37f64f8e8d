"""How many statements a sync and a page cost; a change of these numbers is a decision."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mediabuys.models import MediaBuy
from tests.creatives.library import call, item, sync, sync_body, wish
from tests.people import Buyer
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def statements(task: str, body: dict[str, Any], buyer: Buyer) -> list[str]:
    """Return the statements of one successful call.

    Without savepoints, and without the note of when the token was last used, which is not made
    at every call.
    """
    with CaptureQueriesContext(connection) as captured:
        status, answer = call(task, body, buyer)
    assert status == 200, answer
    left_out = ("SAVEPOINT", 'UPDATE "protocol_apitoken"')
    texts = [query["sql"] for query in captured.captured_queries]
    return [text for text in texts if not any(words in text for words in left_out)]


@pytest.mark.parametrize("number", [1, 40])
def test_a_first_sync_costs_the_same_whatever_its_size(buyer: Buyer, number: int) -> None:
    body = sync_body(buyer, *[item(f"banner-{index}") for index in range(number)])

    # token, account, key, creatives, formats, insert, history, buys, answer
    assert len(statements("sync_creatives", body, buyer)) == 9


@pytest.mark.parametrize("number", [1, 40])
def test_an_update_costs_the_same_whatever_its_size(buyer: Buyer, number: int) -> None:
    sync(buyer, *[item(f"banner-{index}") for index in range(number)])
    body = sync_body(buyer, *[item(f"banner-{index}", name="New") for index in range(number)])

    # as above, with an update for the insert, and a look at the deadlines
    assert len(statements("sync_creatives", body, buyer)) == 10


@pytest.mark.parametrize("number", [1, 40])
def test_assignments_cost_by_the_buy_and_not_by_the_creative(buyer: Buyer, number: int) -> None:
    buy: MediaBuy = booked_buy(buyer, packages=[LINE, LINE])
    package_id = buy.packages.order_by("position")[0].package_id
    names = [f"banner-{index}" for index in range(number)]
    body = sync_body(
        buyer,
        *[item(name) for name in names],
        assignments=[wish(name, package_id) for name in names],
    )

    # the sync's 9; packages, formats, assignments; insert, buy, event; is the buy ready: 2; the ad
    # server is to be told
    assert len(statements("sync_creatives", body, buyer)) == 19


@pytest.mark.parametrize("number", [1, 40])
def test_a_page_costs_the_same_whatever_its_length(
    buyer: Buyer, buy: MediaBuy, number: int
) -> None:
    names = [f"banner-{index}" for index in range(number)]
    package_id = buy.packages.get().package_id
    sync(
        buyer,
        *[item(name) for name in names],
        assignments=[wish(name, package_id) for name in names],
    )

    # token, counts, page, assignments
    assert len(statements("list_creatives", {}, buyer)) == 4
