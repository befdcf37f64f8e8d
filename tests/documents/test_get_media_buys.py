"""Document 004: get_media_buys, its scope, its parameters, its pages and its errors."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from adcp_sales.protocol.auth import token_issue, token_revoke
from mediabuys.models import (
    AccountAccess,
    MediaBuy,
)
from mediabuys.states import BuyStatus
from tests.documents.scenes import (
    HOUR,
    STATUSES,
    buy_by_staff,
    buy_in_status,
    only,
    running_buy,
    shown,
)
from tests.people import Buyer, guaranteed_order
from tests.protocol.conftest import Answer, ask
from tests.trade.orders import booked_buy, place

pytestmark = pytest.mark.django_db

KEY = "key-00000000000000{:02d}"


def ids(answer: dict[str, Any]) -> list[str]:
    return [buy["media_buy_id"] for buy in answer["media_buys"]]


def refused(buyer: Buyer, **params: Any) -> dict[str, Any]:
    answer = ask("get_media_buys", params, buyer.token)
    assert answer.status == 400, answer.body
    return answer.error


# Scope of results


def test_every_buy_of_the_account_is_returned_however_it_was_made(
    buyer: Buyer, stranger: Buyer
) -> None:
    # given buys made by the agent, by another agent on the account, and by staff
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)
    own = running_buy(buyer)
    shared = Buyer(stranger.principal, buyer.account, stranger.token)
    others = running_buy(shared, key=KEY.format(2))
    staffs = buy_by_staff(buyer)

    assert set(ids(shown(buyer))) == {
        own.media_buy_id,
        others.media_buy_id,
        staffs.media_buy_id,
    }


def test_a_buy_made_outside_adcp_has_the_same_valid_actions(buyer: Buyer) -> None:
    own, staffs = only(buyer, running_buy(buyer)), only(buyer, buy_by_staff(buyer))

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
    wanted = buy_in_status(buyer, status)
    buy_in_status(buyer, "active" if status != "active" else "completed", number=2)

    found = shown(buyer, status_filter=status)

    assert ids(found) == [wanted.media_buy_id]
    assert found["media_buys"][0]["status"] == status


def test_status_filter_takes_a_list(buyer: Buyer) -> None:
    buys = {
        status: buy_in_status(buyer, status, number)
        for number, status in enumerate(("active", "paused", "canceled"))
    }

    found = shown(buyer, status_filter=["paused", "canceled"])

    assert ids(found) == [buys["canceled"].media_buy_id, buys["paused"].media_buy_id]


def test_status_filter_defaults_to_active_without_ids(buyer: Buyer) -> None:
    active = buy_in_status(buyer, "active")
    buy_in_status(buyer, "paused", number=2)
    buy_in_status(buyer, "pending_creatives", number=3)

    assert ids(shown(buyer)) == [active.media_buy_id]


@pytest.mark.parametrize("status", STATUSES)
def test_with_ids_no_status_filter_is_implied(buyer: Buyer, status: str) -> None:
    buy = buy_in_status(buyer, status)

    assert only(buyer, buy)["status"] == status


def test_with_ids_an_explicit_status_filter_holds(buyer: Buyer) -> None:
    buy = buy_in_status(buyer, "paused")

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
        made.append(buy_in_status(owner, status, number).media_buy_id)
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
