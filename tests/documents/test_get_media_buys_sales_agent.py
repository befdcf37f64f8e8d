"""Document 001, the sales agent's `get_media_buys`, sentence by sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from adcp_sales.protocol.models import ApiToken
from mediabuys.models import (
    Account,
    AccountAccess,
    Creative,
    CreativeAssignment,
    MediaBuy,
    Package,
    Publisher,
)
from mediabuys.services.flights import media_buy_complete
from mediabuys.services.orders import media_buy_reject
from mediabuys.states import CanceledBy, CreativeStatus
from tasks_hitl.services import book
from tests.documents.examples import added, differences, example
from tests.documents.scenes import canceled, changed, delivered, running_buy
from tests.people import Buyer, make_buyer, make_staff, order_params
from tests.protocol.conftest import Answer, ask, row_counts
from tests.trade.orders import booked_buy, give_creatives, place, waiting_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

DOCUMENT = "get_media_buys_sales_agent"
# What an answer has beside the document's own fields: the protocol's word, and more of the buy.
MORE_OF_A_BUY = {
    "adcp_status", "account_id", "currency", "total_budget", "start_time", "end_time",
}  # fmt: skip
MORE_OF_A_PACKAGE = {"budget", "creative_assignments"}


def listed(buyer: Buyer, **params: Any) -> dict[str, Any]:
    answer = ask("get_media_buys", params, buyer.token, prefix="legacy")
    assert answer.status == 200, answer.body
    return answer.body


def refused(params: dict[str, Any], token: str | None) -> Answer:
    """Return a refusal, which changed nothing."""
    before = row_counts()
    answer = ask("get_media_buys", params, token, prefix="legacy")
    assert answer.status >= 400, answer.body
    assert row_counts() == before
    return answer


def ids(body: dict[str, Any]) -> list[str]:
    return [buy["media_buy_id"] for buy in body["media_buys"]]


def codes(body: dict[str, Any]) -> list[str]:
    return [error["code"] for error in body["errors"]]


def named_buy(buyer: Buyer, number: int, **changes: Any) -> MediaBuy:
    """Return a buy that waits for creatives, with a key of its own."""
    return booked_buy(buyer, key=f"key-{number:016d}", **changes)


def in_status(buyer: Buyer, status: str, number: int = 1) -> MediaBuy:
    """Return a buy brought to this status by the services."""
    return STATUSES[status](buyer, number)


def _pending_start(buyer: Buyer, number: int) -> MediaBuy:
    placed = place(buyer, order_params(buyer, f"key-{number:016d}"))
    give_creatives(placed.drafted.buy)
    book(booking_id=placed.drafted.buy.booking.booking_id)
    return MediaBuy.objects.get(pk=placed.drafted.buy.pk)


def _active(buyer: Buyer, number: int) -> MediaBuy:
    return running_buy(buyer, key=f"key-{number:016d}")


def _paused(buyer: Buyer, number: int) -> MediaBuy:
    return running_buy(buyer, key=f"key-{number:016d}", paused=True)


def _completed(buyer: Buyer, number: int) -> MediaBuy:
    now = timezone.now()
    return changed(_active(buyer, number), lambda row: media_buy_complete(buy=row, now=now))


def _rejected(buyer: Buyer, number: int) -> MediaBuy:
    now = timezone.now()
    buy = named_buy(buyer, number)
    return changed(buy, lambda row: media_buy_reject(buy=row, actor="staff", reason="No.", now=now))


def _canceled(buyer: Buyer, number: int) -> MediaBuy:
    return canceled(named_buy(buyer, number), by=CanceledBy.SELLER, reason="Sold out")


STATUSES: dict[str, Callable[[Buyer, int], MediaBuy]] = {
    "pending_creatives": named_buy,
    "pending_start": _pending_start,
    "active": _active,
    "paused": _paused,
    "completed": _completed,
    "rejected": _rejected,
    "canceled": _canceled,
}
WORDS = {
    "pending_creatives": "pending",
    "pending_start": "approved",
    "active": "active",
    "paused": "paused",
    "completed": "completed",
    "rejected": "failed",
    "canceled": "failed",
}


# Description


def test_returns_media_buys_with_status_creatives_and_snapshots(
    buyer: Buyer, settings: Settings
) -> None:
    # given the buy of the document's example, on an ad server that tells figures
    buy = running_buy(buyer, buyer_ref="buyer_ref_001")
    delivered(buy, impressions=45_200, spend=Decimal("180.00"))
    settings.ADSERVER = "simulated"

    answer = listed(buyer, include_snapshot=True)

    shown = example(DOCUMENT, "response")
    assert differences(answer, {**shown, "errors": answer["errors"]}) == []
    assert added(answer, shown) == {"status", "pagination"}
    (entry,), (package,) = answer["media_buys"], answer["media_buys"][0]["packages"]
    assert set(entry) - set(shown["media_buys"][0]) == MORE_OF_A_BUY
    assert set(package) - set(shown["media_buys"][0]["packages"][0]) == MORE_OF_A_PACKAGE
    assert (entry["buyer_ref"], entry["status"]) == ("buyer_ref_001", "active")
    assert package["creative_status"] == "approved"
    assert package["delivery_snapshot"] == {
        "impressions_delivered": 45_200,
        "spend_to_date": 180,
        "pacing_percentage": 0.72,
    }
    assert answer["errors"] == []


def test_without_filters_all_active_buys_are_returned(buyer: Buyer) -> None:
    buys = [in_status(buyer, status, number) for number, status in enumerate(STATUSES)]

    answer = listed(buyer)

    assert ids(answer) == [buy.media_buy_id for buy in buys if buy.status == "active"]


def test_only_what_the_principal_may_see_is_returned(buyer: Buyer, stranger: Buyer) -> None:
    _active(buyer, 1)

    assert ids(listed(stranger)) == []
    assert len(ids(listed(buyer))) == 1


def test_buys_of_another_agent_on_a_shared_account_are_returned(
    buyer: Buyer, stranger: Buyer
) -> None:
    buy = _active(buyer, 1)
    AccountAccess.objects.create(account=buyer.account, principal=stranger.principal)

    assert ids(listed(stranger)) == [buy.media_buy_id]


def test_an_order_that_waits_is_no_buy_yet(buyer: Buyer) -> None:
    waiting_task(buyer, buyer_ref="ref")

    assert ids(listed(buyer, buyer_refs=["ref"])) == []


# Parameters


def test_media_buy_ids_are_retrieved_whatever_their_status(buyer: Buyer) -> None:
    first, second, _ = (named_buy(buyer, number) for number in range(3))

    answer = listed(buyer, media_buy_ids=[first.media_buy_id, second.media_buy_id])

    assert ids(answer) == [second.media_buy_id, first.media_buy_id]
    assert answer["errors"] == []


def test_unknown_and_foreign_media_buy_ids_are_errors_beside_the_rest(
    buyer: Buyer, stranger: Buyer
) -> None:
    foreign, own = named_buy(buyer, 1), named_buy(stranger, 2)

    answer = listed(stranger, media_buy_ids=[own.media_buy_id, foreign.media_buy_id, "mb_0"])

    assert ids(answer) == [own.media_buy_id]
    assert codes(answer) == ["MEDIA_BUY_NOT_FOUND", "MEDIA_BUY_NOT_FOUND"]
    assert [error.pop("field") for error in answer["errors"]] == [
        "media_buy_ids[1]",
        "media_buy_ids[2]",
    ]
    assert answer["errors"][0] == answer["errors"][1]


def test_buyer_refs_lift_the_default_status(buyer: Buyer) -> None:
    buy = named_buy(buyer, 1, buyer_ref="spring")
    named_buy(buyer, 2, buyer_ref="autumn")

    answer = listed(buyer, buyer_refs=["spring"])

    assert ids(answer) == [buy.media_buy_id]
    assert answer["media_buys"][0]["buyer_ref"] == "spring"
    assert answer["errors"] == []


def test_buyer_refs_match_packages_too(buyer: Buyer) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}
    lines = [line, {**line, "buyer_ref": "line-7"}]
    buy = named_buy(buyer, 1, packages=lines)
    named_buy(buyer, 2)

    answer = listed(buyer, buyer_refs=["line-7"])

    assert ids(answer) == [buy.media_buy_id]
    packages = answer["media_buys"][0]["packages"]
    assert [package.get("buyer_ref") for package in packages] == [None, "line-7"]


@pytest.mark.parametrize(
    "place_of_reference",
    [
        {"buyer_ref": "spring"},
        {"ext": {"buyer_ref": "spring"}},
        {"ext": {"acme": {"buyer_ref": "spring"}}},
        {"context": {"buyer_ref": "spring"}},
    ],
)
def test_a_buyer_ref_is_stored_at_create(buyer: Buyer, place_of_reference: dict[str, Any]) -> None:
    buy = named_buy(buyer, 1, **place_of_reference)

    assert ids(listed(buyer, buyer_refs=["spring"])) == [buy.media_buy_id]


def test_unknown_and_foreign_buyer_refs_are_errors_beside_the_rest(
    buyer: Buyer, stranger: Buyer
) -> None:
    own = named_buy(stranger, 1, buyer_ref="mine")
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}
    named_buy(buyer, 2, buyer_ref="theirs", packages=[{**line, "buyer_ref": "their-line"}])

    answer = listed(stranger, buyer_refs=["mine", "theirs", "their-line", "nobodys"])

    assert ids(answer) == [own.media_buy_id]
    fields = [error.pop("field") for error in answer["errors"]]
    assert fields == ["buyer_refs[1]", "buyer_refs[2]", "buyer_refs[3]"]
    assert answer["errors"] == [answer["errors"][0]] * 3
    assert codes(answer) == ["MEDIA_BUY_NOT_FOUND"] * 3


def test_a_known_buyer_ref_of_another_status_is_no_error(buyer: Buyer) -> None:
    named_buy(buyer, 1, buyer_ref="spring")

    answer = listed(buyer, buyer_refs=["spring"], status_filter="active")

    assert (ids(answer), codes(answer)) == ([], ["CONTEXT_REQUIRED"])


def test_filters_narrow_together(buyer: Buyer) -> None:
    spring, other = named_buy(buyer, 1, buyer_ref="spring"), named_buy(buyer, 2, buyer_ref="other")

    both = listed(buyer, buyer_refs=["spring", "other"], media_buy_ids=[other.media_buy_id])
    by_account = listed(
        buyer, buyer_refs=["spring"], account_id=buyer.account.account_id, status_filter=["pending"]
    )

    assert ids(both) == [other.media_buy_id]
    assert ids(by_account) == [spring.media_buy_id]


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_its_older_word_in_output_and_filter(buyer: Buyer, status: str) -> None:
    # given a buy in this status and one in another
    buy = in_status(buyer, status, 1)
    in_status(buyer, "pending_creatives" if status == "active" else "active", 2)
    assert buy.status == status

    answer = listed(buyer, status_filter=WORDS[status])

    assert ids(answer) == [buy.media_buy_id]
    (entry,) = answer["media_buys"]
    assert (entry["status"], entry["adcp_status"]) == (WORDS[status], status)


def test_status_filter_takes_several(buyer: Buyer) -> None:
    buys = {status: in_status(buyer, status, number) for number, status in enumerate(STATUSES)}

    answer = listed(buyer, status_filter=["failed", "approved"])

    wanted = ("canceled", "rejected", "pending_start")
    assert ids(answer) == [buys[status].media_buy_id for status in wanted]


@pytest.mark.parametrize(
    ("status_filter", "field"),
    [
        ("pending_creatives", "status_filter"),
        ("ACTIVE", "status_filter"),
        (["active", "canceled"], "status_filter[1]"),
        ([], "status_filter"),
        (7, "status_filter"),
    ],
)
def test_an_unknown_status_is_refused_with_its_field(
    buyer: Buyer, status_filter: Any, field: str
) -> None:
    answer = refused({"status_filter": status_filter}, buyer.token)

    error = answer.body["errors"][0]
    assert (answer.status, error["code"], error["field"]) == (400, "INVALID_REQUEST", field)
    assert answer.body["media_buys"] == []


def test_an_unknown_status_is_told_the_known_ones(buyer: Buyer) -> None:
    """And not that it should have been a list."""
    answer = refused({"status_filter": "pending_creatives"}, buyer.token)

    assert answer.body["errors"][0]["message"].startswith(
        'status_filter: The value is not one of "active", "approved" or '
    )


def test_include_snapshot_is_false_by_default(buyer: Buyer) -> None:
    _active(buyer, 1)

    (package,) = listed(buyer)["media_buys"][0]["packages"]

    assert "delivery_snapshot" not in package
    assert "snapshot_unavailable_reason" not in package


def test_a_snapshot_that_is_not_there_has_a_reason(buyer: Buyer) -> None:
    _active(buyer, 1)

    (package,) = listed(buyer, include_snapshot=True)["media_buys"][0]["packages"]

    assert "delivery_snapshot" not in package
    assert package["snapshot_unavailable_reason"] == "SNAPSHOT_UNSUPPORTED"


def test_account_id_narrows_to_one_account(buyer: Buyer) -> None:
    # given a buy on each of two accounts of the agent
    other = make_buyer("Second")
    AccountAccess.objects.create(account=other.account, principal=buyer.principal)
    _active(buyer, 1)
    buy = _active(other, 2)

    answer = listed(buyer, account_id=other.account.account_id)

    assert ids(answer) == [buy.media_buy_id]
    assert answer["media_buys"][0]["account_id"] == other.account.account_id
    assert len(ids(listed(buyer))) == 2


def test_a_foreign_account_id_is_an_unknown_one(buyer: Buyer, stranger: Buyer) -> None:
    foreign = refused({"account_id": buyer.account.account_id}, stranger.token)
    unknown = refused({"account_id": "acc_unknown"}, stranger.token)

    assert foreign.raw == unknown.raw
    assert foreign.body["errors"][0]["code"] == "ACCOUNT_NOT_FOUND"
    assert foreign.body["errors"][0]["field"] == "account_id"


def test_context_comes_back_untouched(buyer: Buyer) -> None:
    context = {"trace": ["a", 1], "nested": {"x": None}}

    assert listed(buyer, context=context)["context"] == context


def test_parameters_that_are_null_are_absent(buyer: Buyer) -> None:
    buy = _active(buyer, 1)
    named_buy(buyer, 2)
    names = ("media_buy_ids", "buyer_refs", "status_filter", "account_id", "context")

    answer = listed(buyer, **dict.fromkeys(names), include_snapshot=None)

    assert ids(answer) == [buy.media_buy_id]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"media_buy_ids": "mb_1"}, "media_buy_ids"),
        ({"media_buy_ids": []}, "media_buy_ids"),
        ({"buyer_refs": [7]}, "buyer_refs[0]"),
        ({"buyer_refs": []}, "buyer_refs"),
        ({"buyer_refs": ["r"] * 101}, "buyer_refs"),
        ({"include_snapshot": "yes"}, "include_snapshot"),
        ({"account_id": 7}, "account_id"),
        ({"account_id": {"account_id": "acc"}}, "account_id"),
        ({"context": "c"}, "context"),
        ({"pagination": {"max_results": 0}}, "pagination.max_results"),
        ({"pagination": {"max_results": 101}}, "pagination.max_results"),
        ({"pagination": {"cursor": "forged"}}, "pagination.cursor"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_field(
    buyer: Buyer, params: dict[str, Any], field: str
) -> None:
    answer = refused(params, buyer.token)

    assert answer.status == 400
    assert answer.body["errors"][0]["field"] == field
    assert answer.body["errors"][0]["suggestion"]


# Response


def test_packages_come_with_their_creative_assignments(buyer: Buyer) -> None:
    buy = _active(buyer, 1)

    (package,) = listed(buyer)["media_buys"][0]["packages"]

    row = buy.packages.get()
    assert (package["package_id"], package["product_id"]) == (row.package_id, "run-of-site")
    assert package["creative_assignments"] == [
        {"creative_id": f"creative-{row.package_id}", "approval_status": "approved"}
    ]


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ([], "missing"),
        (["approved"], "approved"),
        (["approved", "pending_review"], "pending_review"),
        (["approved", "processing"], "pending_review"),
        (["approved", "pending_review", "rejected"], "rejected"),
    ],
)
def test_creative_status_is_the_most_urgent_of_the_package(
    buyer: Buyer, statuses: list[str], word: str
) -> None:
    buy = named_buy(buyer, 1)
    for status in statuses:
        creative = creative_in(buy, status)
        CreativeAssignment.objects.create(
            package=buy.packages.get(), creative_ref=creative.creative_id, creative=creative
        )

    (package,) = listed(buyer, status_filter="pending")["media_buys"][0]["packages"]

    assert package["creative_status"] == word


def creative_in(buy: MediaBuy, status: str) -> Creative:
    return Creative.objects.create(
        account=buy.account,
        principal=buy.principal,
        creative_id=f"creative-{status}",
        name="Banner",
        format_id={"agent_url": "http://127.0.0.1:8000", "id": "display_main"},
        format_key="display_main",
        content_digest="0" * 64,
        status=CreativeStatus(status),
        rejection_reason="Too loud" if status == "rejected" else "",
    )


def test_errors_are_always_a_list(buyer: Buyer) -> None:
    _active(buyer, 1)

    assert listed(buyer)["errors"] == []


def test_an_empty_scope_is_an_empty_list_with_an_advisory(buyer: Buyer) -> None:
    named_buy(buyer, 1)

    answer = listed(buyer)

    assert answer["media_buys"] == []
    assert answer["errors"] == [
        {
            "code": "CONTEXT_REQUIRED",
            "message": "No media buys found for the requested scope",
            "suggestion": "Provide valid IDs/refs or broaden status_filter/pagination scope",
            "recovery": "correctable",
        }
    ]


def test_what_does_not_fit_is_announced_and_can_be_had(buyer: Buyer) -> None:
    # given 101 pending buys
    buy = named_buy(buyer, 1)
    copied = ("principal", "account", "currency", "total_budget", "start_time", "end_time")
    fields = {name: getattr(buy, name) for name in (*copied, "status", "confirmed_at")}
    MediaBuy.objects.bulk_create(
        MediaBuy(media_buy_id=f"mb_{number}", **fields) for number in range(100)
    )

    first = listed(buyer, status_filter="pending")
    rest = listed(
        buyer, status_filter="pending", pagination={"cursor": first["pagination"]["cursor"]}
    )

    assert (len(ids(first)), codes(first)) == (100, ["MORE_RESULTS"])
    assert first["errors"][0]["field"] == "pagination.cursor"
    assert (ids(rest), rest["errors"]) == ([buy.media_buy_id], [])
    assert len(ids(listed(buyer, status_filter="pending", pagination={"max_results": 7}))) == 7


def test_named_buys_are_paged_too(buyer: Buyer) -> None:
    buys = [named_buy(buyer, number, buyer_ref="spring") for number in range(3)]
    params: dict[str, Any] = {"buyer_refs": ["spring"], "pagination": {"max_results": 2}}

    first = listed(buyer, **params)
    params["pagination"]["cursor"] = first["pagination"]["cursor"]
    rest = listed(buyer, **params)

    assert ids(first) + ids(rest) == [buy.media_buy_id for buy in reversed(buys)]


# Error codes


def test_principal_id_missing(buyer: Buyer) -> None:
    answer = refused({"context": {"a": 1}}, None)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adcp"'
    assert codes(answer.body) == ["principal_id_missing"]
    assert answer.body["errors"][0]["message"] == (
        "No principal ID was found in the request context. Authentication is required."
    )
    assert answer.body["adcp_error"]["code"] == "AUTH_MISSING"
    assert (answer.body["media_buys"], answer.body["context"]) == ([], {"a": 1})


@pytest.mark.parametrize("state", ["unknown", "revoked", "expired"])
def test_principal_not_found(buyer: Buyer, state: str) -> None:
    token = "adcp_test_00000000_" + "A" * 43 if state == "unknown" else buyer.token
    past = timezone.now() - timedelta(seconds=1)
    if state == "revoked":
        ApiToken.objects.update(revoked_at=past)
    elif state == "expired":
        ApiToken.objects.update(expires_at=past)

    answer = refused({}, token)

    assert answer.status == 401
    assert codes(answer.body) == ["principal_not_found"]
    assert answer.body["errors"][0]["message"] == (
        "The authenticated principal does not exist in the system."
    )
    assert answer.body["adcp_error"]["code"] == "AUTH_INVALID"


def test_account_id_filtering_not_supported(buyer: Buyer, publisher: Publisher) -> None:
    _active(buyer, 1)
    Publisher.objects.filter(pk=publisher.pk).update(allows_legacy_account_filter=False)

    answers = [
        refused({"account_id": account_id}, buyer.token)
        for account_id in (buyer.account.account_id, "acc_unknown")
    ]

    assert answers[0].raw == answers[1].raw
    assert answers[0].status == 400
    error = answers[0].body["errors"][0]
    assert (error["code"], error["field"]) == ("account_id_filtering_not_supported", "account_id")
    assert error["message"] == (
        "The account_id filter is not supported for this tenant configuration."
    )
    assert len(ids(listed(buyer))) == 1


def test_a_director_switches_filtering_by_account(buyer: Buyer, publisher: Publisher) -> None:
    client = Client()
    client.force_login(make_staff("director", "director"))
    address = f"/admin/mediabuys/publisher/{publisher.pk}/change/"
    form = client.get(address).context["adminform"].form
    filled = {name: "" if value is None else value for name, value in form.initial.items()}

    client.post(address, {**filled, "allows_legacy_account_filter": ""})
    switched_off = refused({"account_id": buyer.account.account_id}, buyer.token)
    client.post(address, {**filled, "allows_legacy_account_filter": "on"})
    switched_on = listed(buyer, account_id=buyer.account.account_id)

    assert codes(switched_off.body) == ["account_id_filtering_not_supported"]
    assert codes(switched_on) == ["CONTEXT_REQUIRED"]


# Example


@dataclass
class ToolResult:
    content: dict[str, Any]


@dataclass
class RestSession:
    """Calls a tool by the older REST address, as an MCP session calls it by its name."""

    token: str

    def call_tool(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(ask(name, arguments, self.token, prefix="legacy").body)


def test_the_example_script_over_rest(
    buyer: Buyer, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """The document's script, with REST in the place of its MCP session."""
    running, waiting = _active(buyer, 1), named_buy(buyer, 2)
    delivered(running, impressions=45_200)
    settings.ADSERVER = "simulated"
    session = RestSession(buyer.token)

    # Retrieve all active media buys
    result = session.call_tool(
        "get_media_buys",
        arguments={
            "status_filter": "active",
        },
    )
    for buy in result.content["media_buys"]:
        print(f"{buy['media_buy_id']}: {buy['status']}")

    # Retrieve specific media buys with delivery snapshots
    result = session.call_tool(
        "get_media_buys",
        arguments={
            "media_buy_ids": [running.media_buy_id, waiting.media_buy_id],
            "include_snapshot": True,
        },
    )
    for buy in result.content["media_buys"]:
        for pkg in buy.get("packages", []):
            snapshot = pkg.get("delivery_snapshot", {})
            print(f"  {pkg['package_id']}: {snapshot.get('impressions_delivered', 0)} impressions")

    assert capsys.readouterr().out.splitlines() == [
        f"{running.media_buy_id}: active",
        f"  {waiting.packages.get().package_id}: 0 impressions",
        f"  {running.packages.get().package_id}: 45200 impressions",
    ]


# The strict surface


def test_the_strict_surface_says_what_to_send_instead(buyer: Buyer) -> None:
    buy = _active(buyer, 1)

    answer = ask(
        "get_media_buys", {"buyer_refs": ["nobodys"], "account_id": "acc_unknown"}, buyer.token
    )

    assert ids(answer.body) == [buy.media_buy_id]
    assert [(error["code"], error["field"]) for error in answer.body["errors"]] == [
        ("UNSUPPORTED_FEATURE", "buyer_refs"),
        ("UNSUPPORTED_FEATURE", "account_id"),
    ]
    assert "media_buy_ids" in answer.body["errors"][0]["suggestion"]
    assert "account" in answer.body["errors"][1]["suggestion"]


@pytest.mark.parametrize("word", ["pending", "approved", "failed"])
def test_the_strict_surface_refuses_an_older_status(buyer: Buyer, word: str) -> None:
    answer = ask("get_media_buys", {"status_filter": word}, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == "status_filter"


def test_the_strict_surface_never_asks_for_context(buyer: Buyer) -> None:
    answer = ask("get_media_buys", {}, buyer.token)

    assert (answer.body["media_buys"], answer.body.get("errors")) == ([], None)


# What it costs


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # token, buys, accounts, packages, products, formats, assignments
        ({"status_filter": "pending"}, 7),
        # and the snapshots
        ({"status_filter": "pending", "include_snapshot": True}, 8),
        ({"buyer_refs": ["spring"]}, 7),
        # and which of the names are known
        ({"buyer_refs": ["spring", "nobodys"]}, 8),
        # and whether to narrow, and the account
        ({"status_filter": "pending", "account_id": "own"}, 9),
    ],
)
def test_a_listing_costs_the_same_whatever_its_size(
    buyer: Buyer, params: dict[str, Any], expected: int
) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 400}
    if "account_id" in params:
        params = {**params, "account_id": buyer.account.account_id}
    spent = []
    for number, packages in ((1, 1), (2, 8), (3, 8)):
        buy = named_buy(buyer, number, packages=[line] * packages, buyer_ref="spring")
        give_creatives(buy)
        with CaptureQueriesContext(connection) as captured:
            listed(buyer, **params)
        # The token's mark of use is written once a minute.
        reads = [row for row in captured.captured_queries if "UPDATE" not in row["sql"]]
        spent.append(len(reads))

    assert spent == [expected] * 3


def test_references_are_read_by_their_indexes(buyer: Buyer) -> None:
    # given enough buys and packages that the planner must choose
    buy = named_buy(buyer, 1, buyer_ref="spring")
    package = buy.packages.get()
    copied = ("principal", "account", "currency", "total_budget", "start_time", "end_time")
    fields = {name: getattr(buy, name) for name in (*copied, "status", "confirmed_at")}
    buys = MediaBuy.objects.bulk_create(
        MediaBuy(media_buy_id=f"mb_{number}", buyer_ref=f"ref-{number}", **fields)
        for number in range(1000)
    )
    lines = {name: getattr(package, name) for name in ("product", "pricing_option", "budget")}
    Package.objects.bulk_create(
        Package(media_buy=row, position=0, currency="USD", buyer_ref=f"line-{row.pk}", **lines)
        for row in buys
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mediabuys_mediabuy, mediabuys_package")

    with CaptureQueriesContext(connection) as captured:
        listed(buyer, buyer_refs=["spring", "line-0"])

    sql = next(row["sql"] for row in captured.captured_queries if "UNION" in row["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "media_buy_buyer_ref" in plan
    assert "package_buyer_ref" in plan


def test_accounts_that_ended_are_listed_like_unknown_ones(buyer: Buyer) -> None:
    _active(buyer, 1)
    Account.objects.update(status="closed")

    answer = refused({"account_id": buyer.account.account_id}, buyer.token)

    assert codes(answer.body) == ["ACCOUNT_NOT_FOUND"]
