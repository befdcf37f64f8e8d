"""Document 004: the media buy, package, creative approval and history of get_media_buys."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from mediabuys.locks import media_buy_locked
from mediabuys.models import (
    Creative,
    CreativeFormat,
    Event,
    MediaBuy,
    Package,
    PricingOption,
    Product,
)
from mediabuys.states import CanceledBy
from tests.documents.scenes import (
    HOUR,
    STATUSES,
    at,
    buy_in_status,
    canceled,
    only,
    running_buy,
    shown,
)
from tests.people import AGENT_URL, Buyer, in_wire, order_params
from tests.protocol.conftest import ask
from tests.trade.orders import booked_buy, give_creatives

pytestmark = pytest.mark.django_db

KEY = "key-00000000000000{:02d}"
LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}


# The media buy object


def test_every_field_of_a_media_buy(buyer: Buyer) -> None:
    buy = running_buy(buyer)

    entry = only(buyer, buy)

    assert entry["media_buy_id"] == buy.media_buy_id
    assert entry["account"]["account_id"] == buyer.account.account_id
    assert entry["status"] == "active"
    assert (entry["currency"], entry["total_budget"]) == ("USD", 1000)
    assert at(entry["confirmed_at"]) == buy.confirmed_at
    assert at(entry["creative_deadline"]) == buy.creative_deadline
    assert entry["revision"] == buy.revision
    assert (at(entry["start_time"]), at(entry["end_time"])) == (buy.start_time, buy.end_time)
    assert (at(entry["created_at"]), at(entry["updated_at"])) == (buy.created_at, buy.updated_at)
    assert len(entry["packages"]) == 1
    absent = {"cancellation", "rejection_reason", "history", "webhook_activity"}
    assert not absent & set(entry)


def test_the_nested_status_is_what_create_calls_media_buy_status(buyer: Buyer) -> None:
    created = ask("create_media_buy", order_params(buyer), buyer.token).body

    (entry,) = shown(buyer, media_buy_ids=[created["media_buy_id"]])["media_buys"]

    assert entry["status"] == created["media_buy_status"] == "pending_creatives"
    assert "media_buy_status" not in entry


def test_invoice_recipient_is_shown_without_bank_details(buyer: Buyer) -> None:
    recipient = {
        "legal_name": "Acme Outdoor Holding",
        "bank": {"account_holder": "Acme", "iban": "DE89370400440532013000", "bic": "COBADEFF"},
    }
    order = order_params(buyer, invoice_recipient=recipient)
    created = ask("create_media_buy", order, buyer.token).body

    answer = ask("get_media_buys", {"media_buy_ids": [created["media_buy_id"]]}, buyer.token)

    assert answer.body["media_buys"][0]["invoice_recipient"] == {
        "legal_name": "Acme Outdoor Holding"
    }
    assert b"DE89370400440532013000" not in answer.raw


@pytest.mark.parametrize("by", [CanceledBy.BUYER, CanceledBy.SELLER])
def test_cancellation_says_when_who_and_why(buyer: Buyer, by: CanceledBy) -> None:
    buy = canceled(booked_buy(buyer), by=by, reason="Changed plans")

    cancellation = only(buyer, buy)["cancellation"]

    assert at(cancellation.pop("canceled_at")) == buy.canceled_at
    assert cancellation == {"canceled_by": by.value, "reason": "Changed plans"}


def test_cancellation_may_be_without_a_reason(buyer: Buyer) -> None:
    buy = canceled(booked_buy(buyer), by=CanceledBy.SELLER)

    assert set(only(buyer, buy)["cancellation"]) == {"canceled_at", "canceled_by"}


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "canceled"])
def test_cancellation_is_there_only_when_canceled(buyer: Buyer, status: str) -> None:
    assert "cancellation" not in only(buyer, buy_in_status(buyer, status))


def test_rejection_reason_of_a_rejected_buy(buyer: Buyer) -> None:
    assert only(buyer, buy_in_status(buyer, "rejected"))["rejection_reason"] == "Sold out."


def test_revision_counts_every_change(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    before = only(buyer, buy)["revision"]
    canceled(buy, by=CanceledBy.SELLER)

    assert only(buyer, buy)["revision"] == before + 1


@pytest.mark.parametrize("status", ["completed", "rejected", "canceled"])
def test_what_is_over_has_no_valid_actions(buyer: Buyer, status: str) -> None:
    assert only(buyer, buy_in_status(buyer, status))["valid_actions"] == []


# The package object


def test_every_field_of_a_package(buyer: Buyer) -> None:
    buy = running_buy(buyer)
    package = Package.objects.get(media_buy=buy)

    (entry,) = only(buyer, buy)["packages"]

    assert entry == {
        "package_id": package.package_id,
        "product_id": "run-of-site",
        "budget": 1000,
        "currency": "USD",
        "start_time": buy.start_time.isoformat(),
        "end_time": buy.end_time.isoformat(),
        "paused": False,
        "canceled": False,
        "creative_approvals": [
            {"creative_id": f"creative-{package.package_id}", "approval_status": "approved"}
        ],
    }


def test_bid_price_of_an_auction_package(buyer: Buyer, catalog: dict[str, Product]) -> None:
    PricingOption.objects.create(
        product=catalog["run-of-site"], pricing_option_id="auction", pricing_model="cpm",
        currency="USD", floor_price=Decimal(1),
    )  # fmt: skip
    line = {**LINE, "pricing_option_id": "auction", "bid_price": 2.75}
    buy = booked_buy(buyer, packages=[line])

    assert only(buyer, buy)["packages"][0]["bid_price"] == 2.75


def test_a_packages_own_flight_and_creative_deadline(buyer: Buyer) -> None:
    # given a package that starts two days after its buy, and one that starts with it
    start = timezone.now() + timedelta(days=5)
    own = {"start_time": in_wire(start + timedelta(days=2)), "end_time": in_wire(start + 90 * HOUR)}
    buy = booked_buy(
        buyer,
        start_time=in_wire(start),
        end_time=in_wire(start + timedelta(days=20)),
        packages=[LINE | own, LINE],
    )

    entry = only(buyer, buy)
    late, plain = entry["packages"]

    assert at(late["start_time"]) == at(in_wire(start + timedelta(days=2)))
    assert at(late["end_time"]) == at(in_wire(start + 90 * HOUR))
    assert at(late["creative_deadline"]) == at(entry["creative_deadline"]) + timedelta(days=2)
    # A package without a flight of its own has the buy's; an absent deadline is the buy's.
    assert [plain["start_time"], plain["end_time"]] == [entry["start_time"], entry["end_time"]]
    assert "creative_deadline" not in plain


def test_a_paused_package_says_so(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[{**LINE, "paused": True}, LINE])

    assert [package["paused"] for package in only(buyer, buy)["packages"]] == [True, False]


def test_a_canceled_package_says_when_who_and_why(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[LINE, LINE])
    when = timezone.now()
    first = Package.objects.filter(media_buy=buy).earliest("position")
    Package.objects.filter(pk=first.pk).update(
        is_canceled=True,
        canceled_at=when,
        canceled_by=CanceledBy.BUYER,
        cancellation_reason="Budget moved",
    )

    gone, live = only(buyer, buy)["packages"]

    assert at(gone["cancellation"].pop("canceled_at")) == when
    assert gone["cancellation"] == {"canceled_by": "buyer", "reason": "Budget moved"}
    assert (gone["canceled"], live["canceled"]) == (True, False)
    assert "cancellation" not in live
    # Nothing is missing for what will not run.
    assert "format_ids_pending" not in gone


def test_money_is_in_the_packages_currency_and_else_in_the_buys(buyer: Buyer) -> None:
    entry = only(buyer, booked_buy(buyer))

    assert entry["currency"] == "USD"
    assert [package["currency"] for package in entry["packages"]] == ["USD"]


# Creatives


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ("approve", {"approval_status": "approved"}),
        ("submit", {"approval_status": "pending_review"}),
        ("reject", {"approval_status": "rejected", "rejection_reason": "The logo is cut off."}),
    ],
)
def test_creative_approvals_have_three_states_and_a_reason(
    buyer: Buyer, move: str, expected: dict[str, str]
) -> None:
    buy = booked_buy(buyer)
    give_creatives(buy)
    creative = Creative.objects.get()
    if move != "approve":
        creative.rejection_reason = "The logo is cut off." if move == "reject" else ""
        getattr(creative, move)()
        creative.save()

    (package,) = only(buyer, buy)["packages"]

    assert package["creative_approvals"] == [{"creative_id": creative.creative_id, **expected}]
    # A revision is asked for by the rejection: a package has no status of its own.
    assert "status" not in package


def two_formats(catalog: dict[str, Product]) -> list[dict[str, str]]:
    """Let the product take a second format; return the references of both."""
    second = CreativeFormat.objects.create(
        format_id="display_wide", name="Wide", media="display", assets=[]
    )
    catalog["run-of-site"].formats.add(second)
    return [{"agent_url": AGENT_URL, "id": name} for name in ("display_main", "display_wide")]


def test_format_ids_pending_are_those_chosen_and_not_yet_uploaded(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    chosen = two_formats(catalog)
    buy = booked_buy(buyer, packages=[{**LINE, "format_ids": chosen}])
    before = only(buyer, buy)["packages"][0]
    give_creatives(buy)
    after = only(buyer, buy)["packages"][0]

    assert before["format_ids"] == before["format_ids_pending"] == chosen
    assert after["format_ids_pending"] == chosen[1:]


def test_a_package_without_chosen_formats_names_the_products(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    accepted = two_formats(catalog)
    buy = booked_buy(buyer)
    before = only(buyer, buy)["packages"][0]
    give_creatives(buy)
    after = only(buyer, buy)["packages"][0]

    assert before["format_ids_pending"] == accepted
    # One of them is enough.
    assert "format_ids_pending" not in after


# What was asked for comes back


def test_targeting_context_and_ext_come_back_as_they_were_sent(buyer: Buyer) -> None:
    targeting = {"geo_countries": ["US", "CA"]}
    line = {
        **LINE, "impressions": 40_000, "targeting_overlay": targeting,
        "context": {"line": "a"}, "ext": {"acme": {"line": 1}},
    }  # fmt: skip
    order = order_params(buyer, packages=[line], context={"plan": "p-7"}, ext={"acme": {"id": 7}})
    created = ask("create_media_buy", order, buyer.token).body

    (entry,) = shown(buyer, media_buy_ids=[created["media_buy_id"]])["media_buys"]

    (package,) = entry["packages"]
    assert (entry["context"], entry["ext"]) == ({"plan": "p-7"}, {"acme": {"id": 7}})
    assert package["targeting_overlay"] == targeting
    assert (package["context"], package["ext"]) == ({"line": "a"}, {"acme": {"line": 1}})
    assert package["impressions"] == 40_000


def test_each_buy_of_a_page_has_its_own_history(buyer: Buyer) -> None:
    first, second = running_buy(buyer), booked_buy(buyer, key=KEY.format(2))
    canceled(second, by=CanceledBy.BUYER)

    answer = shown(buyer, status_filter=["active", "canceled"], include_history=1)

    latest = {buy["media_buy_id"]: buy["history"][0]["action"] for buy in answer["media_buys"]}
    assert latest == {first.media_buy_id: "activated", second.media_buy_id: "canceled"}


@pytest.mark.parametrize("status", STATUSES)
def test_what_happened_to_a_buy_has_the_documents_word(buyer: Buyer, status: str) -> None:
    words = {
        "pending_creatives": "created",
        "active": "activated",
        "completed": "completed",
        "rejected": "rejected",
        "canceled": "canceled",
    }
    buy = buy_in_status(buyer, status)

    history = entries(buyer, buy)

    assert history[-1]["action"] == "created"
    if status in words:
        assert history[0]["action"] == words[status]


# History


def entries(buyer: Buyer, buy: MediaBuy, number: int = 1000) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = only(buyer, buy, include_history=number)["history"]
    return found


def test_history_is_newest_first_with_every_field(buyer: Buyer) -> None:
    buy = canceled(running_buy(buyer), by=CanceledBy.SELLER, reason="The site closes.")

    history = entries(buyer, buy)

    assert [(entry["action"], entry["revision"]) for entry in history] == [
        ("canceled", 4),
        ("activated", 3),
        ("updated_packages", 2),
        ("created", 1),
    ]
    newest = history[0]
    assert newest["actor"] == "seller:viewer"
    assert newest["summary"] == "The site closes."
    assert at(newest["timestamp"]) == buy.canceled_at
    assert [at(entry["timestamp"]) for entry in history] == sorted(
        (at(entry["timestamp"]) for entry in history), reverse=True
    )


def test_history_is_the_last_n_entries(buyer: Buyer) -> None:
    buy = running_buy(buyer)

    assert [entry["action"] for entry in entries(buyer, buy, 1)] == ["activated"]
    assert len(entries(buyer, buy, 2)) == 2
    assert len(entries(buyer, buy, 1000)) == Event.objects.filter(
        media_buy=buy
    ).exclude(action="confirmed").count()  # fmt: skip


@pytest.mark.parametrize("params", [{}, {"include_history": 0}])
def test_history_is_absent_unless_asked_for(buyer: Buyer, params: dict[str, Any]) -> None:
    assert "history" not in only(buyer, running_buy(buyer), **params)


def test_history_names_the_package_that_was_changed(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    package = Package.objects.get(media_buy=buy)
    with transaction.atomic():
        row = media_buy_locked(buy.pk)
        Event.objects.create(
            media_buy=row, action=Event.Action.PACKAGES_UPDATED, revision=row.revision,
            actor="agent:pinnacle", summary="Creatives assigned", package_id=package.package_id,
        )  # fmt: skip

    newest = entries(buyer, buy)[0]

    assert newest["package_id"] == package.package_id
    assert "package_id" not in entries(buyer, buy)[-1]


def test_the_actor_is_who_authenticated_and_not_what_the_caller_says(buyer: Buyer) -> None:
    order = order_params(buyer, context={"actor": "somebody else"}, ext={"actor": "the seller"})
    created = ask("create_media_buy", order, buyer.token).body

    buy = MediaBuy.objects.get(media_buy_id=created["media_buy_id"])
    actor = entries(buyer, buy)[-1]["actor"]

    assert buyer.principal.principal_id in actor


def test_history_is_append_only_even_for_the_database(buyer: Buyer) -> None:
    buy = running_buy(buyer)
    before = entries(buyer, buy)
    events = Event.objects.filter(media_buy=buy)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        events.update(summary="Nothing happened")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        events.all()._raw_delete(using="default")

    assert entries(buyer, buy) == before
    assert len(before) == 3
