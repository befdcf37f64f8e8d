"""What each field of create_media_buy costs in statements; a change of a number is a decision."""

from decimal import Decimal
from typing import Any

import pytest

from mediabuys.models import Product
from tests.people import Buyer, make_buyer, make_product, make_rules
from tests.protocol.test_query_counts import statements
from tests.trade.proposals import make_committed_proposal

pytestmark = pytest.mark.django_db

PLAIN = 11
AUTHENTICATION = {"schemes": ["Bearer"], "credentials": "c" * 32}
HOOK = {"url": "https://buyer.example/", "authentication": AUTHENTICATION}
FREE: dict[str, Any] = {
    "plan_id": "plan",
    "po_number": "PO-1",
    "buyer_ref": "b1",
    "campaign_ref": "c1",
    "governance_context": "token",
    "invoice_recipient": {
        "legal_name": "Acme",
        "bank": {"account_holder": "Acme", "iban": "DE89370400440532013000"},
    },
    "context": {"a": 1},
    "ext": {"b": 2},
}


@pytest.fixture
def products(publisher: Any) -> list[Product]:
    make_rules()
    return [make_product(f"product-{number}", price=Decimal(5)) for number in range(8)]


@pytest.fixture
def caller(products: list[Product]) -> Buyer:
    return make_buyer("Pinnacle")


def cost(buyer: Buyer, products: list[Product], key: str = "k" * 16, **changes: Any) -> int:
    body: dict[str, Any] = {
        "idempotency_key": key,
        "account": {"account_id": buyer.account.account_id},
        "brand": {"domain": "acmeoutdoor.example"},
        "start_time": "2031-01-01T00:00:00Z",
        "end_time": "2031-02-01T00:00:00Z",
        **changes,
    }
    if "proposal_id" not in body:
        body["packages"] = [
            {"product_id": product.product_id, "pricing_option_id": "usd", "budget": 1000}
            for product in products
        ]
    return len(statements("create_media_buy", body, buyer.token))


@pytest.mark.parametrize("number", [1, 8])
def test_fields_of_the_order_itself_cost_nothing(
    caller: Buyer, products: list[Product], number: int
) -> None:
    # the token's first use is one more, and is noted once an hour
    cost(caller, products[:1], "first-key-of-this-hour")

    assert cost(caller, products[:number]) == PLAIN
    assert cost(caller, products[:number], "j" * 16, **FREE) == PLAIN


@pytest.mark.parametrize("number", [1, 8])
def test_a_webhook_costs_its_destination_and_its_row(
    caller: Buyer, products: list[Product], number: int
) -> None:
    cost(caller, products[:1], "first-key-of-this-hour")
    some = products[:number]
    reports = {**HOOK, "reporting_frequency": "daily"}
    artifacts = {**HOOK, "delivery_mode": "realtime"}

    assert cost(caller, some, "k" * 17, push_notification_config=HOOK) == PLAIN + 1
    assert cost(caller, some, "k" * 18, reporting_webhook=reports) == PLAIN + 2
    assert cost(caller, some, "k" * 19, artifact_webhook=artifacts) == PLAIN + 2


@pytest.mark.parametrize("number", [1, 8])
def test_a_proposal_costs_the_same_whatever_its_size(
    caller: Buyer, products: list[Product], number: int
) -> None:
    cost(caller, products[:1], "first-key-of-this-hour")
    proposal = make_committed_proposal(
        principal=caller.principal, account=caller.account, products=products[:number]
    )

    spent = cost(
        caller,
        products,
        proposal_id=proposal.proposal_id,
        total_budget={"amount": 1000, "currency": "USD"},
        io_acceptance={
            "io_id": proposal.io_id,
            "accepted_at": proposal.committed_at.isoformat() if proposal.committed_at else "",
            "signatory": "Jo",
        },
    )

    # the proposal locked and its allocations, instead of the catalog; its move and its history
    assert spent == PLAIN + 3
