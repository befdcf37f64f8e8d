"""Document 004: get_media_buys, its scope, filters, fields, pages and errors."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from adcp_sales.protocol.auth import token_issue, token_revoke
from mediabuys.locks import media_buy_locked
from mediabuys.models import (
    AccountAccess,
    Creative,
    CreativeFormat,
    Event,
    MediaBuy,
    Package,
    PricingOption,
    Product,
)
from mediabuys.services.flights import media_buy_complete
from mediabuys.services.orders import media_buy_reject
from mediabuys.states import BuyStatus, CanceledBy
from tests.documents.scenes import HOUR, at, canceled, changed, only, running_buy, shown
from tests.people import AGENT_URL, Buyer, guaranteed_order, in_wire, order_params
from tests.protocol.conftest import Answer, ask
from tests.trade.orders import booked_buy, give_creatives, place

pytestmark = pytest.mark.django_db

KEY = "key-00000000000000{:02d}"
STATUSES = (
    "pending_creatives",
    "pending_start",
    "active",
    "paused",
    "completed",
    "rejected",
    "canceled",
)
LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}


def ids(answer: dict[str, Any]) -> list[str]:
    return [buy["media_buy_id"] for buy in answer["media_buys"]]


def refused(buyer: Buyer, **params: Any) -> dict[str, Any]:
    answer = ask("get_media_buys", params, buyer.token)
    assert answer.status == 400, answer.body
    return answer.error


def in_status(buyer: Buyer, status: str, number: int = 1) -> MediaBuy:
    """Return a buy that the services brought to this status."""
    now = timezone.now()
    key = KEY.format(number)
    if status in ("active", "paused", "completed"):
        buy = running_buy(buyer, key=key)
        if status == "paused":
            changed(buy, _pause)
        if status == "completed":
            changed(buy, lambda row: media_buy_complete(buy=row, now=now))
        return MediaBuy.objects.get(pk=buy.pk)
    buy = booked_buy(buyer, key=key)
    if status == "pending_start":
        changed(buy, _make_ready)
    if status == "rejected":
        changed(
            buy,
            lambda row: media_buy_reject(
                buy=row, actor="seller:viewer", reason="Sold out.", now=now, notify=False
            ),
        )
    if status == "canceled":
        canceled(buy, by=CanceledBy.BUYER, reason="Changed plans")
    return MediaBuy.objects.get(pk=buy.pk)


def _pause(row: MediaBuy) -> None:
    row.pause()
    row.revision += 1
    row.save()


def _make_ready(row: MediaBuy) -> None:
    row.make_ready()
    row.save()


def by_staff(buyer: Buyer) -> MediaBuy:
    """Return a buy as staff enter one: no agent asked for it, and it came over no API."""
    product = Product.objects.get(product_id="run-of-site")
    start = timezone.now() - HOUR
    buy = MediaBuy(
        principal=buyer.principal,
        account=buyer.account,
        media_buy_id="mb_entered_by_hand",
        brand_domain="acmeoutdoor.example",
        currency="USD",
        total_budget=Decimal(250),
        start_time=start,
        end_time=start + timedelta(days=5),
        confirmed_at=start,
    )
    for move in (buy.accept, buy.make_ready, buy.activate):
        move()
    buy.save()
    Package.objects.create(
        media_buy=buy, position=0, product=product, budget=Decimal(250), currency="USD",
        pricing_option=PricingOption.objects.get(product=product),
    )  # fmt: skip
    return buy


# Scope of results


def test_every_buy_of_the_account_is_returned_however_it_was_made(
    buyer: Buyer, stranger: Buyer
) -> None:
    # given buys made by the agent, by another agent on the account, and by staff
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)
    own = running_buy(buyer)
    shared = Buyer(stranger.principal, buyer.account, stranger.token)
    others = running_buy(shared, key=KEY.format(2))
    staffs = by_staff(buyer)

    assert set(ids(shown(buyer))) == {
        own.media_buy_id,
        others.media_buy_id,
        staffs.media_buy_id,
    }


def test_a_buy_made_outside_adcp_has_the_same_valid_actions(buyer: Buyer) -> None:
    own, staffs = only(buyer, running_buy(buyer)), only(buyer, by_staff(buyer))

    assert staffs["status"] == own["status"] == "active"
    assert staffs["valid_actions"] == own["valid_actions"]
    assert staffs["valid_actions"] != []


def test_a_buy_of_another_account_is_not_there(buyer: Buyer, stranger: Buyer) -> None:
    buy = running_buy(buyer)

    assert shown(stranger)["media_buys"] == []
    assert shown(stranger, media_buy_ids=[buy.media_buy_id])["media_buys"] == []


def test_account_access_is_the_whole_partition(buyer: Buyer, stranger: Buyer) -> None:
    buy = running_buy(buyer)
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)
    before = ids(shown(stranger))
    AccountAccess.objects.filter(principal=stranger.principal, account=buyer.account).delete()

    assert before == [buy.media_buy_id]
    assert ids(shown(stranger)) == []


# Request parameters


@pytest.mark.parametrize("by", ["account_id", "brand and operator"])
def test_account_narrows_the_result(buyer: Buyer, stranger: Buyer, by: str) -> None:
    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)
    own = running_buy(buyer)
    running_buy(stranger, key=KEY.format(2))
    natural = {"brand": {"domain": "acmeoutdoor.example"}, "operator": "pinnacle.example"}
    reference = {"account_id": buyer.account.account_id} if by == "account_id" else natural

    assert ids(shown(buyer, account=reference)) == [own.media_buy_id]


def test_account_omitted_is_all_accessible_accounts(buyer: Buyer, stranger: Buyer) -> None:
    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)
    own, others = running_buy(buyer), running_buy(stranger, key=KEY.format(2))

    assert ids(shown(buyer)) == [others.media_buy_id, own.media_buy_id]


def test_media_buy_ids_choose_specific_buys(buyer: Buyer) -> None:
    buys = [running_buy(buyer, key=KEY.format(number)) for number in range(3)]
    wanted = [buys[0].media_buy_id, buys[2].media_buy_id]

    assert ids(shown(buyer, media_buy_ids=wanted)) == wanted[::-1]


@pytest.mark.parametrize("status", STATUSES)
def test_status_filter_takes_each_status(buyer: Buyer, status: str) -> None:
    wanted = in_status(buyer, status)
    in_status(buyer, "active" if status != "active" else "completed", number=2)

    found = shown(buyer, status_filter=status)

    assert ids(found) == [wanted.media_buy_id]
    assert found["media_buys"][0]["status"] == status


def test_status_filter_takes_a_list(buyer: Buyer) -> None:
    buys = {
        status: in_status(buyer, status, number)
        for number, status in enumerate(("active", "paused", "canceled"))
    }

    found = shown(buyer, status_filter=["paused", "canceled"])

    assert ids(found) == [buys["canceled"].media_buy_id, buys["paused"].media_buy_id]


def test_status_filter_defaults_to_active_without_ids(buyer: Buyer) -> None:
    active = in_status(buyer, "active")
    in_status(buyer, "paused", number=2)
    in_status(buyer, "pending_creatives", number=3)

    assert ids(shown(buyer)) == [active.media_buy_id]


@pytest.mark.parametrize("status", STATUSES)
def test_with_ids_no_status_filter_is_implied(buyer: Buyer, status: str) -> None:
    buy = in_status(buyer, status)

    assert only(buyer, buy)["status"] == status


def test_with_ids_an_explicit_status_filter_holds(buyer: Buyer) -> None:
    buy = in_status(buyer, "paused")

    found = shown(buyer, media_buy_ids=[buy.media_buy_id], status_filter="active")

    assert found["media_buys"] == []
    # The buy exists: that it is filtered out is no error.
    assert "errors" not in found


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status_filter": "approved"}, "status_filter"),
        ({"status_filter": []}, "status_filter"),
        ({"status_filter": ["active", "draft"]}, "status_filter"),
        ({"media_buy_ids": []}, "media_buy_ids"),
        ({"include_history": 1001}, "include_history"),
        ({"include_history": -1}, "include_history"),
        ({"include_snapshot": "yes"}, "include_snapshot"),
        ({"pagination": {"max_results": 0}}, "pagination.max_results"),
        ({"pagination": {"max_results": 101}}, "pagination.max_results"),
        ({"pagination": {"cursor": "nonsense"}}, "pagination.cursor"),
        ({"include_webhook_activity": 1}, "include_webhook_activity"),
    ],
)
def test_a_parameter_outside_its_limits_is_refused_at_its_field(
    buyer: Buyer, params: dict[str, Any], field: str
) -> None:
    error = refused(buyer, **params)

    assert error["code"] == "INVALID_REQUEST"
    assert error["field"].startswith(field)


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
    assert "cancellation" not in only(buyer, in_status(buyer, status))


def test_rejection_reason_of_a_rejected_buy(buyer: Buyer) -> None:
    assert only(buyer, in_status(buyer, "rejected"))["rejection_reason"] == "Sold out."


def test_revision_counts_every_change(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    before = only(buyer, buy)["revision"]
    canceled(buy, by=CanceledBy.SELLER)

    assert only(buyer, buy)["revision"] == before + 1


@pytest.mark.parametrize("status", ["completed", "rejected", "canceled"])
def test_what_is_over_has_no_valid_actions(buyer: Buyer, status: str) -> None:
    assert only(buyer, in_status(buyer, status))["valid_actions"] == []


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
    # Absent, the buy's applies.
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


# Pages


def test_pages_are_fifty_unless_told_and_carry_a_cursor_while_there_is_more(buyer: Buyer) -> None:
    numbers = range(52)
    MediaBuy.objects.bulk_create(copies(booked_buy(buyer, key=KEY.format(99)), numbers))
    status = {"status_filter": "pending_creatives"}

    first = shown(buyer, **status)
    cursor = first["pagination"]["cursor"]
    second = shown(buyer, **status, pagination={"cursor": cursor})

    assert len(first["media_buys"]) == 50
    assert first["pagination"] == {"has_more": True, "cursor": cursor}
    assert len(second["media_buys"]) == 3
    assert second["pagination"] == {"has_more": False}
    assert len(set(ids(first) + ids(second))) == 53


def copies(buy: MediaBuy, numbers: range) -> list[MediaBuy]:
    """Return more buys like this one, without packages."""
    made = []
    for number in numbers:
        copy = MediaBuy(
            principal=buy.principal, account=buy.account, media_buy_id=f"mb_copy_{number}",
            brand_domain=buy.brand_domain, currency="USD", total_budget=Decimal(1),
            start_time=buy.start_time, end_time=buy.end_time,
        )  # fmt: skip
        copy.accept()
        made.append(copy)
    return made


@pytest.mark.parametrize("size", [1, 2])
def test_max_results_bounds_a_page(buyer: Buyer, size: int) -> None:
    for number in range(3):
        booked_buy(buyer, key=KEY.format(number))
    body: dict[str, Any] = {"status_filter": ["pending_creatives"]}

    page = shown(buyer, **body, pagination={"max_results": size})
    everything = shown(buyer, **body, pagination={"max_results": 100})

    assert len(page["media_buys"]) == size
    assert page["pagination"]["has_more"] is True
    assert everything["pagination"] == {"has_more": False, "total_count": 3}


def test_a_walk_over_pages_meets_every_buy_once_newest_first(buyer: Buyer, stranger: Buyer) -> None:
    # given buys of two statuses on two accounts, made in turn
    AccountAccess.objects.create(account=stranger.account, principal=buyer.principal)
    made = []
    for number, owner in enumerate((buyer, stranger, buyer, stranger, buyer)):
        status = ("pending_creatives", "canceled")[number // 2 % 2]
        made.append(in_status(owner, status, number).media_buy_id)
    body: dict[str, Any] = {"status_filter": ["canceled", "pending_creatives"]}

    walked: list[str] = []
    pagination: dict[str, Any] = {"max_results": 2}
    while True:
        answer = shown(buyer, **body, pagination=pagination)
        walked += ids(answer)
        if not answer["pagination"]["has_more"]:
            break
        pagination["cursor"] = answer["pagination"]["cursor"]

    assert walked == made[::-1]
    assert "cursor" not in answer["pagination"]


def test_a_query_by_ids_needs_no_pagination(buyer: Buyer) -> None:
    buys = [booked_buy(buyer, key=KEY.format(number)) for number in range(2)]

    found = shown(buyer, media_buy_ids=[buy.media_buy_id for buy in buys])

    assert found["pagination"] == {"has_more": False, "total_count": 2}


def test_a_cursor_belongs_to_its_filters_and_its_caller(buyer: Buyer, stranger: Buyer) -> None:
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)
    for number in range(2):
        booked_buy(buyer, key=KEY.format(number))
    body: dict[str, Any] = {"status_filter": ["pending_creatives"]}
    cursor = shown(buyer, **body, pagination={"max_results": 1})["pagination"]["cursor"]

    assert refused(stranger, **body, pagination={"cursor": cursor})["field"] == "pagination.cursor"
    assert refused(buyer, pagination={"cursor": cursor})["field"] == "pagination.cursor"


# Errors


def test_media_buy_not_found_for_each_id_and_the_rest_is_served(buyer: Buyer) -> None:
    buy = running_buy(buyer)

    found = shown(buyer, media_buy_ids=["mb_nobodys", buy.media_buy_id, "mb_other"])

    assert ids(found) == [buy.media_buy_id]
    assert [(error["code"], error["field"]) for error in found["errors"]] == [
        ("MEDIA_BUY_NOT_FOUND", "media_buy_ids[0]"),
        ("MEDIA_BUY_NOT_FOUND", "media_buy_ids[2]"),
    ]
    assert all(error["suggestion"] for error in found["errors"])
    assert found["status"] == "completed"


def test_an_unknown_and_a_foreign_id_are_the_same_error(buyer: Buyer, stranger: Buyer) -> None:
    foreign = running_buy(buyer)

    def answer(media_buy_id: str | None) -> Answer:
        return ask("get_media_buys", {"media_buy_ids": [media_buy_id]}, stranger.token)

    assert answer(foreign.media_buy_id).raw == answer("mb_nobodys").raw


def test_a_draft_is_no_media_buy(buyer: Buyer) -> None:
    placed = place(buyer, guaranteed_order(buyer))

    every = shown(buyer, status_filter=list(STATUSES))

    assert placed.drafted.buy.status == BuyStatus.DRAFT
    assert every["media_buys"] == []


@pytest.mark.parametrize(
    "params", [{}, {"status_filter": "completed"}, {"pagination": {"max_results": 5}}]
)
def test_an_empty_scope_is_an_empty_list_and_no_error(buyer: Buyer, params: dict[str, Any]) -> None:
    found = shown(buyer, **params)

    assert found["media_buys"] == []
    assert "errors" not in found
    assert found["pagination"] == {"has_more": False, "total_count": 0}


def test_auth_missing_without_credentials() -> None:
    answer = ask("get_media_buys", {})

    assert (answer.status, answer.error["code"]) == (401, "AUTH_MISSING")
    assert "media_buys" not in answer.body


@pytest.mark.parametrize("why", ["expired", "revoked", "made up"])
def test_auth_invalid_for_credentials_that_are_rejected(buyer: Buyer, why: str) -> None:
    running_buy(buyer)
    past = timezone.now() - HOUR
    expires_at = past if why == "expired" else None
    token, plain = token_issue(principal=buyer.principal, name="old", expires_at=expires_at)
    if why == "revoked":
        token_revoke(token=token)

    answer = ask("get_media_buys", {}, "adcp_test_nonsense" if why == "made up" else plain)

    assert (answer.status, answer.error["code"]) == (401, "AUTH_INVALID")
    assert "media_buys" not in answer.body
    # A person must issue a new one: an agent should not try again.
    assert answer.error["recovery"] == "terminal"


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
    buy = in_status(buyer, status)

    history = entries(buyer, buy)

    assert history[-1]["action"] == "created"
    if status in words:
        assert history[0]["action"] == words[status]
