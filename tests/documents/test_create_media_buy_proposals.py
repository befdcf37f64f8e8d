"""Document 002, the request of create_media_buy: a proposal executed, and its insertion order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from mediabuys.models import (
    Account,
    MediaBuy,
    Package,
    PricingOption,
    Product,
    Proposal,
    ProposalEvent,
)
from mediabuys.pricing import minor_unit
from mediabuys.proposal_execution import allocated
from mediabuys.states import ProposalStatus
from tasks_hitl.models import Task
from tasks_hitl.services import book, tasks_expire
from tests.people import Buyer, make_account, make_product, order_params
from tests.protocol.conftest import Answer, ask, in_thread, row_counts
from tests.trade.orders import approve, book_order, reject, send_back
from tests.trade.proposals import make_committed_proposal, make_draft_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(catalog: dict[str, Product]) -> Product:
    return make_product("sports-section", price=Decimal("8.00"), rate_card=Decimal("9.00"))


def committed(buyer: Buyer, *products: Product, **arguments: Any) -> Proposal:
    """Return a committed proposal for the buyer's account, in thirds unless told."""
    proposal = make_committed_proposal(
        principal=buyer.principal,
        account=buyer.account,
        products=list(products),
        weights=[1, 2][: len(products)],
        **arguments,
    )
    return changed(proposal, minimum_budget=Decimal(100), maximum_budget=Decimal(9000))


def changed(proposal: Proposal, **values: Any) -> Proposal:
    Proposal.objects.filter(pk=proposal.pk).update(**values)
    return Proposal.objects.get(pk=proposal.pk)


def execution(buyer: Buyer, proposal: Proposal | str, **changes: Any) -> dict[str, Any]:
    """Return a body that orders the proposal for $1,000, without packages."""
    proposal_id = proposal if isinstance(proposal, str) else proposal.proposal_id
    body = order_params(
        buyer,
        **{
            "proposal_id": proposal_id,
            "total_budget": {"amount": 1000, "currency": "USD"},
            **changes,
        },
    )
    if "packages" not in changes:
        del body["packages"]
    return body


def order(buyer: Buyer, proposal: Proposal | str, **changes: Any) -> Answer:
    return ask("create_media_buy", execution(buyer, proposal, **changes), buyer.token)


def refused(
    buyer: Buyer, proposal: Proposal | str, code: str, field: str, **changes: Any
) -> Answer:
    """Order and check that the refusal has code and field, a suggestion, and left no trace."""
    before = row_counts()
    answer = order(buyer, proposal, **changes)
    assert (answer.error["code"], answer.error["field"]) == (code, field), answer.body
    assert answer.error["recovery"] == "correctable"
    assert answer.error["suggestion"]
    assert row_counts() == before
    return answer


def test_a_proposal_with_a_total_budget_becomes_packages(
    buyer: Buyer, catalog: dict[str, Product], second: Product
) -> None:
    proposal = committed(buyer, catalog["run-of-site"], second)

    answer = order(buyer, proposal)

    assert answer.status == 200, answer.body
    assert [
        (line["product_id"], line["pricing_option_id"], line["budget"])
        for line in answer.body["packages"]
    ] == [("run-of-site", "usd", 333.33), ("sports-section", "usd", 666.67)]
    assert answer.body["total_budget"] == 1000
    buy = MediaBuy.objects.get()
    assert buy.proposal == proposal
    assert Proposal.objects.get().status == ProposalStatus.ORDERED
    last = ProposalEvent.objects.last()
    assert last is not None
    assert (last.action, last.summary) == ("ordered", f"Ordered as {buy.reference}")


@given(
    amount=st.integers(1, 10**12),
    weights=st.lists(st.integers(1, 10**6), min_size=1, max_size=12),
    currency=st.sampled_from(["JPY", "USD", "EUR", "KWD"]),
)
@example(amount=1, weights=[1, 1, 1], currency="JPY")
def test_allocation_is_exact_for_any_shares(amount: int, weights: list[int], currency: str) -> None:
    unit = minor_unit(currency)
    total = amount * unit
    whole = sum(weights)
    shares = [Decimal(weight) * 100 / whole for weight in weights]

    parts = allocated(total, shares, currency)

    assert sum(parts) == total
    assert all(part == part.quantize(unit) and part >= 0 for part in parts)
    # the last share takes what rounding down left, and no other is a whole unit away from its own
    slack = Decimal("1e-9") * total
    for part, weight in zip(parts[:-1], weights[:-1], strict=True):
        exact = total * weight / whole
        assert exact - unit - slack <= part <= exact + slack
    assert parts[-1] >= total * weights[-1] / whole - slack


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("100", "USD", ["33.33", "33.33", "33.34"]),
        ("100", "JPY", ["33", "33", "34"]),
        ("100", "KWD", ["33.333", "33.333", "33.334"]),
    ],
)
def test_the_remainder_goes_to_the_last_package(
    amount: str, currency: str, expected: list[str]
) -> None:
    shares = [Decimal("33.3333"), Decimal("33.3333"), Decimal("33.3334")]

    assert [str(part) for part in allocated(Decimal(amount), shares, currency)] == expected


def test_a_committed_price_stands_when_the_catalog_changes(
    buyer: Buyer, catalog: dict[str, Product], second: Product
) -> None:
    # given a proposal whose product has become dearer, with a minimum, since it was committed
    proposal = committed(buyer, second)
    PricingOption.objects.filter(product=second).update(
        fixed_price=Decimal(99), min_spend_per_package=Decimal(5000)
    )

    answer = order(buyer, proposal)

    assert answer.status == 200, answer.body
    package = Package.objects.get()
    assert (package.unit_price, package.rate_card_price) == (Decimal("8.0000"), Decimal("9.0000"))


def test_an_unknown_and_a_foreign_proposal_answer_alike(
    buyer: Buyer, stranger: Buyer, catalog: dict[str, Product]
) -> None:
    # given a stranger's proposal, one for another account of ours, and one that was withdrawn
    product = catalog["run-of-site"]
    foreign = committed(stranger, product)
    other = make_account(buyer.principal, brand_domain="other.example")
    elsewhere = make_committed_proposal(
        principal=buyer.principal, account=other, products=[product]
    )
    withdrawn = changed(committed(buyer, product), status=ProposalStatus.WITHDRAWN)

    answers = [
        refused(buyer, proposal, "PROPOSAL_NOT_FOUND", "proposal_id")
        for proposal in ("prop_nothing", foreign, elsewhere, withdrawn)
    ]

    assert {answer.status for answer in answers} == {404}
    assert len({answer.raw for answer in answers}) == 1


def test_an_expired_proposal_cannot_be_ordered(buyer: Buyer, catalog: dict[str, Product]) -> None:
    proposal = changed(
        committed(buyer, catalog["run-of-site"]), expires_at=timezone.now() - timedelta(seconds=1)
    )

    refused(buyer, proposal, "PROPOSAL_EXPIRED", "proposal_id")


def test_a_draft_cannot_be_ordered(buyer: Buyer, catalog: dict[str, Product]) -> None:
    draft = make_draft_proposal(
        principal=buyer.principal, account=buyer.account, products=[catalog["run-of-site"]]
    )

    refused(buyer, draft, "PROPOSAL_NOT_COMMITTED", "proposal_id")


def test_a_proposal_is_ordered_once(buyer: Buyer, catalog: dict[str, Product]) -> None:
    proposal = committed(buyer, catalog["run-of-site"])
    body = execution(buyer, proposal)
    first = ask("create_media_buy", body, buyer.token)

    second = refused(
        buyer, proposal, "INVALID_STATE", "proposal_id", idempotency_key="another-key-0001"
    )

    assert second.status == 409
    again = ask("create_media_buy", body, buyer.token)
    assert again.body == first.body | {"replayed": True}


def test_a_product_that_went_off_sale_is_the_proposals_fault(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])
    Product.objects.update(is_live=False)

    refused(buyer, proposal, "PRODUCT_UNAVAILABLE", "proposal_id")


def test_total_budget_is_required_with_a_proposal(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])
    body = execution(buyer, proposal)
    del body["total_budget"]
    before = row_counts()

    answer = ask("create_media_buy", body, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "total_budget"
    assert row_counts() == before


WRONG_TOTALS: list[tuple[dict[str, Any], str, str]] = [
    ({"amount": 1000}, "INVALID_REQUEST", "total_budget.currency"),
    ({"currency": "USD"}, "INVALID_REQUEST", "total_budget.amount"),
    ({"amount": -1, "currency": "USD"}, "INVALID_REQUEST", "total_budget.amount"),
    ({"amount": 1000, "currency": "EUR"}, "INVALID_REQUEST", "total_budget.currency"),
    ({"amount": 1000, "currency": "usd"}, "INVALID_REQUEST", "total_budget.currency"),
    ({"amount": 99.99, "currency": "USD"}, "BUDGET_TOO_LOW", "total_budget.amount"),
    ({"amount": 0, "currency": "USD"}, "BUDGET_TOO_LOW", "total_budget.amount"),
    ({"amount": 9000.01, "currency": "USD"}, "INVALID_REQUEST", "total_budget.amount"),
    ({"amount": 1e15, "currency": "USD"}, "INVALID_REQUEST", "total_budget.amount"),
]


def test_a_total_budget_that_the_proposal_is_not_for(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])

    for total, code, field in WRONG_TOTALS:
        answer = refused(buyer, proposal, code, field, total_budget=total)

        low = {"minimum_budget": 100, "currency": "USD"}
        assert answer.error.get("details") == (low if code == "BUDGET_TOO_LOW" else None)


def test_a_share_too_small_to_pay_is_refused(
    buyer: Buyer, catalog: dict[str, Product], second: Product
) -> None:
    proposal = changed(committed(buyer, catalog["run-of-site"], second), minimum_budget=0)

    answer = refused(
        buyer,
        proposal,
        "BUDGET_TOO_LOW",
        "total_budget.amount",
        total_budget={"amount": 0.02, "currency": "USD"},
    )

    assert answer.error["details"] == {"minimum_budget": 0.04, "currency": "USD"}


DERIVED = [
    {"product_id": "sports-section", "pricing_option_id": "usd", "budget": 666.67},
    {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 333.33},
]


def test_packages_equal_to_the_proposals_are_accepted_with_their_extra_fields(
    buyer: Buyer, catalog: dict[str, Product], second: Product
) -> None:
    # given the derived packages in another order, and more said about each
    proposal = committed(buyer, catalog["run-of-site"], second)
    extra = {
        "pacing": "front_loaded",
        "context": {"line": "a"},
        "targeting_overlay": {"geo_countries": ["US"]},
        "format_ids": [{"agent_url": "http://127.0.0.1:8000", "id": "display_main"}],
    }

    answer = order(buyer, proposal, packages=[{**DERIVED[0], **extra}, DERIVED[1]])

    assert answer.status == 200, answer.body
    lines = answer.body["packages"]
    assert [line["product_id"] for line in lines] == ["sports-section", "run-of-site"]
    assert [line["budget"] for line in lines] == [666.67, 333.33]
    assert lines[0]["pacing"] == "front_loaded"
    assert lines[0]["context"] == {"line": "a"}
    assert lines[0]["targeting_overlay"] == {"geo_countries": ["US"]}
    assert [row.unit_price for row in Package.objects.order_by("position")] == [8, 10]


OTHER_PACKAGES = [
    DERIVED[:1],
    [DERIVED[0], {**DERIVED[1], "budget": 333.34}],
    [DERIVED[0], {**DERIVED[1], "budget": 1e15}],
    [DERIVED[0], {**DERIVED[1], "product_id": "homepage"}],
    [DERIVED[0], {**DERIVED[1], "pricing_option_id": "eur"}],
    [*DERIVED, DERIVED[1]],
    [DERIVED[0], DERIVED[0]],
]


def test_packages_that_are_not_the_proposals_are_refused(
    buyer: Buyer, catalog: dict[str, Product], second: Product
) -> None:
    proposal = committed(buyer, catalog["run-of-site"], second)

    for packages in OTHER_PACKAGES:
        answer = refused(buyer, proposal, "INVALID_REQUEST", "packages", packages=packages)

        assert answer.error["details"]["packages"] == [DERIVED[1], DERIVED[0]]


@pytest.mark.parametrize(
    ("extra", "code", "field"),
    [
        ({"bid_price": 3}, "INVALID_REQUEST", "packages[0].bid_price"),
        ({"creatives": [{}]}, "INVALID_REQUEST", "packages[0].creatives[0].creative_id"),
        ({"catalogs": [{"type": "product"}]}, "UNSUPPORTED_FEATURE", "packages[0].catalogs"),
        (
            {"format_ids": [{"agent_url": "http://127.0.0.1:8000", "id": "none"}]},
            "UNSUPPORTED_FEATURE",
            "packages[0].format_ids[0]",
        ),
    ],
)
def test_an_extra_field_that_cannot_be_had_is_refused(
    buyer: Buyer,
    catalog: dict[str, Product],
    second: Product,
    extra: dict[str, Any],
    code: str,
    field: str,
) -> None:
    proposal = committed(buyer, catalog["run-of-site"], second)

    refused(buyer, proposal, code, field, packages=[{**DERIVED[0], **extra}, DERIVED[1]])


def acceptance(proposal: Proposal, **changes: Any) -> dict[str, Any]:
    return {
        "io_id": proposal.io_id,
        "accepted_at": timezone.now().isoformat(),
        "signatory": "Jo Doe, Pinnacle",
        **changes,
    }


def test_an_insertion_order_that_must_be_signed_needs_an_acceptance(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = changed(committed(buyer, catalog["run-of-site"]), requires_signature=True)

    answer = refused(buyer, proposal, "IO_REQUIRED", "io_acceptance")

    assert answer.status == 422


def test_an_accepted_insertion_order_is_kept_with_its_signature(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = changed(committed(buyer, catalog["run-of-site"]), requires_signature=True)
    accepted = acceptance(proposal, signature_id="sig_17")

    answer = order(buyer, proposal, io_acceptance=accepted)

    assert answer.status == 200, answer.body
    assert MediaBuy.objects.get().io_acceptance == accepted


def test_an_acceptance_that_nobody_asked_for_is_kept_too(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])

    assert order(buyer, proposal, io_acceptance=acceptance(proposal)).status == 200

    kept = MediaBuy.objects.get().io_acceptance
    assert kept is not None
    assert (kept["io_id"], kept["signatory"]) == (proposal.io_id, "Jo Doe, Pinnacle")
    assert "signature_id" not in kept


def soon(**delta: float) -> str:
    return (timezone.now() + timedelta(**delta)).isoformat()


WRONG_ACCEPTANCES: list[tuple[dict[str, Any], str]] = [
    ({"io_id": "io_other"}, "io_id"),
    ({"accepted_at": "yesterday"}, "accepted_at"),
    ({"accepted_at": "2027-01-01T00:00:00"}, "accepted_at"),
    ({"accepted_at": soon(minutes=30)}, "accepted_at"),
    ({"signatory": ""}, "signatory"),
    ({"signatory": "s" * 251}, "signatory"),
    ({"signature_id": "s" * 256}, "signature_id"),
    ({"signature_id": 5}, "signature_id"),
]


def test_an_acceptance_of_something_else_is_refused(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])

    for changes, field in WRONG_ACCEPTANCES:
        wrong = acceptance(proposal, **changes)
        refused(buyer, proposal, "INVALID_REQUEST", f"io_acceptance.{field}", io_acceptance=wrong)


def test_clocks_may_be_five_minutes_apart(buyer: Buyer, catalog: dict[str, Product]) -> None:
    proposal = committed(buyer, catalog["run-of-site"])
    accepted = acceptance(proposal, accepted_at=soon(minutes=4))

    assert order(buyer, proposal, io_acceptance=accepted).status == 200


@pytest.mark.parametrize("missing", ["io_id", "accepted_at", "signatory"])
def test_an_acceptance_says_what_when_and_who(
    buyer: Buyer, catalog: dict[str, Product], missing: str
) -> None:
    proposal = committed(buyer, catalog["run-of-site"])
    accepted = acceptance(proposal)
    del accepted[missing]

    refused(buyer, proposal, "INVALID_REQUEST", f"io_acceptance.{missing}", io_acceptance=accepted)


def test_there_is_no_insertion_order_without_a_proposal(buyer: Buyer) -> None:
    before = row_counts()
    accepted = {"io_id": "io_1", "accepted_at": soon(), "signatory": "Jo"}

    answer = ask("create_media_buy", order_params(buyer, io_acceptance=accepted), buyer.token)

    assert (answer.status, answer.error["field"]) == (400, "io_acceptance")
    assert row_counts() == before


@pytest.fixture
def waiting(buyer: Buyer, catalog: dict[str, Product]) -> Task:
    """An order of a proposal that waits for a person, because its product is guaranteed."""
    proposal = committed(buyer, catalog["homepage"])
    accepted = acceptance(proposal, signature_id="sig_17")
    assert order(buyer, proposal, io_acceptance=accepted).body["status"] == "submitted"
    return Task.objects.get()


def test_staff_see_the_proposal_and_who_accepted_it(
    waiting: Task, approver: User, client: Client
) -> None:
    client.force_login(approver)

    page = client.get(reverse("admin:approval", args=[waiting.task_id])).content.decode()

    proposal = waiting.media_buy.proposal
    assert proposal is not None
    assert proposal.name in page
    assert str(proposal.io_id) in page
    assert "accepted by Jo Doe, Pinnacle" in page
    assert "signature sig_17" in page


@pytest.mark.parametrize("end", ["declined", "expired"])
def test_the_proposal_is_open_again_when_the_order_comes_to_nothing(
    waiting: Task, buyer: Buyer, approver: User, end: str
) -> None:
    proposal = Proposal.objects.get()
    assert proposal.status == ProposalStatus.ORDERED

    if end == "declined":
        reject(waiting, approver)
    else:
        assert tasks_expire(now=waiting.expires_at) == 1

    proposal = Proposal.objects.get()
    assert proposal.status == ProposalStatus.COMMITTED
    last = proposal.events.last()
    assert last is not None
    assert last.action == ProposalEvent.Action.REOPENED
    assert order(buyer, proposal, idempotency_key="another-key-0001").status == 200


def test_a_corrected_order_takes_the_proposal_of_the_one_sent_back(
    waiting: Task, buyer: Buyer, approver: User
) -> None:
    send_back(waiting, approver)
    proposal = Proposal.objects.get()

    answer = order(
        buyer, proposal, idempotency_key="another-key-0001", context_id=waiting.context_id
    )

    assert answer.body["status"] == "submitted"
    assert Proposal.objects.get().status == ProposalStatus.ORDERED
    assert list(proposal.events.values_list("action", flat=True))[-3:] == [
        "ordered",
        "reopened",
        "ordered",
    ]
    assert list(MediaBuy.objects.order_by("pk").values_list("status", flat=True)) == [
        "declined",
        "draft",
    ]


def test_the_proposal_is_open_again_when_booking_fails_for_good(
    waiting: Task, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an approved order whose ad server does not know its product
    approve(waiting, approver)
    Product.objects.filter(product_id="homepage").update(is_live=False)
    monkeypatch.setattr("tasks_hitl.services.bookings.ATTEMPTS_LIMIT", 1)
    monkeypatch.setattr("tasks_hitl.services.bookings.ad_server_for", _broken)

    book_order(waiting)

    waiting.refresh_from_db()
    assert waiting.status == "failed"
    assert Proposal.objects.get().status == ProposalStatus.COMMITTED


def test_the_proposal_is_open_again_when_an_accepted_buy_cannot_be_booked(
    buyer: Buyer, catalog: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an order that no person had to look at, and an ad server that is out of order
    ordered = order(buyer, committed(buyer, catalog["run-of-site"])).body
    buy = MediaBuy.objects.get(media_buy_id=ordered["media_buy_id"])
    monkeypatch.setattr("tasks_hitl.services.bookings.ATTEMPTS_LIMIT", 1)
    monkeypatch.setattr("tasks_hitl.services.bookings.ad_server_for", _broken)

    book(booking_id=buy.booking.booking_id)

    buy.refresh_from_db()
    assert buy.status == "rejected"
    assert Proposal.objects.get().status == ProposalStatus.COMMITTED


def _broken(account: Account) -> Any:
    raise RuntimeError("out of order")


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_two_orders_at_once_of_one_proposal_make_one_buy(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    # given a proposal for any account of the agent, ordered for two of them at the same moment
    other = make_account(buyer.principal, brand_domain="other.example")
    accounts = [buyer.account, other]
    for number in range(5):
        proposal = changed(
            committed(buyer, catalog["run-of-site"], brief=f"brief {number}"), account=None
        )
        barrier = threading.Barrier(2)

        def send(account: Account, key: str, proposal: Proposal, barrier: Any) -> Answer:
            body = execution(buyer, proposal, idempotency_key=key)
            body["account"] = {"account_id": account.account_id}
            barrier.wait(timeout=10)
            return ask("create_media_buy", body, buyer.token)

        with ThreadPoolExecutor(2) as pool:
            calls = [
                pool.submit(
                    in_thread(
                        partial(send, account, f"race-key-{number}-{place}-000", proposal, barrier)
                    )
                )
                for place, account in enumerate(accounts)
            ]
            answers = [call.result() for call in calls]

        assert sorted(answer.status for answer in answers) == [200, 409]
        lost = next(answer for answer in answers if answer.status == 409)
        assert (lost.error["code"], lost.error["field"]) == ("INVALID_STATE", "proposal_id")
        assert MediaBuy.objects.filter(proposal=proposal).count() == 1


def test_what_is_asked_of_the_clock_is_asked_when_the_order_arrives(
    buyer: Buyer, catalog: dict[str, Product], approver: User
) -> None:
    # given an order that arrived in time and is approved after the proposal's end
    proposal = committed(buyer, catalog["homepage"])
    order(buyer, proposal)
    changed(proposal, expires_at=datetime.now(tz=proposal.expires_at.tzinfo))
    task = Task.objects.get()

    approve(task, approver)
    book_order(task)

    task.refresh_from_db()
    assert task.status == "completed"
