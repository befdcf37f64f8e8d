"""How many statements each call costs; a change of these numbers is a decision."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mediabuys.models import MediaBuy
from tests.protocol.conftest import Buyer, ask, guaranteed_order, make_buyer, order
from tests.trade.orders import give_creatives

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]


def statements(task: str, body: dict[str, Any], token: str | None) -> list[str]:
    """Return the statements of one successful call, savepoints left out."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = ask(task, body, token)
    assert answer.status == 200, answer.body
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


def test_a_poll_costs_a_token_and_a_task(buyer: Buyer) -> None:
    task_id = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body["task_id"]

    assert len(statements("get_task_status", {"task_id": task_id}, buyer.token)) == 2


def test_a_poll_with_a_remembered_token_costs_a_task(buyer: Buyer, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 5
    task_id = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body["task_id"]

    assert len(statements("get_task_status", {"task_id": task_id}, buyer.token)) == 1


def test_the_legacy_poll(buyer: Buyer) -> None:
    created = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body
    body = {"context_id": created["context_id"]}

    assert len(statements("create_media_buy_status", body, buyer.token)) == 2


def test_what_the_protocol_adds_to_an_order(buyer: Buyer) -> None:
    spent = statements("create_media_buy", order(buyer), buyer.token)

    assert [sql.split()[0] for sql in spent if "apitoken" in sql] == ["SELECT"]
    locked = [sql for sql in spent if "FOR UPDATE" in sql]
    assert [sql.count('publisher."name"') for sql in locked] == [1]
    records = [sql.split()[0] for sql in spent if "idempotencyrecord" in sql]
    assert records == ["INSERT", "UPDATE"]


@pytest.mark.parametrize(("make", "expected"), [(order, 11), (guaranteed_order, 11)])
@pytest.mark.parametrize("packages", [1, 8])
def test_an_order_costs_the_same_whatever_its_size(
    buyer: Buyer, make: Any, expected: int, packages: int
) -> None:
    body = make(buyer)
    body["packages"] *= packages

    assert len(statements("create_media_buy", body, buyer.token)) == expected


def test_a_replay_costs_four(buyer: Buyer) -> None:
    body = order(buyer)
    ask("create_media_buy", body, buyer.token)

    # token, account, insert that finds the key taken, the record
    assert len(statements("create_media_buy", body, buyer.token)) == 4


@pytest.mark.parametrize("mode", ["wholesale", "brief"])
def test_products_cost_the_same_whatever_their_number(mode: str) -> None:
    body = {"buying_mode": mode} | ({"brief": "outdoors"} if mode == "brief" else {})
    everything = len(statements("get_products", body, None))
    one = len(statements("get_products", body | {"pagination": {"max_results": 1}}, None))

    assert everything == one == {"wholesale": 10, "brief": 6}[mode]


def test_lists_cost_the_same_whatever_their_length(buyer: Buyer) -> None:
    counts = []
    for number in range(1, 3):
        ask("create_media_buy", guaranteed_order(buyer, number), buyer.token)
        make_buyer(buyer.account.publisher, f"other{number}")
        counts.append(
            [
                len(statements(task, {}, buyer.token))
                for task in ("list_tasks", "list_accounts", "list_creative_formats")
            ]
        )

    assert counts == [[3, 2, 3], [3, 2, 3]]


def test_buys_cost_the_same_whatever_their_number_and_size(buyer: Buyer) -> None:
    body = {"status_filter": ["pending_creatives"], "include_history": 10}
    costs = []
    for number, packages in ((1, 1), (2, 8), (3, 8)):
        wanted = order(buyer, number)
        wanted["packages"] *= packages
        created = ask("create_media_buy", wanted, buyer.token).body
        give_creatives(MediaBuy.objects.get(media_buy_id=created["media_buy_id"]))
        costs.append(len(statements("get_media_buys", body, buyer.token)))

    shown = ask("get_media_buys", body, buyer.token).body["media_buys"]
    assert [len(buy["packages"]) for buy in shown] == [8, 8, 1]
    assert all(package["creative_approvals"] for buy in shown for package in buy["packages"])
    # token, buys, accounts, packages, products, formats, assignments, history
    assert costs == [8, 8, 8]


def test_buys_with_everything_on_cost_eleven(buyer: Buyer) -> None:
    body = {
        "status_filter": ["pending_creatives"],
        "include_history": 10,
        "include_snapshot": True,
        "include_webhook_activity": True,
    }
    costs = []
    for number in (1, 2):
        wanted = order(buyer, number)
        wanted["packages"] *= number * 2
        ask("create_media_buy", wanted, buyer.token)
        costs.append(len(statements("get_media_buys", body, buyer.token)))

    # those eight, and snapshots, endpoints, activity
    assert costs == [11, 11]


def test_capabilities_cost_three() -> None:
    assert len(statements("get_adcp_capabilities", {}, None)) == 3
