"""sync_creatives as a buyer calls it."""

from typing import Any

import pytest

from mediabuys.models import Creative, CreativeAssignment, MediaBuy
from mediabuys.states import BuyStatus
from tests.creatives.library import BANNER, call, item, sync, sync_body, wish
from tests.people import AGENT_URL, Buyer

pytestmark = pytest.mark.django_db


def package_of(buy: MediaBuy) -> str:
    return buy.packages.get().package_id


def test_a_creative_is_created_approved_and_assigned(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = package_of(buy)
    body = sync_body(buyer, item(), assignments=[wish("banner", package_id)])

    status, answer = call("sync_creatives", body, buyer)

    assert status == 200, answer
    assert answer["creatives"] == [
        {
            "creative_id": "banner",
            "action": "created",
            "status": "approved",
            "assigned_to": [package_id],
        }
    ]
    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_START


def test_the_history_of_the_buy_tells_of_the_assignment(buyer: Buyer, buy: MediaBuy) -> None:
    before = buy.revision
    body = sync_body(buyer, item(), assignments=[wish("banner", package_of(buy))])

    call("sync_creatives", body, buyer)

    asked = {"media_buy_ids": [buy.media_buy_id], "include_history": 2}
    [read] = call("get_media_buys", asked, buyer)[1]["media_buys"]
    assert read["revision"] == before + 2
    assert [(one["revision"], one["summary"]) for one in read["history"]] == [
        (before + 2, "Every package has an approved creative"),
        (before + 1, "1 creative assigned"),
    ]
    assert read["packages"][0]["creative_approvals"] == [
        {"creative_id": "banner", "approval_status": "approved"}
    ]


def test_the_same_content_is_unchanged_and_new_content_is_updated(buyer: Buyer) -> None:
    call("sync_creatives", sync_body(buyer, item(), key=1), buyer)

    again = call("sync_creatives", sync_body(buyer, item(), key=2), buyer)[1]
    changed = item(name="Banner, bold", tags=["bold"])
    updated = call("sync_creatives", sync_body(buyer, changed, key=3), buyer)[1]

    assert again["creatives"][0]["action"] == "unchanged"
    assert updated["creatives"] == [
        {
            "creative_id": "banner",
            "action": "updated",
            "status": "approved",
            "changes": ["name", "tags"],
        }
    ]
    creative = Creative.objects.get()
    assert (creative.name, creative.tags, creative.revision) == ("Banner, bold", ["bold"], 2)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"assets": {}}, "VALIDATION_ERROR", "creatives[1].assets.main"),
        (
            {"assets": {"main": {"asset_type": "text", "content": "Buy"}}},
            "VALIDATION_ERROR",
            "creatives[1].assets.main.asset_type",
        ),
        ({"assets": {"main": [BANNER]}}, "VALIDATION_ERROR", "creatives[1].assets.main"),
        (
            {"format_id": {"agent_url": AGENT_URL, "id": "no_such"}},
            "REFERENCE_NOT_FOUND",
            "creatives[1].format_id",
        ),
        (
            {"format_id": {"agent_url": "https://else.example", "id": "display_main"}},
            "REFERENCE_NOT_FOUND",
            "creatives[1].format_id",
        ),
        (
            {
                "format_id": {
                    "agent_url": AGENT_URL,
                    "id": "display_main",
                    "width": 728,
                    "height": 90,
                }
            },
            "VALIDATION_ERROR",
            "creatives[1].format_id.width",
        ),
        ({"name": " "}, "INVALID_REQUEST", "creatives[1].name"),
        ({"creative_id": "x" * 256}, "INVALID_REQUEST", "creatives[1].creative_id"),
        ({"creative_id": "good"}, "VALIDATION_ERROR", "creatives[1].creative_id"),
    ],
)
def test_one_bad_creative_stops_a_strict_sync(
    buyer: Buyer, changes: dict[str, Any], code: str, field: str
) -> None:
    bad = item("bad") | changes

    status, answer = call("sync_creatives", sync_body(buyer, item("good"), bad), buyer)

    assert status == 200, answer
    good, refused = answer["creatives"]
    assert (good["action"], refused["action"]) == ("failed", "failed")
    assert "status" not in good
    assert [error["code"] for error in good["errors"]] == ["VALIDATION_ERROR"]
    assert [(error["code"], error["field"]) for error in refused["errors"]] == [(code, field)]
    assert refused["errors"][0]["suggestion"]
    assert refused["errors"][0]["recovery"] == "correctable"
    assert not Creative.objects.exists()


def test_a_canonical_format_kind_is_refused_by_item(buyer: Buyer) -> None:
    kind = {key: value for key, value in item("kind").items() if key != "format_id"}

    answer = call("sync_creatives", sync_body(buyer, kind | {"format_kind": "image"}), buyer)[1]

    [error] = answer["creatives"][0]["errors"]
    assert (error["code"], error["field"]) == ("UNSUPPORTED_FEATURE", "creatives[0].format_kind")
    assert not Creative.objects.exists()


def test_a_lenient_sync_applies_the_good_ones(buyer: Buyer) -> None:
    body = sync_body(buyer, item("good"), item("bad", assets={}), validation_mode="lenient")

    answer = call("sync_creatives", body, buyer)[1]

    assert [one["action"] for one in answer["creatives"]] == ["created", "failed"]
    assert [one.creative_id for one in Creative.objects.all()] == ["good"]


def test_a_dry_run_tells_and_changes_nothing(buyer: Buyer, buy: MediaBuy) -> None:
    body = sync_body(buyer, item(), dry_run=True, assignments=[wish("banner", package_of(buy))])

    answer = call("sync_creatives", body, buyer)[1]

    assert answer["dry_run"] is True
    assert answer["creatives"][0]["action"] == "created"
    assert answer["creatives"][0]["assigned_to"] == [package_of(buy)]
    assert not Creative.objects.exists()
    assert not CreativeAssignment.objects.exists()
    revision = buy.revision
    buy.refresh_from_db()
    assert (buy.status, buy.revision) == (BuyStatus.PENDING_CREATIVES, revision)


def test_only_the_creatives_in_scope_are_synced(buyer: Buyer) -> None:
    body = sync_body(buyer, item("out"), item("in"), creative_ids=["in"])

    answer = call("sync_creatives", body, buyer)[1]

    assert [one["creative_id"] for one in answer["creatives"]] == ["in"]
    assert Creative.objects.get().creative_id == "in"


def test_a_field_names_the_place_in_the_request_and_not_in_the_scope(buyer: Buyer) -> None:
    body = sync_body(buyer, item("out"), item("in", assets={}), creative_ids=["in"])

    answer = call("sync_creatives", body, buyer)[1]

    [failed] = answer["creatives"]
    assert failed["errors"][0]["field"] == "creatives[1].assets.main"


def test_delete_missing_is_refused_whole(buyer: Buyer) -> None:
    status, answer = call("sync_creatives", sync_body(buyer, item(), delete_missing=True), buyer)

    assert status == 400
    assert answer["errors"][0]["code"] == "UNSUPPORTED_FEATURE"
    assert answer["errors"][0]["field"] == "delete_missing"
    assert not Creative.objects.exists()


def test_what_the_library_does_not_keep_is_said(buyer: Buyer) -> None:
    extra = {"asset_type": "text", "content": "Buy"}
    odd = item(status="approved", assets={"main": BANNER, "extra": extra})

    answer = call("sync_creatives", sync_body(buyer, odd), buyer)[1]

    assert answer["creatives"][0]["warnings"] == [
        "1 of the assets fit no slot of the format; they will not be served.",
        "status is decided by review; the one that was sent was not applied.",
    ]


def test_the_same_key_answers_the_same_and_does_nothing_more(buyer: Buyer) -> None:
    body = sync_body(buyer, item())
    first = call("sync_creatives", body, buyer)[1]

    second = call("sync_creatives", body, buyer)[1]

    assert second["replayed"] is True
    assert second["creatives"] == first["creatives"]
    assert Creative.objects.get().revision == 1


@pytest.mark.usefixtures("reviewing")
def test_a_new_creative_waits_where_a_person_reviews(buyer: Buyer, buy: MediaBuy) -> None:
    body = sync_body(buyer, item(), assignments=[wish("banner", package_of(buy))])

    answer = call("sync_creatives", body, buyer)[1]

    assert answer["creatives"][0]["status"] == "pending_review"
    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_CREATIVES


def test_a_strangers_creative_of_the_same_id_is_another(buyer: Buyer, stranger: Buyer) -> None:
    sync(stranger, item(name="Theirs"))

    answer = call("sync_creatives", sync_body(buyer, item(name="Ours")), buyer)[1]

    assert answer["creatives"][0]["action"] == "created"
    assert sorted(Creative.objects.values_list("name", flat=True)) == ["Ours", "Theirs"]
