"""Document 000's `create_media_buy`: the same order, answered as its status call answers."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from adcp_sales.protocol.models import IdempotencyRecord
from mediabuys.models import Account, AccountAccess, Booking, MediaBuy, Product
from mediabuys.states import AccountStatus
from tasks_hitl.models import Task
from tests.documents.examples import added, differences, example
from tests.people import Buyer, guaranteed_order, make_buyer, order_params
from tests.protocol.conftest import Answer, ask, row_counts
from tests.trade.orders import approve, reject, send_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

STATUS = "create_media_buy_status"
OLDER = {"idempotency_key": None, "account": None, "buyer_ref": "spring-2027"}


def create(buyer: Buyer, params: dict[str, Any]) -> Answer:
    return ask("create_media_buy", params, buyer.token, prefix="legacy")


def older_order(buyer: Buyer, **changes: Any) -> dict[str, Any]:
    """Return an order as older callers send it: no account, no key, its own name."""
    return _without_nulls({**order_params(buyer), **OLDER, **changes})


def older_guaranteed(buyer: Buyer, **changes: Any) -> dict[str, Any]:
    return _without_nulls({**guaranteed_order(buyer), **OLDER, **changes})


def _without_nulls(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def another_account(buyer: Buyer, **changes: Any) -> Account:
    """Give the agent access to a second account."""
    account = make_buyer("Second").account
    Account.objects.filter(pk=account.pk).update(**changes)
    AccountAccess.objects.create(account=account, principal=buyer.principal)
    return account


# What it answers


def test_an_order_that_needs_nobody_is_processing(buyer: Buyer) -> None:
    answer = create(buyer, older_order(buyer))

    shown = example(STATUS, "processing")
    assert answer.status == 200, answer.body
    assert differences(answer.body, shown) == []
    assert added(answer.body, shown) == set()
    assert answer.body["status"] == "processing"
    assert answer.headers["Retry-After"] == "2"
    assert MediaBuy.objects.get().context_id == answer.body["context_id"]


def test_an_order_that_waits_is_pending_manual(buyer: Buyer) -> None:
    answer = create(buyer, older_guaranteed(buyer))

    shown = example(STATUS, "pending_manual")
    assert differences(answer.body, shown) == []
    assert added(answer.body, shown) == set()
    assert answer.body["status"] == "pending_manual"
    assert answer.headers["Retry-After"] == "300"
    assert Task.objects.get().task_id == answer.body["task_id"]


def test_a_sandbox_order_is_completed_at_once(sandbox_buyer: Buyer) -> None:
    answer = create(sandbox_buyer, older_order(sandbox_buyer))

    shown = example(STATUS, "completed")
    assert differences(answer.body, shown) == []
    assert answer.body["status"] == "completed"
    assert answer.body["media_buy_id"] == MediaBuy.objects.get().media_buy_id


def test_its_context_id_is_what_the_status_call_wants(buyer: Buyer, approver: User) -> None:
    created = create(buyer, older_guaranteed(buyer)).body

    polled = ask(STATUS, {"context_id": created["context_id"]}, buyer.token, prefix="legacy")
    assert polled.body == created

    approve(Task.objects.get(), approver)
    polled = ask(STATUS, {"context_id": created["context_id"]}, buyer.token, prefix="legacy")
    assert polled.body["status"] == "processing"


def test_it_writes_what_the_strict_order_writes(buyer: Buyer, stranger: Buyer) -> None:
    before = row_counts()
    ask("create_media_buy", guaranteed_order(stranger), stranger.token)
    strict = {name: count - before[name] for name, count in row_counts().items()}
    before = row_counts()

    create(buyer, older_guaranteed(buyer))

    older = {name: count - before[name] for name, count in row_counts().items()}
    assert older == strict
    orders = list(MediaBuy.objects.order_by("pk").values("total_budget", "currency", "status"))
    assert orders[0] == orders[1]


def test_the_orders_reference_is_stored(buyer: Buyer) -> None:
    order = older_order(buyer)
    order["packages"][0]["buyer_ref"] = "line-7"

    create(buyer, order)

    buy = MediaBuy.objects.get()
    assert (buy.buyer_ref, buy.packages.get().buyer_ref) == ("spring-2027", "line-7")


# Accounts


def test_account_id_names_the_account(buyer: Buyer) -> None:
    account = another_account(buyer)

    answer = create(buyer, older_order(buyer, account_id=account.account_id))

    assert answer.status == 200, answer.body
    assert MediaBuy.objects.get().account == account


def test_without_an_account_it_is_the_callers_only_one(buyer: Buyer) -> None:
    another_account(buyer, status=AccountStatus.CLOSED)

    create(buyer, older_order(buyer))

    assert MediaBuy.objects.get().account == buyer.account


def test_without_an_account_and_with_several_it_is_refused(buyer: Buyer) -> None:
    another_account(buyer)
    before = row_counts()

    answer = create(buyer, older_order(buyer))

    assert (answer.status, answer.body["error"]["code"]) == (422, "ACCOUNT_AMBIGUOUS")
    assert answer.body["errors"][0]["field"] == "account_id"
    assert "list_accounts" in answer.body["error"]["suggestion"]
    assert row_counts() == before


def test_a_foreign_account_id_is_an_unknown_one(buyer: Buyer, stranger: Buyer) -> None:
    before = row_counts()

    foreign, unknown = (
        create(stranger, older_order(buyer, account_id=account_id))
        for account_id in (buyer.account.account_id, "acc_unknown")
    )

    assert foreign.raw == unknown.raw
    assert (foreign.status, foreign.body["error"]["code"]) == (404, "ACCOUNT_NOT_FOUND")
    assert foreign.body["errors"][0]["field"] == "account_id"
    assert row_counts() == before


@pytest.mark.parametrize("account_id", [7, "", "a" * 256, ["acc"], {"account_id": "acc"}])
def test_an_account_id_that_is_none(buyer: Buyer, account_id: Any) -> None:
    before = row_counts()

    answer = create(buyer, older_order(buyer, account_id=account_id))

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "account_id")
    assert row_counts() == before


def test_account_and_account_id_must_agree(buyer: Buyer) -> None:
    strict = {"account_id": buyer.account.account_id}
    before = row_counts()

    answer = create(buyer, older_order(buyer, account=strict, account_id="acc_other"))

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "account_id")
    assert row_counts() == before
    agreeing = older_order(buyer, account=strict, account_id=buyer.account.account_id)
    assert create(buyer, agreeing).status == 200


# The same order twice


def test_the_same_buyer_ref_is_the_same_order(buyer: Buyer) -> None:
    order = older_order(buyer)
    first = create(buyer, order)
    before = row_counts()

    second = create(buyer, order)

    assert second.body == {**first.body, "replayed": True}
    assert row_counts() == before


def test_another_order_under_the_same_buyer_ref_is_refused(buyer: Buyer) -> None:
    create(buyer, older_order(buyer))
    before = row_counts()

    answer = create(buyer, older_order(buyer, po_number="PO-2"))

    assert (answer.status, answer.body["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert answer.body["error"]["message"].startswith("This buyer_ref ")
    assert row_counts() == before


def test_a_buyer_ref_orders_once_even_when_its_key_is_forgotten(buyer: Buyer) -> None:
    first = create(buyer, older_order(buyer)).body
    IdempotencyRecord.objects.all().delete()
    before = row_counts()

    answer = create(buyer, older_order(buyer))

    assert (answer.status, answer.body["error"]["code"]) == (409, "CONFLICT")
    assert answer.body["errors"][0]["field"] == "buyer_ref"
    assert first["context_id"] in answer.body["error"]["suggestion"]
    assert row_counts() == before


def test_a_buyer_ref_is_free_again_when_its_order_was_declined(
    buyer: Buyer, approver: User
) -> None:
    create(buyer, older_guaranteed(buyer))
    reject(Task.objects.get(), approver)
    IdempotencyRecord.objects.all().delete()

    answer = create(buyer, older_guaranteed(buyer))

    assert answer.body["status"] == "pending_manual"
    assert MediaBuy.objects.count() == 2


def test_a_buyer_ref_is_the_agents_own(buyer: Buyer, stranger: Buyer) -> None:
    create(buyer, older_order(buyer))
    IdempotencyRecord.objects.all().delete()

    assert create(stranger, older_order(stranger)).body["status"] == "processing"


def test_an_order_sent_back_is_corrected_under_its_buyer_ref(buyer: Buyer, approver: User) -> None:
    first = create(buyer, older_guaranteed(buyer)).body
    send_back(Task.objects.get(), approver)

    corrected = older_guaranteed(buyer, context_id=first["context_id"], po_number="PO-2")
    answer = create(buyer, corrected)

    assert answer.body["status"] == "pending_manual", answer.body
    polled = ask(STATUS, {"context_id": first["context_id"]}, buyer.token, prefix="legacy")
    assert polled.body["error"]["code"] == "SUPERSEDED"


def test_an_order_without_any_name_is_a_new_one_each_time(buyer: Buyer) -> None:
    nameless = older_order(buyer, buyer_ref=None)

    contexts = {create(buyer, nameless).body["context_id"] for _ in range(2)}

    assert len(contexts) == MediaBuy.objects.count() == 2


def test_an_idempotency_key_is_honoured(buyer: Buyer) -> None:
    keyed = older_order(buyer, buyer_ref=None, idempotency_key="key-0000000000000009")

    contexts = {create(buyer, keyed).body["context_id"] for _ in range(2)}

    assert len(contexts) == MediaBuy.objects.count() == 1


# Refusals


def test_inventory_that_is_not_there_is_insufficient_inventory(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    catalog["run-of-site"].is_live = False
    catalog["run-of-site"].save()
    before = row_counts()

    answer = create(buyer, older_order(buyer))

    assert answer.body["adcp_error"]["code"] == "PRODUCT_UNAVAILABLE", answer.body
    assert answer.body["error"]["code"] == "INSUFFICIENT_INVENTORY"
    shown = example(STATUS, "failed")
    assert answer.body["message"] == shown["message"]
    assert answer.body["error"]["suggestion"] == shown["error"]["suggestion"]
    assert row_counts() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"packages": [{"product_id": "run-of-site"}]}, "packages[0].budget"),
        ({"buyer_ref": 7}, "buyer_ref"),
        ({"buyer_ref": "b" * 256}, "buyer_ref"),
        ({"start_time": "tomorrow"}, "start_time"),
    ],
)
def test_a_wrong_field_is_named(buyer: Buyer, changes: dict[str, Any], field: str) -> None:
    before = row_counts()

    answer = create(buyer, older_order(buyer, **changes))

    assert (answer.status, answer.body["status"]) == (400, "failed")
    assert answer.body["errors"][0]["field"] == field
    assert set(answer.body["error"]) == {"code", "message", "suggestion"}
    assert row_counts() == before


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_nobody_orders_without_a_token(buyer: Buyer, token: str | None) -> None:
    before = row_counts()

    answer = ask("create_media_buy", older_order(buyer), token, prefix="legacy")

    assert (answer.status, answer.body["status"]) == (401, "failed")
    assert answer.body["error"]["code"] == ("AUTH_INVALID" if token else "AUTH_MISSING")
    assert row_counts() == before


# What it costs


@pytest.mark.parametrize("packages", [1, 8])
def test_it_costs_the_strict_order_and_three_reads(buyer: Buyer, packages: int) -> None:
    order = older_order(buyer)
    order["packages"] *= packages

    with CaptureQueriesContext(connection) as captured:
        answer = create(buyer, order)

    assert answer.status == 200, answer.body
    spent = [row["sql"] for row in captured.captured_queries if "SAVEPOINT" not in row["sql"]]
    # as the strict order: the token's mark, and eleven; the only account, the name, the operation
    marks = [sql for sql in spent if sql.startswith('UPDATE "protocol_apitoken"')]
    assert len(spent) - len(marks) == 11 + 3


def test_a_booking_is_queued_once(buyer: Buyer) -> None:
    create(buyer, older_order(buyer))

    booking = Booking.objects.get()
    assert booking.next_attempt_at <= timezone.now() + timedelta(seconds=1)
