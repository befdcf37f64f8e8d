"""list_creatives: the library, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediabuys.models import Creative, MediaBuy
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import CanceledBy, CreativeStatus
from tests.creatives.library import call, item, sync, wish
from tests.people import AGENT_URL, Buyer, guaranteed_order, in_wire, make_format
from tests.trade.orders import place

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def library(buyer: Buyer) -> list[str]:
    """Five creatives, made an hour apart, and changed in the opposite order."""
    names = ["alpha", "bravo", "charlie", "delta", "echo"]
    make_format("display_wide")
    sync(
        buyer,
        *[item(name, name=f"The {name}", tags=["spring"]) for name in names[:3]],
        *[
            item(
                name,
                name=f"The {name}",
                tags=["summer", "bold"],
                format_id={"agent_url": AGENT_URL, "id": "display_wide"},
            )
            for name in names[3:]
        ],
    )
    for hour, name in enumerate(names):
        Creative.objects.filter(creative_id=name).update(
            created_at=START + timedelta(hours=hour), updated_at=START + timedelta(hours=9 - hour)
        )
    Creative.objects.filter(creative_id="bravo").update(
        status=CreativeStatus.REJECTED, rejection_reason="Too loud."
    )
    return names


def listed(buyer: Buyer, **body: Any) -> dict[str, Any]:
    status, answer = call("list_creatives", body, buyer)
    assert status == 200, answer
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [creative["creative_id"] for creative in answer["creatives"]]


def test_everything_of_one_creative_is_told(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = buy.packages.get().package_id
    sync(buyer, item(tags=["spring"]), assignments=[wish("banner", package_id)])
    creative = Creative.objects.get()
    assignment = creative.assignments.get()

    [body] = listed(buyer)["creatives"]

    assert body.pop("account")["account_id"] == buyer.account.account_id
    assert body == item(tags=["spring"]) | {
        "status": "approved",
        "created_date": creative.created_at.isoformat(),
        "updated_date": creative.updated_at.isoformat(),
        "assignments": {
            "assignment_count": 1,
            "assigned_packages": [
                {"package_id": package_id, "assigned_date": assignment.assigned_at.isoformat()}
            ],
        },
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"creative_ids": ["alpha", "echo", "nobodys"]}, ["echo", "alpha"]),
        ({"statuses": ["rejected"]}, ["bravo"]),
        ({"tags": ["summer", "bold"]}, ["echo", "delta"]),
        ({"tags": ["summer", "spring"]}, []),
        ({"tags_any": ["summer", "spring"], "statuses": ["rejected"]}, ["bravo"]),
        ({"name_contains": "THE CH"}, ["charlie"]),
        ({"name_contains": "%"}, []),
        ({"created_after": in_wire(START + timedelta(hours=3))}, ["echo"]),
        ({"created_before": in_wire(START + timedelta(hours=1))}, ["alpha"]),
        ({"updated_after": in_wire(START + timedelta(hours=8))}, ["alpha"]),
        ({"updated_before": in_wire(START + timedelta(hours=6))}, ["echo"]),
        ({"format_ids": [{"agent_url": f"{AGENT_URL}/", "id": "display_wide"}]}, ["echo", "delta"]),
        ({"format_ids": [{"agent_url": "https://else.example", "id": "display_wide"}]}, []),
        ({"concept_ids": ["concept"]}, []),
        ({"has_variables": True}, []),
        ({"unassigned": False}, []),
    ],
)
@pytest.mark.usefixtures("library")
def test_filters(buyer: Buyer, filters: dict[str, Any], expected: list[str]) -> None:
    answer = listed(buyer, filters=filters)

    assert ids(answer) == expected
    assert answer["query_summary"]["total_matching"] == len(expected)
    assert answer["query_summary"]["filters_applied"] == sorted(filters)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("created_date", ["alpha", "bravo", "charlie", "delta", "echo"]),
        ("updated_date", ["echo", "delta", "charlie", "bravo", "alpha"]),
        ("name", ["alpha", "bravo", "charlie", "delta", "echo"]),
        ("status", ["alpha", "charlie", "delta", "echo", "bravo"]),
        ("assignment_count", ["alpha", "bravo", "delta", "echo", "charlie"]),
    ],
)
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.usefixtures("library")
def test_pages_hold_every_creative_once_in_every_order(
    buyer: Buyer, buy: MediaBuy, field: str, expected: list[str], direction: str
) -> None:
    sync(buyer, item("charlie", name="The charlie", tags=["spring"]), assignments=[
        wish("charlie", buy.packages.get().package_id)
    ])  # fmt: skip
    query = {"sort": {"field": field, "direction": direction}}

    walked: list[str] = []
    page: dict[str, Any] = {"max_results": 2}
    for number in range(3):
        answer = listed(buyer, **query, pagination=page)
        walked += ids(answer)
        assert answer["query_summary"] == {
            "total_matching": 5,
            "returned": 2 if number < 2 else 1,
            "filters_applied": [],
            "sort_applied": query["sort"],
        }
        assert answer["pagination"]["has_more"] is (number < 2)
        page = {"max_results": 2, "cursor": answer["pagination"].get("cursor", "")}

    assert walked == (expected if direction == "asc" else expected[::-1])


@pytest.mark.usefixtures("library")
def test_summaries_count_the_whole_list_and_not_the_page(buyer: Buyer) -> None:
    answer = listed(buyer, pagination={"max_results": 1})

    assert answer["status_summary"] == {"approved": 4, "rejected": 1}
    assert answer["format_summary"] == {"display_main": 3, "display_wide": 2}


@pytest.mark.usefixtures("library")
def test_a_cursor_of_another_listing_is_refused(buyer: Buyer, stranger: Buyer) -> None:
    cursor = listed(buyer, pagination={"max_results": 1})["pagination"]["cursor"]

    for body, caller in (
        ({"pagination": {"cursor": cursor + "x"}}, buyer),
        ({"pagination": {"cursor": cursor}, "sort": {"field": "name"}}, buyer),
        ({"pagination": {"cursor": cursor}}, stranger),
    ):
        status, answer = call("list_creatives", body, caller)
        assert (status, answer["errors"][0]["code"]) == (400, "INVALID_REQUEST")
        assert answer["errors"][0]["field"] == "pagination.cursor"


@pytest.mark.usefixtures("library")
def test_a_stranger_sees_nothing_and_learns_nothing(buyer: Buyer, stranger: Buyer) -> None:
    account_id = buyer.account.account_id

    everything = listed(stranger)
    by_account = listed(stranger, filters={"accounts": [{"account_id": account_id}]})
    foreign = call("list_creatives", {"account": {"account_id": account_id}}, stranger)
    unknown = call("list_creatives", {"account": {"account_id": "acc_unknown"}}, stranger)

    assert (ids(everything), ids(by_account)) == ([], [])
    assert everything["query_summary"]["total_matching"] == 0
    assert foreign == unknown
    assert foreign[0] == 404


def test_a_drafts_package_is_on_no_wire(buyer: Buyer) -> None:
    line = {
        "product_id": "homepage",
        "pricing_option_id": "usd",
        "budget": 50_000,
        "creative_assignments": [{"creative_id": "banner"}],
    }
    placed = place(buyer, guaranteed_order(buyer, packages=[line]))
    sync(buyer, item())

    [body] = listed(buyer)["creatives"]
    by_package = listed(
        buyer, filters={"assigned_to_packages": [placed.drafted.packages[0].package_id]}
    )

    assert body["assignments"] == {"assignment_count": 0}
    assert ids(by_package) == []


def test_a_cancellation_releases_the_creative_and_keeps_it(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = buy.packages.get().package_id
    sync(buyer, item(), assignments=[wish("banner", package_id)])
    by_buy = {"media_buy_ids": [buy.media_buy_id]}
    assert ids(listed(buyer, filters=by_buy)) == ["banner"]
    buy.refresh_from_db()

    media_buy_cancel(
        buy=buy,
        actor="system",
        canceled_by=CanceledBy.BUYER,
        reason="Changed plans.",
        now=buy.created_at,
    )

    assert ids(listed(buyer, filters=by_buy)) == []
    assert ids(listed(buyer, filters={"assigned_to_packages": [package_id]})) == []
    assert ids(listed(buyer, filters={"unassigned": True})) == ["banner"]


def test_archived_creatives_are_listed_only_when_asked_for(buyer: Buyer) -> None:
    sync(buyer, item())
    Creative.objects.update(status=CreativeStatus.ARCHIVED)

    assert ids(listed(buyer)) == []
    assert ids(listed(buyer, filters={"statuses": ["archived"]})) == ["banner"]


@pytest.mark.usefixtures("library")
def test_only_the_fields_asked_for(buyer: Buyer) -> None:
    answer = listed(
        buyer,
        fields=["creative_id", "name", "status"],
        include_snapshot=True,
        pagination={"max_results": 1},
    )

    assert sorted(answer["creatives"][0]) == [
        "created_date",
        "creative_id",
        "format_id",
        "name",
        "snapshot_unavailable_reason",
        "status",
        "updated_date",
    ]


@pytest.mark.parametrize("filters", [{"has_served": True}, {"colour": "red"}])
def test_a_filter_that_would_not_narrow_is_refused(buyer: Buyer, filters: dict[str, Any]) -> None:
    status, answer = call("list_creatives", {"filters": filters}, buyer)

    assert (status, answer["errors"][0]["code"]) == (400, "UNSUPPORTED_FEATURE")
    assert answer["errors"][0]["field"] == f"filters.{next(iter(filters))}"


def test_a_list_without_a_token_is_unauthorized(buyer: Buyer) -> None:
    nobody = Buyer(buyer.principal, buyer.account, "wrong")

    status, answer = call("list_creatives", {}, nobody)

    assert (status, answer["errors"][0]["code"]) == (401, "AUTH_INVALID")
