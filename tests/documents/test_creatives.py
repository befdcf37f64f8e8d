"""Documents 003 and 004 on creatives: approvals, revisions, missing formats, moderation.

Each test is named after the sentence that it shows.
"""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mediabuys.models import (
    Creative,
    CreativeAssignment,
    CreativeFormat,
    MediaBuy,
    Product,
    Publisher,
)
from mediabuys.states import CreativeApprovalMode
from tests.creatives.library import call, item
from tests.documents.creative_calls import LINE, approvals, on, read, review, send
from tests.people import AGENT_URL, Buyer, make_format
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def buy(buyer: Buyer) -> MediaBuy:
    """An accepted buy of one package that has no creative."""
    return booked_buy(buyer)


# The creative approval object.


def test_a_creative_approval_names_the_creative(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item("banner"), key=1, assignments=[on(buy)])

    assert [one["creative_id"] for one in approvals(buy, buyer)] == ["banner"]


@pytest.mark.usefixtures("reviewing")
def test_approval_status_is_pending_review_approved_or_rejected(
    buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    told = [approvals(buy, buyer)[0]["approval_status"]]
    review()
    told.append(approvals(buy, buyer)[0]["approval_status"])
    review(reason="The brand withdrew it.")
    told.append(approvals(buy, buyer)[0]["approval_status"])

    assert told == ["pending_review", "approved", "rejected"]


@pytest.mark.usefixtures("reviewing")
def test_rejection_reason_explains_a_rejection_and_nothing_else(
    buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    pending = approvals(buy, buyer)
    review(reason="The logo is cut off.")

    assert pending == [{"creative_id": "banner", "approval_status": "pending_review"}]
    assert approvals(buy, buyer) == [
        {
            "creative_id": "banner",
            "approval_status": "rejected",
            "rejection_reason": "The logo is cut off.",
        }
    ]


@pytest.mark.usefixtures("reviewing")
def test_a_revision_is_asked_for_by_rejected_and_its_reason(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    review(reason="The logo is cut off.")

    body = read(buy, buyer)

    [package] = body["packages"]
    assert package["creative_approvals"][0]["approval_status"] == "rejected"
    assert body["status"] == "pending_creatives"
    assert "input-required" not in str(body)


@pytest.mark.usefixtures("reviewing")
def test_corrected_assets_are_uploaded_by_sync_creatives_and_reviewed_again(
    buyer: Buyer, buy: MediaBuy
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    review(reason="The logo is cut off.")

    corrected = send(buyer, item(name="With the whole logo"), key=2)
    waiting = approvals(buy, buyer)
    review()

    assert (corrected["action"], corrected["status"]) == ("updated", "pending_review")
    assert corrected["changes"] == ["name"]
    assert waiting == [{"creative_id": "banner", "approval_status": "pending_review"}]
    assert approvals(buy, buyer) == [{"creative_id": "banner", "approval_status": "approved"}]
    assert read(buy, buyer)["status"] == "pending_start"


@pytest.mark.usefixtures("reviewing")
def test_an_approval_does_not_carry_over_to_new_content(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    review()
    before = read(buy, buyer)["status"]

    send(buyer, item(name="Another banner"), key=2)

    creative = Creative.objects.get()
    assert (creative.revision, creative.status, creative.reviewed_by) == (2, "pending_review", "")
    assert CreativeAssignment.objects.get().creative == creative
    assert (before, read(buy, buyer)["status"]) == ("pending_start", "pending_start")


# What is missing.


def test_format_ids_pending_lists_what_was_not_uploaded_yet(buyer: Buyer) -> None:
    make_format("display_wide")
    formats = [{"agent_url": AGENT_URL, "id": name} for name in ("display_main", "display_wide")]
    product = Product.objects.get(product_id="run-of-site")
    product.formats.add(CreativeFormat.objects.get(format_id="display_wide"))
    buy = booked_buy(buyer, packages=[LINE | {"format_ids": formats}])
    nothing_sent = read(buy, buyer)["packages"][0]["format_ids_pending"]

    send(buyer, item(), key=1, assignments=[on(buy)])
    one_sent = read(buy, buyer)["packages"][0]["format_ids_pending"]
    wide = item("wide", format_id={"agent_url": AGENT_URL, "id": "display_wide"})
    send(buyer, wide, key=2, assignments=[on(buy, "wide")])

    assert [one["id"] for one in nothing_sent] == ["display_main", "display_wide"]
    assert [one["id"] for one in one_sent] == ["display_wide"]
    assert "format_ids_pending" not in read(buy, buyer)["packages"][0]


@pytest.mark.usefixtures("reviewing")
def test_check_creative_approval_status(buyer: Buyer, buy: MediaBuy) -> None:
    for key, name in enumerate(("good", "bad", "new"), start=1):
        send(buyer, item(name), key=key, assignments=[on(buy, name)])
    review("good")
    review("bad", reason="Too loud.")

    lines = []
    for package in read(buy, buyer)["packages"]:
        for approval in package.get("creative_approvals") or []:
            if approval["approval_status"] == "rejected":
                lines.append(f"{approval['creative_id']} rejected: {approval['rejection_reason']}")
            elif approval["approval_status"] == "pending_review":
                lines.append(f"{approval['creative_id']} pending review")

    assert lines == ["bad rejected: Too loud.", "new pending review"]


@pytest.mark.usefixtures("reviewing")
def test_campaign_readiness_check(buyer: Buyer, buy: MediaBuy) -> None:
    def issues() -> list[str]:
        found = []
        for package in read(buy, buyer)["packages"]:
            if pending := package.get("format_ids_pending"):
                found.append(f"{len(pending)} format(s) not yet uploaded")
            rejected = [
                one for one in package["creative_approvals"] if one["approval_status"] == "rejected"
            ]
            if rejected:
                found.append(f"{len(rejected)} creative(s) rejected")
        return found

    told = [issues()]
    send(buyer, item(), key=1, assignments=[on(buy)])
    review(reason="Too loud.")
    told.append(issues())
    send(buyer, item(name="Quieter"), key=2)
    review()
    told.append(issues())

    assert told == [["1 format(s) not yet uploaded"], ["1 creative(s) rejected"], []]


# Why a buy reads pending_creatives.


def test_no_creative_is_assigned_yet(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1)

    body = read(buy, buyer)

    assert (body["status"], body["packages"][0]["creative_approvals"]) == ("pending_creatives", [])


@pytest.mark.usefixtures("reviewing")
def test_the_source_is_moderating(buyer: Buyer, buy: MediaBuy) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])

    body = read(buy, buyer)

    assert body["status"] == "pending_creatives"
    [approval] = body["packages"][0]["creative_approvals"]
    assert approval["approval_status"] == "pending_review"


@pytest.mark.usefixtures("reviewing")
def test_it_is_resolved_by_an_approved_creative_when_the_review_clears(
    client: Client, buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    send(buyer, item(), key=1, assignments=[on(buy)])
    client.force_login(approver)
    creative = Creative.objects.get()

    answer = client.post(f"/admin/mediabuys/creative/{creative.pk}/approve/", {"shown_revision": 1})

    assert answer.status_code == 302
    assert read(buy, buyer)["status"] == "pending_start"


def test_the_seller_says_whether_people_review(buyer: Buyer, publisher: Publisher) -> None:
    told = []
    for mode in CreativeApprovalMode.values:
        Publisher.objects.update(creative_approval_mode=mode)
        status, body = call("get_adcp_capabilities", {}, buyer)
        assert status == 200
        told.append(body["media_buy"]["creative_approval_mode"])

    assert told == ["auto_approve", "require_human"]
