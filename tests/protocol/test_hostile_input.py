"""Input that is well formed and meant to hurt: a typed refusal, and no work beyond its size."""

from time import process_time
from typing import Any

import pytest

from mediabuys.asks import ask_read
from mediabuys.models import Product
from tests.protocol.conftest import Buyer, ask, order, row_counts
from tests.trade.proposals import make_committed_proposal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]

LONG_DOMAIN = ".".join(["a" * 50] * 6)


@pytest.mark.parametrize("prefix", ["adcp", "legacy"])
@pytest.mark.parametrize(
    ("brand", "field"),
    [
        ({"domain": LONG_DOMAIN}, "brand.domain"),
        ({"domain": "acme.example", "brand_id": "b" * 101}, "brand.brand_id"),
    ],
)
def test_a_brand_that_no_column_holds_is_refused_where_it_stands(
    buyer: Buyer, brand: dict[str, Any], field: str, prefix: str
) -> None:
    before = row_counts()

    answer = ask("create_media_buy", order(buyer, brand=brand), buyer.token, prefix=prefix)

    assert (answer.status, answer.body["adcp_error"]["code"]) == (400, "INVALID_REQUEST")
    assert answer.body["adcp_error"]["field"] == field
    assert row_counts() == before


def test_a_brief_for_a_brand_that_no_column_holds_proposes_nothing(buyer: Buyer) -> None:
    before = row_counts()
    body = {"buying_mode": "brief", "brief": "outdoors", "brand": {"domain": LONG_DOMAIN}}

    answer = ask("get_products", body, buyer.token)

    assert (answer.status, answer.error["field"]) == (400, "brand.domain")
    assert row_counts() == before


def test_the_first_number_beyond_what_json_can_say_is_refused(buyer: Buyer) -> None:
    before = row_counts()

    answer = ask("create_media_buy", order(buyer, ext={"number": 2**53}), buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert row_counts() == before


@pytest.mark.parametrize("words", [" " * 1999 + "x", "1" * 1999 + "x"])
def test_a_long_ask_costs_no_more_than_its_length(words: str) -> None:
    started = process_time()

    for _ in range(50):
        ask_read(words)

    # The square of its length was four seconds and more.
    assert process_time() - started < 1


def test_a_budget_that_rounds_to_nothing_is_not_recommended(buyer: Buyer) -> None:
    body = {"buying_mode": "brief", "brief": "people who spend weekends outdoors"}
    offered = ask("get_products", body, buyer.token).body["proposals"][0]
    entry = {"scope": "proposal", "proposal_id": offered["proposal_id"], "action": "include"}

    answer = ask(
        "get_products",
        {"buying_mode": "refine", "refine": [{**entry, "ask": "budget 0.001 usd"}]},
        buyer.token,
    )

    assert answer.body["refinement_applied"][0]["status"] == "unable"
    assert answer.body["proposals"][0].get("total_budget_guidance") == offered.get(
        "total_budget_guidance"
    )


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"],
)
def test_a_moment_in_no_year_is_refused_where_it_stands(buyer: Buyer, moment: str) -> None:
    committed = make_committed_proposal(
        principal=buyer.principal,
        account=None,
        products=[*Product.objects.filter(channels=["ctv"])],
    )
    acceptance = {"io_id": committed.io_id, "accepted_at": moment, "signatory": "Acme"}
    body = order(
        buyer,
        proposal_id=committed.proposal_id,
        total_budget={"amount": 1000, "currency": "USD"},
        io_acceptance=acceptance,
    )
    del body["packages"]
    before = row_counts()

    answer = ask("create_media_buy", body, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "io_acceptance.accepted_at"
    assert row_counts() == before
