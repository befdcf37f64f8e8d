"""A person's decision on a creative."""

from datetime import timedelta

import pytest

from mediabuys.errors import CreativeNotFound, InvalidRequest, InvalidState
from mediabuys.models import Creative, MediaBuy
from mediabuys.services.creatives import creative_review
from mediabuys.states import BuyStatus, CreativeStatus
from tests.creatives.library import call, item, sync, wish
from tests.people import Buyer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reviewing")]


@pytest.fixture
def creative(buyer: Buyer, buy: MediaBuy) -> Creative:
    """A creative that waits for review, on the one package of a buy."""
    sync(buyer, item(), assignments=[wish("banner", buy.packages.get().package_id)])
    return Creative.objects.get()


def test_an_approval_makes_the_buy_ready(creative: Creative, buy: MediaBuy) -> None:
    creative_review(creative_pk=creative.pk, approve=True, reason="", reviewer="staff:rep")

    creative.refresh_from_db()
    buy.refresh_from_db()
    assert (creative.status, creative.reviewed_by) == (CreativeStatus.APPROVED, "staff:rep")
    assert buy.status == BuyStatus.PENDING_START


def test_an_approval_after_the_start_makes_the_buy_active(
    creative: Creative, buy: MediaBuy
) -> None:
    begun = buy.start_time + timedelta(seconds=1)

    creative_review(
        creative_pk=creative.pk, approve=True, reason="", reviewer="staff:rep", now=begun
    )

    buy.refresh_from_db()
    assert buy.status == BuyStatus.ACTIVE


def test_a_rejection_tells_the_buyer_why(creative: Creative, buy: MediaBuy, buyer: Buyer) -> None:
    creative_review(
        creative_pk=creative.pk, approve=False, reason="The logo is cut off.", reviewer="staff:rep"
    )

    [read] = call("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer)[1]["media_buys"]
    assert read["status"] == "pending_creatives"
    assert read["packages"][0]["creative_approvals"] == [
        {
            "creative_id": "banner",
            "approval_status": "rejected",
            "rejection_reason": "The logo is cut off.",
        }
    ]


def test_a_rejected_creative_comes_back_corrected(creative: Creative, buyer: Buyer) -> None:
    creative_review(creative_pk=creative.pk, approve=False, reason="Cut off.", reviewer="staff:rep")

    [same] = sync(buyer, item())
    [corrected] = sync(buyer, item(name="Whole"))

    assert (same.action, same.status) == ("unchanged", "rejected")
    assert (corrected.action, corrected.status) == ("updated", "pending_review")
    creative.refresh_from_db()
    assert (creative.rejection_reason, creative.revision) == ("", 2)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_rejection_without_a_reason_is_refused(creative: Creative, reason: str) -> None:
    with pytest.raises(InvalidRequest):
        creative_review(creative_pk=creative.pk, approve=False, reason=reason, reviewer="staff:rep")

    creative.refresh_from_db()
    assert creative.status == CreativeStatus.PENDING_REVIEW


def test_a_decision_on_an_older_version_is_refused(creative: Creative, buyer: Buyer) -> None:
    sync(buyer, item(name="Another banner"))

    with pytest.raises(InvalidState, match="another version"):
        creative_review(
            creative_pk=creative.pk,
            approve=True,
            reason="",
            reviewer="staff:rep",
            shown_revision=creative.revision,
        )

    creative.refresh_from_db()
    assert (creative.status, creative.reviewed_by) == (CreativeStatus.PENDING_REVIEW, "")


def test_a_creative_is_approved_once(creative: Creative) -> None:
    creative_review(creative_pk=creative.pk, approve=True, reason="", reviewer="staff:rep")

    with pytest.raises(InvalidState):
        creative_review(creative_pk=creative.pk, approve=True, reason="", reviewer="staff:late")

    creative.refresh_from_db()
    assert creative.reviewed_by == "staff:rep"


def test_a_suspended_creative_cannot_be_changed(creative: Creative, buyer: Buyer) -> None:
    Creative.objects.update(status=CreativeStatus.SUSPENDED)

    [result] = sync(buyer, item(name="Other"))

    assert [(error.code, error.field) for error in result.errors] == [
        ("INVALID_STATE", "creatives[0].creative_id")
    ]
    creative.refresh_from_db()
    assert creative.name == "Banner"


def test_an_unknown_creative() -> None:
    with pytest.raises(CreativeNotFound):
        creative_review(creative_pk=0, approve=True, reason="", reviewer="staff:rep")
