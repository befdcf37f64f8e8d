"""list_accounts and sync_accounts."""

from typing import Any

import pytest

from mediabuys.models import Account, AccountAccess
from tests.protocol.conftest import KEY, Answer, Buyer, ask, row_counts

pytestmark = pytest.mark.django_db


def entry(**changes: Any) -> dict[str, Any]:
    provisioned = {
        "brand": {"domain": "nova.example"},
        "operator": "pinnacle.example",
        "billing": "operator",
    }
    return {key: value for key, value in (provisioned | changes).items() if value is not None}


def sync(buyer: Buyer, *entries: dict[str, Any], number: int = 1, **fields: Any) -> Answer:
    body = {"idempotency_key": KEY.format(number), "accounts": list(entries)} | fields
    return ask("sync_accounts", body, buyer.token)


def test_a_new_brand_gets_an_active_account_that_can_be_used(buyer: Buyer) -> None:
    result = sync(buyer, entry(payment_terms="net_45")).body["accounts"][0]

    account = Account.objects.get(account_id=result["account_id"])
    assert result["action"] == "created"
    assert result["status"] == "active"
    assert result["payment_terms"] == "net_45"
    assert account.owner == buyer.principal
    listed = ask("list_accounts", {"account": {"account_id": account.account_id}}, buyer.token)
    assert [item["account_id"] for item in listed.body["accounts"]] == [account.account_id]


def test_the_natural_key_names_one_account_and_sandbox_another(buyer: Buyer) -> None:
    first = sync(buyer, entry(), number=1).body["accounts"][0]
    again = sync(buyer, entry(), number=2).body["accounts"][0]
    sandbox = sync(buyer, entry(sandbox=True), number=3).body["accounts"][0]

    assert again["account_id"] == first["account_id"]
    assert again["action"] == "unchanged"
    assert sandbox["account_id"] != first["account_id"]
    assert (sandbox["action"], sandbox["sandbox"]) == ("created", True)


def test_settings_are_updated_by_reference(buyer: Buyer) -> None:
    reference = {"account_id": buyer.account.account_id}
    entity = {
        "legal_name": "Acme Outdoor Ltd",
        "bank": {"account_holder": "Acme", "iban": "DE89370400440532013000"},
    }

    result = sync(buyer, {"account": reference, "billing_entity": entity}).body["accounts"][0]

    buyer.account.refresh_from_db()
    assert result["action"] == "updated"
    assert buyer.account.billing_entity == {"legal_name": "Acme Outdoor Ltd"}
    assert result["billing_entity"] == {"legal_name": "Acme Outdoor Ltd"}
    assert result["warnings"] == [
        "Bank details are not kept here; the publisher's finance team asks for them."
    ]


def test_one_failing_entry_leaves_the_others(buyer: Buyer) -> None:
    results = sync(
        buyer, entry(), entry(brand={"domain": "b.example"}, billing="agent"), entry(sandbox=True)
    ).body["accounts"]

    assert [result["action"] for result in results] == ["created", "failed", "created"]
    assert results[1]["status"] == "rejected"
    assert Account.objects.filter(owner=buyer.principal).count() == 3


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        (entry(billing="agent"), "BILLING_NOT_SUPPORTED", "billing"),
        (entry(payment_terms="net_15"), "PAYMENT_TERMS_NOT_SUPPORTED", "payment_terms"),
        ({"account": {"account_id": "acc_0"}}, "ACCOUNT_NOT_FOUND", "account"),
        (
            {"account": {"brand": {"domain": "x.example"}, "operator": "x.example"}},
            "UNSUPPORTED_PROVISIONING",
            "account",
        ),
        (
            entry(
                notification_configs=[
                    {
                        "subscriber_id": "s1",
                        "url": "https://buyer.example/hook",
                        "event_types": ["creative.status_changed"],
                    }
                ]
            ),
            "UNSUPPORTED_FEATURE",
            "notification_configs",
        ),
    ],
)
def test_an_entry_that_cannot_be_done(
    buyer: Buyer, wrong: dict[str, Any], code: str, field: str
) -> None:
    before = row_counts()

    answer = sync(buyer, wrong)

    result = answer.body["accounts"][0]
    assert answer.status == 200
    assert (result["action"], result["status"]) == ("failed", "rejected")
    assert [(error["code"], error["field"]) for error in result["errors"]] == [(code, field)]
    assert "account_id" not in result
    assert row_counts() == before | {"protocol.IdempotencyRecord": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        entry(brand=None),
        entry(operator=None),
        entry(billing=None),
        entry(operator="Not a domain"),
        entry() | {"account": {"account_id": "acc_0"}},
        {},
    ],
)
def test_an_entry_of_neither_shape_refuses_the_request(buyer: Buyer, wrong: Any) -> None:
    before = row_counts()

    answer = sync(buyer, entry(), wrong)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"].startswith("accounts[1]")
    assert row_counts() == before


def test_a_dry_run_tells_and_writes_nothing(buyer: Buyer) -> None:
    before = row_counts()

    body = sync(buyer, entry(), dry_run=True).body

    assert body["dry_run"] is True
    assert body["accounts"][0]["action"] == "created"
    assert "account_id" not in body["accounts"][0]
    assert row_counts() == before | {"protocol.IdempotencyRecord": 1}


@pytest.mark.parametrize(
    "unsupported",
    [
        {"delete_missing": True},
        {"push_notification_config": {"url": "https://buyer.example/hook"}},
    ],
)
def test_what_is_not_offered_is_refused_as_a_whole(
    buyer: Buyer, unsupported: dict[str, Any]
) -> None:
    before = row_counts()

    answer = sync(buyer, entry(), **unsupported)

    assert answer.error["code"] == "UNSUPPORTED_FEATURE"
    assert [answer.error["field"]] == list(unsupported)
    assert row_counts() == before


def test_the_list_holds_what_the_agent_may_use(buyer: Buyer, stranger: Buyer) -> None:
    # given access to an account that another agent owns
    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)

    body = ask("list_accounts", {}, buyer.token).body

    assert [item["account_id"] for item in body["accounts"]] == [
        buyer.account.account_id,
        stranger.account.account_id,
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "suspended"}, ["b"]),
        ({"sandbox": True}, ["c"]),
        ({"sandbox": False}, ["pinnacle", "a", "b"]),
    ],
)
def test_list_filters(buyer: Buyer, filters: dict[str, Any], expected: list[str]) -> None:
    for name in ("a", "b", "c"):
        sync(buyer, entry(operator=f"{name}.example", sandbox=name == "c"), number=ord(name))
    Account.objects.filter(operator_domain="b.example").update(status="suspended")

    body = ask("list_accounts", filters, buyer.token).body

    assert [item["operator"].removesuffix(".example") for item in body["accounts"]] == expected


def test_pages_walk_the_list_once(buyer: Buyer) -> None:
    sync(buyer, *(entry(operator=f"o{number}.example") for number in range(4)))
    seen: list[str] = []
    pagination: dict[str, Any] = {"max_results": 2}
    while True:
        body = ask("list_accounts", {"pagination": pagination}, buyer.token).body
        seen += [item["operator"] for item in body["accounts"]]
        if not body["pagination"]["has_more"]:
            break
        pagination = pagination | {"cursor": body["pagination"]["cursor"]}

    assert seen == ["pinnacle.example", *(f"o{number}.example" for number in range(4))]
