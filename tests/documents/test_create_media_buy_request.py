"""Document 002, the request of create_media_buy: all but its proposals and webhooks."""

import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from adcp_sales.settings import base, production
from mediabuys.models import MediaBuy, Package
from tasks_hitl.models import Task
from tests.people import Buyer, guaranteed_order, make_staff, order_params
from tests.protocol.conftest import ask, row_counts

pytestmark = pytest.mark.django_db

RECIPIENT: dict[str, Any] = {
    "legal_name": "Acme Outdoor GmbH",
    "vat_id": "DE123456789",
    "tax_id": "30/123/45678",
    "registration_number": "HRB 12345",
    "address": {
        "street": "Hauptstr. 1",
        "city": "Berlin",
        "postal_code": "10115",
        "region": "BE",
        "country": "DE",
    },
    "contacts": [{"role": "billing", "name": "A. Bee", "email": "billing@acmeoutdoor.example"}],
}
BANK = {
    "account_holder": "Acme Outdoor Secret Holder",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
}


def test_the_same_key_returns_the_existing_buy_and_makes_no_duplicate(buyer: Buyer) -> None:
    body = order_params(buyer, str(uuid4()))
    first = ask("create_media_buy", body, buyer.token)
    before = row_counts()

    again = ask("create_media_buy", body, buyer.token)

    assert again.status == 200
    assert again.body == first.body | {"replayed": True}
    assert row_counts() == before


def test_the_key_is_required_and_follows_its_pattern(buyer: Buyer) -> None:
    before = row_counts()
    refused = []
    for key in (None, "", "k" * 15, "k" * 256, "sixteen chars ok", "schlüssel-0000001"):
        body = {**order_params(buyer), "idempotency_key": key}
        if key is None:
            del body["idempotency_key"]
        refused.append(ask("create_media_buy", body, buyer.token))

    assert {(answer.status, answer.error["code"]) for answer in refused} == {
        (400, "INVALID_REQUEST")
    }
    assert {answer.error["field"] for answer in refused} == {"idempotency_key"}
    assert row_counts() == before
    for key in (str(uuid4()), "k" * 16, "A_z.0:9-" * 2, "k" * 255):
        assert ask("create_media_buy", order_params(buyer, key), buyer.token).status == 200


def test_a_key_is_of_one_request(buyer: Buyer) -> None:
    body = order_params(buyer, str(uuid4()))
    ask("create_media_buy", body, buyer.token)
    before = row_counts()

    other = ask("create_media_buy", {**body, "po_number": "PO-2"}, buyer.token)

    assert (other.status, other.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert row_counts() == before


def test_a_key_is_of_one_agent(buyer: Buyer, stranger: Buyer) -> None:
    key = str(uuid4())

    answers = [
        ask("create_media_buy", order_params(who, key), who.token) for who in (buyer, stranger)
    ]

    assert [answer.status for answer in answers] == [200, 200]
    assert len({answer.body["media_buy_id"] for answer in answers}) == 2


def with_governance_agent(buyer: Buyer) -> None:
    buyer.account.governance_agents = [{"url": "https://governance.example/mcp"}]
    buyer.account.save()


def test_plan_id_is_required_when_the_account_has_a_governance_agent(
    buyer: Buyer, settings: Any
) -> None:
    settings.GOVERNANCE_REQUIRE_PLAN_ID = True
    with_governance_agent(buyer)
    before = row_counts()

    answers = [
        ask("create_media_buy", order_params(buyer, **plan), buyer.token)
        for plan in ({}, {"plan_id": ""})
    ]

    assert [answer.status for answer in answers] == [400, 400]
    assert [answer.error["code"] for answer in answers] == ["INVALID_REQUEST"] * 2
    assert [answer.error["field"] for answer in answers] == ["plan_id"] * 2
    assert row_counts() == before


def test_plan_id_and_governance_context_are_kept_verbatim(buyer: Buyer, settings: Any) -> None:
    settings.GOVERNANCE_REQUIRE_PLAN_ID = True
    with_governance_agent(buyer)
    token = "eyJhbGciOiJFZERTQSJ9.eyJwbGFuIjoicSJ9." + "s" * 86

    answer = ask(
        "create_media_buy",
        order_params(buyer, plan_id="plan_2027_q1", governance_context=token),
        buyer.token,
    )

    assert answer.status == 200
    buy = MediaBuy.objects.get()
    assert (buy.plan_id, buy.governance_context) == ("plan_2027_q1", token)
    assert token.encode() not in answer.raw


def test_plan_id_is_not_required_without_a_governance_agent_or_where_the_setting_is_off(
    buyer: Buyer, settings: Any
) -> None:
    settings.GOVERNANCE_REQUIRE_PLAN_ID = True
    assert ask("create_media_buy", order_params(buyer, "k" * 20), buyer.token).status == 200

    settings.GOVERNANCE_REQUIRE_PLAN_ID = False
    with_governance_agent(buyer)

    assert ask("create_media_buy", order_params(buyer, "j" * 20), buyer.token).status == 200


def test_plan_id_is_required_by_default_in_production_only() -> None:
    assert base.GOVERNANCE_REQUIRE_PLAN_ID is False
    assert production.GOVERNANCE_REQUIRE_PLAN_ID is True


def test_what_is_no_governance_context_is_refused(buyer: Buyer) -> None:
    before = row_counts()

    for token in ("", 5, {"plan": 1}, "ü", "a\nb", "x" * 4097):
        answer = ask("create_media_buy", order_params(buyer, governance_context=token), buyer.token)

        assert (answer.status, answer.error["field"]) == (400, "governance_context")
        assert row_counts() == before


def test_a_director_enters_the_governance_agent(buyer: Buyer, client: Client) -> None:
    client.force_login(make_staff("director", "director"))
    page = reverse("admin:mediabuys_account_change", args=[buyer.account.pk])
    form = client.get(page).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}
    data |= {
        f"accesses-{name}": value for name, value in (("TOTAL_FORMS", "0"), ("INITIAL_FORMS", "0"))
    }

    for wrong in ("http://governance.example/", "https://127.0.0.1/", "https://u:p@x.example/"):
        refused = client.post(page, {**data, "governance_agents": wrong})
        assert refused.status_code == 200
        assert refused.context["adminform"].form.errors.keys() == {"governance_agents"}
        buyer.account.refresh_from_db()
        assert buyer.account.governance_agents == []
    saved = client.post(page, {**data, "governance_agents": " https://Governance.example "})

    assert saved.status_code == 302
    buyer.account.refresh_from_db()
    assert buyer.account.governance_agents == [{"url": "https://governance.example/"}]
    listed = ask("list_accounts", {}, buyer.token).body["accounts"]
    assert [account["governance_agents"] for account in listed] == [
        [{"url": "https://governance.example/"}]
    ]


def test_others_only_look_at_the_governance_agent(
    buyer: Buyer, viewer: User, client: Client
) -> None:
    with_governance_agent(buyer)
    client.force_login(viewer)
    page = reverse("admin:mediabuys_account_change", args=[buyer.account.pk])

    shown = client.get(page)
    refused = client.post(page, {"governance_agents": "https://other.example/"})

    assert "https://governance.example/mcp" in shown.content.decode()
    assert 'name="governance_agents"' not in shown.content.decode()
    assert refused.status_code == 403
    buyer.account.refresh_from_db()
    assert buyer.account.governance_agents == [{"url": "https://governance.example/mcp"}]


def test_an_order_needs_packages_or_a_proposal(buyer: Buyer) -> None:
    body = order_params(buyer)
    del body["packages"]
    before = row_counts()

    answer = ask("create_media_buy", body, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "packages"
    assert "proposal_id" in answer.error["suggestion"]
    assert row_counts() == before


def test_each_package_is_a_line_item_of_its_own(buyer: Buyer) -> None:
    lines = [
        {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000, "pacing": "even"},
        {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 250.5, "paused": True},
    ]

    body = ask("create_media_buy", order_params(buyer, packages=lines), buyer.token).body

    assert [line["budget"] for line in body["packages"]] == [1000, 250.5]
    assert [line["paused"] for line in body["packages"]] == [False, True]
    assert len({line["package_id"] for line in body["packages"]}) == 2
    assert body["total_budget"] == 1250.5


def test_a_total_budget_beside_packages_is_their_sum(buyer: Buyer) -> None:
    before = row_counts()
    for amount, currency in ((999, "USD"), (1000, "EUR"), (1e15, "USD"), (0, "USD")):
        wrong = order_params(buyer, total_budget={"amount": amount, "currency": currency})
        answer = ask("create_media_buy", wrong, buyer.token)
        assert (answer.status, answer.error["field"]) == (400, "total_budget")
        assert row_counts() == before

    right = order_params(buyer, total_budget={"amount": 1000, "currency": "USD"})

    assert ask("create_media_buy", right, buyer.token).status == 200


def test_the_invoice_recipient_is_kept_and_told_without_the_bank(
    buyer: Buyer, approver: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recipient = {**RECIPIENT, "bank": BANK}

    answer = ask("create_media_buy", order_params(buyer, invoice_recipient=recipient), buyer.token)

    assert answer.body["invoice_recipient"] == RECIPIENT
    buy = MediaBuy.objects.get()
    assert buy.invoice_recipient == RECIPIENT
    read = ask("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer.token)
    assert read.body["media_buys"][0]["invoice_recipient"] == RECIPIENT
    client.force_login(approver)
    page = client.get(reverse("admin:mediabuys_mediabuy_change", args=[buy.pk])).content
    for said in (answer.raw, read.raw, page, caplog.text.encode()):
        assert not any(detail.encode() in said for detail in BANK.values())


def test_the_bank_of_an_invoice_recipient_is_write_only_and_encrypted(
    buyer: Buyer, approver: User, client: Client, raw_row: Any
) -> None:
    recipient = {**RECIPIENT, "bank": BANK}

    submitted = ask(
        "create_media_buy", guaranteed_order(buyer, invoice_recipient=recipient), buyer.token
    )

    task = Task.objects.get()
    assert task.request["invoice_recipient"] == RECIPIENT
    client.force_login(approver)
    page = client.get(reverse("admin:approval", args=[task.task_id])).content.decode()
    assert "Acme Outdoor GmbH" in page
    assert "bank details are on file and not shown" in page
    stored = raw_row(MediaBuy, task.media_buy_id)
    for said in (submitted.raw.decode(), page, str(task.request), stored, raw_row(Task, task.pk)):
        assert not any(detail in said for detail in BANK.values())
    assert task.media_buy.invoice_bank.count(BANK["iban"]) == 1


NO_RECIPIENTS: list[tuple[dict[str, Any], str]] = [
    ({"legal_name": None}, "legal_name"),
    ({"legal_name": "x" * 201}, "legal_name"),
    ({"vat_id": "123"}, "vat_id"),
    ({"address": {"city": "Berlin"}}, "address.street"),
    ({"contacts": [{"role": "boss"}]}, "contacts[0].role"),
    ({"bank": {"account_holder": "A", "iban": "x"}}, "bank.iban"),
    ({"bank": {"iban": "DE89370400440532013000"}}, "bank.account_holder"),
    ({"fax": "1"}, ""),
]


def test_an_invoice_recipient_that_is_none_is_refused(buyer: Buyer) -> None:
    before = row_counts()

    for change, field in NO_RECIPIENTS:
        wrong = order_params(buyer, invoice_recipient={**RECIPIENT, **change})
        answer = ask("create_media_buy", wrong, buyer.token)

        assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
        assert answer.error["field"] == f"invoice_recipient.{field}".rstrip(".")
        assert b"DE89370400440532013000" not in answer.raw
        assert row_counts() == before


def test_references_for_tracking_are_kept(buyer: Buyer, approver: User, client: Client) -> None:
    ask(
        "create_media_buy",
        guaranteed_order(
            buyer,
            po_number="PO-2027-17",
            agency_estimate_number="EST-9",
            advertiser_industry="retail",
        ),
        buyer.token,
    )

    buy = MediaBuy.objects.get()
    assert (buy.po_number, buy.agency_estimate_number) == ("PO-2027-17", "EST-9")
    assert buy.advertiser_industry == "retail"
    client.force_login(approver)
    page = client.get(reverse("admin:approval", args=[Task.objects.get().task_id]))
    assert all(word in page.content.decode() for word in ("PO-2027-17", "EST-9", "retail"))


WRONG_FORMS: list[dict[str, Any]] = [
    {"po_number": "p" * 256},
    {"po_number": 5},
    {"agency_estimate_number": "e" * 101},
    {"advertiser_industry": "no industry of the enum"},
    {"plan_id": "p" * 256},
    {"buyer_ref": "b" * 256},
    {"campaign_ref": ["c"]},
    {"buyer_campaign_ref": ""},
    {"io_acceptance": {"io_id": "io_1"}},
    {"context": "text"},
    {"ext": 5},
]


def test_a_field_of_the_wrong_form_is_refused_by_name(buyer: Buyer) -> None:
    before = row_counts()

    for wrong in WRONG_FORMS:
        answer = ask("create_media_buy", order_params(buyer, **wrong), buyer.token)

        assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
        assert answer.error["field"].split(".")[0] in wrong
        assert row_counts() == before


def test_the_end_time_is_iso_8601_with_an_offset_and_after_the_start(buyer: Buyer) -> None:
    before = row_counts()
    start = timezone.now() + timedelta(days=3)
    for wrong in ("2031-01-01", "2031-01-01T00:00:00", "next week", start.isoformat()):
        answer = ask("create_media_buy", order_params(buyer, end_time=wrong), buyer.token)
        assert (answer.status, answer.error["field"]) == (400, "end_time")
        assert row_counts() == before

    right = order_params(buyer, end_time=(start + timedelta(days=9)).isoformat())

    assert ask("create_media_buy", right, buyer.token).status == 200
    assert MediaBuy.objects.get().end_time == start + timedelta(days=9)


def test_context_comes_back_and_ext_is_kept(buyer: Buyer) -> None:
    context, ext = {"trace": ["a", {"b": 1}]}, {"acme": {"cost_center": 7}}
    lines = [{**order_params(buyer)["packages"][0], "context": {"line": 1}, "ext": {"n": {"x": 2}}}]

    created = ask(
        "create_media_buy",
        order_params(buyer, context=context, ext=ext, packages=lines),
        buyer.token,
    ).body
    refused = ask(
        "create_media_buy",
        order_params(buyer, "k" * 20, context=context, end_time="never"),
        buyer.token,
    ).body

    assert created["context"] == refused["context"] == context
    assert created["packages"][0]["context"] == {"line": 1}
    body = {"media_buy_ids": [created["media_buy_id"]]}
    read = ask("get_media_buys", body, buyer.token).body["media_buys"][0]
    assert (read["context"], read["ext"]) == (context, ext)
    assert read["packages"][0]["ext"] == {"n": {"x": 2}}


@pytest.mark.parametrize(
    ("fields", "buyer_ref", "campaign_ref"),
    [
        ({}, "", ""),
        ({"buyer_ref": "b1", "campaign_ref": "c1"}, "b1", "c1"),
        ({"buyer_ref": "b1", "ext": {"buyer_ref": "b2"}, "context": {"buyer_ref": "b3"}}, "b1", ""),
        ({"ext": {"buyer_ref": "b2", "acme": {"buyer_ref": "b4"}}}, "b2", ""),
        ({"ext": {"acme": {"buyer_ref": "b4", "buyer_campaign_ref": "c4"}}}, "b4", "c4"),
        ({"context": {"buyer_ref": "b3", "buyer_campaign_ref": "c3"}}, "b3", "c3"),
        ({"context": {"buyer_ref": {"no": "text"}, "campaign_ref": "c" * 256}}, "", ""),
    ],
)
def test_the_buyers_own_references_are_kept_for_the_older_surface(
    buyer: Buyer, fields: dict[str, Any], buyer_ref: str, campaign_ref: str
) -> None:
    line = order_params(buyer)["packages"][0]
    named = {**line, **{key: value for key, value in fields.items() if "campaign" not in key}}

    answer = ask("create_media_buy", order_params(buyer, packages=[named], **fields), buyer.token)

    assert answer.status == 200, answer.body
    buy = MediaBuy.objects.get()
    assert (buy.buyer_ref, buy.campaign_ref) == (buyer_ref, campaign_ref)
    assert Package.objects.get().buyer_ref == buyer_ref
    assert "buyer_ref" not in answer.body


def test_a_wrong_reference_of_a_package_is_refused_at_its_package(buyer: Buyer) -> None:
    line = {**order_params(buyer)["packages"][0], "buyer_ref": 5}

    answer = ask("create_media_buy", order_params(buyer, packages=[line]), buyer.token)

    assert (answer.status, answer.error["field"]) == (400, "packages[0].buyer_ref")
    assert MediaBuy.objects.count() == 0
