"""The ad server's word on a creative, at the same moment as everybody else's."""

from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.errors import InvalidState
from mediabuys.models import Creative, MediaBuy, Trafficking
from mediabuys.services.clock import flights_activate
from mediabuys.services.creatives import creative_review
from mediabuys.states import BuyStatus
from tests.concurrency import together
from tests.creatives.ad_server import creative_of, pass_on, say, word
from tests.creatives.library import item, sync, wish
from tests.people import Buyer, reviews_by_hand
from tests.trade.orders import booked_buy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

ROUNDS = 5


def refuse(shown: Creative) -> str:
    """Reject what was shown, as it stood; return how that went."""
    try:
        creative_review(
            creative_pk=shown.pk,
            approve=False,
            reason="Too loud.",
            reviewer="seller:two",
            shown_standing=shown.standing,
        )
    except InvalidState:
        return "late"
    return "rejected"


def outcomes(creative: Creative) -> list[str]:
    reviews = creative.reviews.exclude(outcome="submitted").order_by("pk")
    return list(reviews.values_list("outcome", flat=True))


def test_every_pair_of_words_ends_in_one_state(buyer: Buyer, settings: Any) -> None:
    buys = [booked_buy(buyer, idempotency_key=f"key-{number:016}") for number in range(ROUNDS)]
    reviews_by_hand()
    settings.ADSERVER = "simulated"
    for number, buy in enumerate(buys):
        name = f"banner-{number}"
        package_id = buy.packages.get().package_id
        sync(buyer, item(name), assignments=[wish(name, package_id)])
        ours = creative_of(name)

        said = together(partial(approve, name), partial(refuse, ours))
        check_reviewers(creative_of(name), said)
        sync(buyer, item(name, name="Corrected"))
        shown = pass_on(name)
        said = together(
            partial(say, word("approved", name)),
            partial(say, word("approved", name), is_answer=True),
            partial(refuse, shown),
        )
        check_word(shown, said, buy)

        sync(buyer, item(name, name="Corrected again"))
        pass_on(name)
        older = word("rejected", name)
        moved, [synced] = together(
            partial(say, older), partial(sync, buyer, item(name, name="The last"))
        )
        creative = creative_of(name)
        assert synced.action == "updated"
        assert (creative.status, creative.passed_on_at) == ("pending_review", None)
        assert outcomes(creative).count("rejected") + outcomes(creative).count("revoked") >= moved


def approve(name: str) -> str:
    try:
        pass_on(name, shown_standing="pending_review")
    except InvalidState:
        return "late"
    return "passed_on"


def check_reviewers(creative: Creative, said: list[str]) -> None:
    """Of two people who saw the same, one decided."""
    assert sorted(said) in (["late", "passed_on"], ["late", "rejected"])
    assert outcomes(creative) == [one for one in said if one != "late"]
    assert creative.standing in said


def check_word(shown: Creative, said: list[Any], buy: MediaBuy) -> None:
    """The ad server's word counted once or not at all, and a person's stood if it came first."""
    by_feed, by_answer, person = said
    creative = creative_of(shown.creative_id)
    buy.refresh_from_db()
    assert [by_feed, by_answer].count(True) <= 1
    if person == "rejected":
        assert (creative.status, by_feed, by_answer) == ("rejected", False, False)
        assert buy.status == BuyStatus.PENDING_CREATIVES
    else:
        assert (creative.status, by_feed or by_answer) == ("approved", True)
        assert buy.status == BuyStatus.PENDING_START
        assert buy.events.filter(action="made_ready").count() == 1
    assert Trafficking.objects.get(creative=creative).wanted >= 1


def test_a_revocation_there_and_the_start_of_the_flight_never_lose_each_other(
    buyer: Buyer, settings: Any
) -> None:
    buys = [booked_buy(buyer, idempotency_key=f"key-{number:016}") for number in range(ROUNDS)]
    reviews_by_hand()
    settings.ADSERVER = "simulated"
    for number, buy in enumerate(buys):
        name = f"banner-{number}"
        sync(buyer, item(name), assignments=[wish(name, buy.packages.get().package_id)])
        pass_on(name)
        say(word("approved", name))
        MediaBuy.objects.filter(pk=buy.pk).update(start_time=timezone.now())

        together(
            partial(say, word("rejected", name)), partial(flights_activate, now=timezone.now())
        )
        flights_activate(now=timezone.now())

        buy.refresh_from_db()
        assert (creative_of(name).status, buy.status) == ("rejected", BuyStatus.ACTIVE)
        actions = list(buy.events.values_list("action", flat=True))
        assert (actions.count("activated"), actions.count("creative_revoked")) == (1, 1)
