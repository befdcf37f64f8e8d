"""Creatives that the ad server reviews after us: passed on, then its own word, whatever it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.errors import InvalidState
from mediabuys.models import Creative, CreativeReview, MediaBuy, Trafficking
from mediabuys.selectors.creative_queue import review_counts
from mediabuys.selectors.desk import creatives_to_review
from mediabuys.services.creatives import creative_review
from mediabuys.states import BuyStatus, CreativeStatus
from tests.creatives.ad_server import creative_of, pass_on, say, word
from tests.creatives.library import call, item, sync, sync_body, wish
from tests.creatives.test_query_counts import statements
from tests.people import Buyer, reviews_by_hand

pytestmark = pytest.mark.django_db

AD_SERVER = "ad-server:Ledger Ad Server"


@pytest.fixture
def _reviewed_there(buy: MediaBuy, settings: Any) -> None:
    """An ad server that reviews, connected once the buy is booked; nobody calls it here."""
    settings.ADSERVER = "simulated"


@pytest.fixture
def waiting(buyer: Buyer, buy: MediaBuy, _reviewed_there: None) -> Creative:
    """A creative that waits for our review, on the one package of a buy."""
    reviews_by_hand()
    sync(buyer, item(), assignments=[wish("banner", buy.packages.get().package_id)])
    return creative_of()


def history() -> list[tuple[str, str, str]]:
    """Return what happened to all creatives, oldest first: outcome, reviewer, reason."""
    rows = CreativeReview.objects.order_by("pk").exclude(outcome="submitted")
    return list(rows.values_list("outcome", "reviewer", "reason"))


def approvals(buy: MediaBuy, buyer: Buyer) -> tuple[str, list[dict[str, str]]]:
    """Return the buy's status and its only package's `creative_approvals`, as the buyer reads."""
    _, body = call("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer)
    [read] = body["media_buys"]
    return read["status"], read["packages"][0]["creative_approvals"]


def listed(buyer: Buyer) -> tuple[str, str | None]:
    """Return the only creative's status and reason in `list_creatives`."""
    [found] = call("list_creatives", {}, buyer)[1]["creatives"]
    return found["status"], found.get("rejection_reason")


def test_our_approval_passes_it_on(waiting: Creative, buy: MediaBuy, buyer: Buyer) -> None:
    now = timezone.now()

    pass_on(now=now)

    creative = creative_of()
    assert (creative.status, creative.passed_on_at) == (CreativeStatus.PENDING_REVIEW, now)
    assert history() == [("passed_on", "seller:rep", "")]
    row = Trafficking.objects.get(creative=creative)
    assert (row.wanted, row.told, row.next_attempt_at) == (1, 0, now)
    assert approvals(buy, buyer) == (
        "pending_creatives",
        [{"creative_id": "banner", "approval_status": "pending_review"}],
    )
    assert listed(buyer) == ("pending_review", None)


def test_what_is_passed_on_is_not_ours_to_review(waiting: Creative) -> None:
    before = creatives_to_review().count()

    pass_on()

    assert (before, creatives_to_review().count()) == (1, 0)
    assert set(review_counts(now=timezone.now()).values()) == {0}


def test_its_approval_lets_the_buy_go_on(waiting: Creative, buy: MediaBuy, buyer: Buyer) -> None:
    pass_on()
    told = Trafficking.objects.get(media_buy=buy).wanted

    moved = say(word("approved"))

    creative = creative_of()
    assert moved is True
    assert (creative.status, creative.reviewed_by) == (CreativeStatus.APPROVED, AD_SERVER)
    assert history()[1:] == [("approved", AD_SERVER, "")]
    assert approvals(buy, buyer) == (
        "pending_start",
        [{"creative_id": "banner", "approval_status": "approved"}],
    )
    assert Trafficking.objects.get(media_buy=buy).wanted == told + 1
    assert Trafficking.objects.get(creative=creative).wanted == 1


def test_its_approval_after_the_start_lets_the_flight_begin(
    waiting: Creative, buy: MediaBuy
) -> None:
    pass_on()
    MediaBuy.objects.filter(pk=buy.pk).update(start_time=timezone.now() - timedelta(hours=1))

    say(word("approved"))

    buy.refresh_from_db()
    assert buy.status == BuyStatus.ACTIVE


def test_its_refusal_reaches_the_buyer_with_the_reason(
    waiting: Creative, buy: MediaBuy, buyer: Buyer
) -> None:
    pass_on()

    say(word("rejected", reason="  It flashes\n\tthree times a second. "))

    reason = "It flashes three times a second."
    assert history()[1:] == [("rejected", AD_SERVER, reason)]
    assert approvals(buy, buyer) == (
        "pending_creatives",
        [{"creative_id": "banner", "approval_status": "rejected", "rejection_reason": reason}],
    )
    assert listed(buyer) == ("rejected", reason)


@pytest.mark.parametrize(
    ("reason", "read"),
    [("", "The ad server refused it without a reason."), ("x" * 600, "x" * 500)],
)
def test_a_reason_is_there_and_not_too_long(waiting: Creative, reason: str, read: str) -> None:
    pass_on()

    say(word("rejected", reason=reason))

    assert creative_of().rejection_reason == read


def test_what_it_refused_comes_back_when_it_approves_after_all(
    waiting: Creative, buy: MediaBuy, buyer: Buyer
) -> None:
    pass_on()
    say(word("rejected"))

    moved = say(word("approved"))

    assert moved is True
    assert [outcome for outcome, *_ in history()] == ["passed_on", "rejected", "approved"]
    assert approvals(buy, buyer)[0] == "pending_start"
    assert listed(buyer) == ("approved", None)


def test_a_new_revision_is_ours_again(waiting: Creative, buyer: Buyer) -> None:
    pass_on()
    older = word("approved")

    sync(buyer, item(name="Another"))

    creative = creative_of()
    assert (creative.passed_on_at, creative.revision) == (None, 2)
    assert creatives_to_review().get() == creative
    assert say(older) is False
    assert say(word("approved")) is False
    assert creative_of().status == CreativeStatus.PENDING_REVIEW


def test_a_new_revision_of_what_served_is_taken_off_the_order(
    waiting: Creative, buy: MediaBuy, buyer: Buyer
) -> None:
    pass_on()
    say(word("approved"))
    told = Trafficking.objects.get(media_buy=buy).wanted

    sync(buyer, item(name="Another"))

    assert Trafficking.objects.get(media_buy=buy).wanted == told + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"review": "pending"},
        {"revision": 2},
        {"reference": "acc_of_nobody/banner"},
        {"reference": "banner"},
        {"reference": "a\x00b/banner"},
        {"reference": ""},
    ],
)
def test_what_says_nothing_of_this_revision_moves_nothing(
    waiting: Creative, changes: dict[str, Any]
) -> None:
    pass_on()
    before = creative_of()

    moved = say(word(**{"review": "approved", **changes}))

    assert moved is False
    assert (creative_of().status, creative_of().updated_at) == (before.status, before.updated_at)
    assert history() == [("passed_on", "seller:rep", "")]


@pytest.mark.parametrize("review", ["approved", "rejected"])
def test_what_is_ours_to_review_is_not_the_ad_servers(waiting: Creative, review: str) -> None:
    moved = say(word(review))

    assert (moved, creative_of().status, history()) == (False, "pending_review", [])


def test_the_same_id_of_another_account_stays(waiting: Creative, stranger: Buyer) -> None:
    pass_on()
    said = word("rejected")
    sync(stranger, item())
    theirs = Creative.objects.get(account=stranger.account)
    creative_review(creative_pk=theirs.pk, approve=True, reason="", reviewer="seller:rep")

    say(said)

    theirs.refresh_from_db()
    waiting.refresh_from_db()
    assert (waiting.status, theirs.status) == ("rejected", "pending_review")
    assert theirs.rejection_reason == ""


@pytest.mark.parametrize("review", ["approved", "rejected"])
def test_its_word_counts_once(waiting: Creative, buy: MediaBuy, review: str) -> None:
    pass_on()
    said = word(review)
    say(said)
    events, reviews = buy.events.count(), history()

    moved = say(said)

    assert (moved, buy.events.count(), history()) == (False, events, reviews)


def test_a_person_may_still_reject_it_and_has_the_last_word(
    waiting: Creative, buyer: Buyer
) -> None:
    pass_on()

    creative_review(
        creative_pk=waiting.pk, approve=False, reason="Not ours.", reviewer="seller:late"
    )

    assert listed(buyer) == ("rejected", "Not ours.")
    assert say(word("approved")) is False
    assert listed(buyer) == ("rejected", "Not ours.")


def test_a_person_approves_it_once(waiting: Creative) -> None:
    pass_on()

    with pytest.raises(InvalidState, match="under review at Ledger Ad Server"):
        pass_on()

    assert history() == [("passed_on", "seller:rep", "")]


def test_where_the_ad_server_no_longer_reviews_a_person_may_let_it_serve(
    waiting: Creative, settings: Any
) -> None:
    pass_on()
    settings.ADSERVER = "inline"

    pass_on()

    assert creative_of().status == CreativeStatus.APPROVED


def test_the_answer_to_a_push_never_undoes_newer_news(waiting: Creative) -> None:
    pass_on()
    say(word("rejected"))
    late_approval = say(word("approved"), is_answer=True)
    refused = creative_of().status
    say(word("approved"))
    late_refusal = say(word("rejected"), is_answer=True)

    assert (late_approval, refused) == (False, CreativeStatus.REJECTED)
    assert (late_refusal, creative_of().status) == (False, CreativeStatus.APPROVED)


def test_the_answer_to_a_push_settles_what_waits(waiting: Creative) -> None:
    pass_on()

    moved = say(word("approved"), is_answer=True)

    assert (moved, creative_of().status) == (True, CreativeStatus.APPROVED)


@pytest.mark.usefixtures("_reviewed_there")
def test_the_policy_passes_on_at_once(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = buy.packages.get().package_id

    [synced] = sync(buyer, item(), assignments=[wish("banner", package_id)])

    assert (synced.action, synced.status) == ("created", "pending_review")
    assert history() == [("passed_on", "policy:auto_approve", "")]
    assert creative_of().passed_on_at is not None
    assert Trafficking.objects.get(creative=creative_of()).wanted == 1
    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_CREATIVES


@pytest.mark.usefixtures("_reviewed_there")
def test_the_policy_passes_on_each_revision(buyer: Buyer) -> None:
    sync(buyer, item())

    sync(buyer, item(name="Another"))
    sync(buyer, item(name="Another"))

    assert Trafficking.objects.get(creative=creative_of()).wanted == 2
    assert [outcome for outcome, *_ in history()] == ["passed_on", "passed_on"]


@pytest.mark.usefixtures("_reviewed_there")
def test_a_dry_run_passes_nothing_on(buyer: Buyer) -> None:
    sync(buyer, item(), dry_run=True)

    assert (Creative.objects.count(), Trafficking.objects.filter(media_buy=None).count()) == (0, 0)


def test_a_sandbox_creative_never_leaves_us(sandbox_buyer: Buyer, settings: Any) -> None:
    settings.ADSERVER = "simulated"

    [synced] = sync(sandbox_buyer, item())

    assert synced.status == CreativeStatus.APPROVED
    assert Trafficking.objects.count() == 0


@pytest.mark.usefixtures("_reviewed_there")
@pytest.mark.parametrize("number", [1, 40])
def test_passing_on_costs_two_statements_whatever_the_number(buyer: Buyer, number: int) -> None:
    first = sync_body(buyer, *[item(f"banner-{index}") for index in range(number)])
    again = sync_body(
        buyer, *[item(f"banner-{index}", name="New") for index in range(number)], key=2
    )

    # those of tests/creatives/test_query_counts.py, and two of trafficking
    assert len(statements("sync_creatives", first, buyer)) == 11
    assert len(statements("sync_creatives", again, buyer)) == 12
