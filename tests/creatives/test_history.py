"""What is kept of a creative: every revision that was sent, and everything said of it."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from mediabuys.models import Creative, CreativeReview, Event, MediaBuy
from mediabuys.services.creatives import creative_review
from mediabuys.states import ReviewOutcome
from tests.creatives.library import item, sync, wish
from tests.people import Buyer

pytestmark = pytest.mark.django_db


def told(creative_id: str = "banner") -> list[tuple[Any, ...]]:
    """Return the creative's history, oldest first."""
    rows = CreativeReview.objects.filter(creative__creative_id=creative_id).order_by("pk")
    return list(rows.values_list("revision", "outcome", "reason", "reviewer"))


def decide(approve: bool, reason: str = "", **shown: Any) -> Creative:
    return creative_review(
        creative_pk=Creative.objects.get().pk,
        approve=approve,
        reason=reason,
        reviewer="seller:rep",
        **shown,
    )


def test_the_policy_that_approves_at_once_is_a_named_reviewer(buyer: Buyer) -> None:
    sync(buyer, item())
    sync(buyer, item(name="Another banner"))

    agent = f"agent:{buyer.principal.principal_id}"
    assert told() == [
        (1, "submitted", "", agent),
        (1, "approved", "", "policy:auto_approve"),
        (2, "submitted", "Changed: name", agent),
        (2, "approved", "", "policy:auto_approve"),
    ]


@pytest.mark.usefixtures("reviewing")
def test_every_review_of_a_person_is_kept(buyer: Buyer) -> None:
    sync(buyer, item())
    decide(approve=False, reason="  Cut off. ")
    sync(buyer, item(name="Whole"))
    decide(approve=True, reason="ignored")
    decide(approve=False, reason="The brand withdrew it.")

    assert [row[:3] for row in told()] == [
        (1, "submitted", ""),
        (1, "rejected", "Cut off."),
        (2, "submitted", "Changed: name"),
        (2, "approved", ""),
        (2, "revoked", "The brand withdrew it."),
    ]
    assert {row[3] for row in told() if row[1] != "submitted"} == {"seller:rep"}


def test_what_changed_nothing_leaves_no_trace(buyer: Buyer) -> None:
    sync(buyer, item())
    before = told()

    sync(buyer, item())
    sync(buyer, item(name="Tried"), dry_run=True)
    sync(buyer, item(name="Refused"), item("other", assets={}), strict=True)

    assert told() == before
    assert told("other") == []


@pytest.mark.parametrize("outcome", [ReviewOutcome.REJECTED, ReviewOutcome.REVOKED])
def test_the_database_refuses_a_refusal_without_a_reason(
    buyer: Buyer, outcome: ReviewOutcome
) -> None:
    sync(buyer, item())

    with pytest.raises(IntegrityError, match="creative_review_refused_why"), transaction.atomic():
        CreativeReview.objects.create(
            creative=Creative.objects.get(), revision=1, outcome=outcome, reviewer="seller:rep"
        )

    assert len(told()) == 2


def test_a_revocation_is_in_the_history_of_each_live_buy(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = buy.packages.get().package_id
    sync(buyer, item(), assignments=[wish("banner", package_id)])
    buy.refresh_from_db()
    before = (buy.status, buy.revision)

    decide(approve=False, reason="The brand withdrew it.")

    buy.refresh_from_db()
    assert (buy.status, buy.revision) == before
    event = Event.objects.get(action=Event.Action.CREATIVE_REVOKED)
    assert (event.media_buy, event.from_status, event.to_status) == (buy, buy.status, buy.status)
    assert (event.actor, event.package_id) == ("seller:rep", package_id)
    assert event.summary == "Creative banner revoked: The brand withdrew it."
    assert event.data == {
        "creative_id": "banner",
        "creative_revision": 1,
        "package_ids": [package_id],
    }


@pytest.mark.usefixtures("reviewing")
def test_a_rejection_of_what_never_served_is_no_news_of_the_buy(
    buyer: Buyer, buy: MediaBuy
) -> None:
    sync(buyer, item(), assignments=[wish("banner", buy.packages.get().package_id)])

    decide(approve=False, reason="Cut off.")

    assert not Event.objects.filter(action=Event.Action.CREATIVE_REVOKED).exists()
