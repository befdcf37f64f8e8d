"""Reading the ad server's reviews: through the real simulator, and page by page as tests write."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from mediabuys.adservers import profiles, registry
from mediabuys.adservers.port import AdServerUnavailable, CreativeState, ReviewState
from mediabuys.adservers.profiles import AdServerProfile
from mediabuys.adservers.registry import publishers_ad_server
from mediabuys.adservers.requests import creative_reference, creative_request
from mediabuys.models import AdServerFeed, Creative, CreativeReview, MediaBuy, Trafficking
from mediabuys.services.ad_server_reviews import PAGES_A_TICK, creative_reviews_import
from mediabuys.services.feeds import LEASE, feed_claim
from mediabuys.services.telling import trafficking_drain
from mediabuys.services.trafficking import creatives_traffic, trafficking_hurry
from tests.creatives.ad_server import ReviewingAdServer, creative_of, pass_on, word
from tests.creatives.library import item, sync, wish
from tests.creatives.test_impairments import read
from tests.people import Buyer, reviews_by_hand
from tests.simulator import Simulator
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def ad_server(monkeypatch: pytest.MonkeyPatch, settings: Any) -> ReviewingAdServer:
    """An ad server that reviews, and says what the test writes."""
    scripted = ReviewingAdServer()
    monkeypatch.setitem(registry.ADAPTERS, "reviewing", lambda *_: scripted)
    monkeypatch.setitem(profiles.PROFILES, "reviewing", AdServerProfile(reviews_creatives=True))
    settings.ADSERVER = "reviewing"
    return scripted


@pytest.fixture
def passed_on(buyer: Buyer, ad_server: ReviewingAdServer) -> list[Creative]:
    """Three creatives that the ad server is to review."""
    reviews_by_hand()
    names = [f"banner-{number}" for number in range(3)]
    sync(buyer, *[item(name) for name in names])
    return [pass_on(name) for name in names]


def read_now() -> int:
    return creative_reviews_import(now=timezone.now())


def feed() -> AdServerFeed:
    return AdServerFeed.objects.get(name="creatives")


def statuses() -> list[str]:
    return list(Creative.objects.order_by("pk").values_list("status", flat=True))


def give(buyer: Buyer, buy: MediaBuy, creative_id: str) -> str:
    """Send a creative for the buy's package, approve it, and have the ad server look at it."""
    sync(buyer, item(creative_id), assignments=[wish(creative_id, buy.packages.get().package_id)])
    pass_on(creative_id)
    trafficking_drain()
    read_now()
    return creative_reference(creative_of(creative_id))


def test_a_creative_serves_is_revoked_there_and_replaced(
    simulator: Simulator, buyer: Buyer
) -> None:
    reviews_by_hand()
    buy = booked_buy(buyer)
    simulator.robot("hold")
    reference = give(buyer, buy, "banner")
    held = read(buy, buyer)
    simulator.decide(reference, "approved")
    read_now()
    served = read(buy, buyer)
    trafficking_drain()
    on_the_order = simulator.orders()[buy.reference]

    simulator.decide(reference, "rejected", "Its page asks for passwords.")
    read_now()
    impaired = read(buy, buyer)
    simulator.robot("approve")
    give(buyer, buy, "another")
    read_now()
    replaced = read(buy, buyer)

    assert (held["status"], held["health"]) == ("pending_creatives", "ok")
    assert (served["status"], served["health"]) == ("pending_start", "ok")
    assert reference in str(on_the_order)
    assert (impaired["status"], impaired["health"]) == ("pending_start", "impaired")
    [impairment] = impaired["impairments"]
    assert impairment["reason"] == "Its page asks for passwords."
    assert impairment["transition"] == {"from": "approved", "to": "rejected"}
    assert [one["approval_status"] for one in impaired["packages"][0]["creative_approvals"]] == [
        "rejected"
    ]
    assert (replaced["status"], replaced["health"]) == ("pending_start", "ok")
    trafficking_drain()
    assert reference not in str(simulator.orders()[buy.reference])
    assert Trafficking.objects.exclude(error_message="").count() == 0


def test_a_refusal_at_first_impairs_nothing(simulator: Simulator, buyer: Buyer) -> None:
    reviews_by_hand()
    buy = booked_buy(buyer)
    simulator.robot("reject")

    give(buyer, buy, "banner")
    read_now()

    body = read(buy, buyer)
    assert (body["status"], body["health"]) == ("pending_creatives", "ok")
    [approval] = body["packages"][0]["creative_approvals"]
    assert approval["approval_status"] == "rejected"
    assert approval["rejection_reason"]


def test_an_ad_server_that_is_away_is_asked_again(simulator: Simulator, buyer: Buyer) -> None:
    reviews_by_hand()
    sync(buyer, item())
    pass_on()
    trafficking_drain()
    simulator.fail("GET", "/v1/creative-states", "error", status=503, times=1)

    read_now()
    failed = feed()
    waits = creative_of().status
    read_now()

    assert (failed.failure_count, failed.cursor, failed.leased_until) == (1, "", None)
    assert failed.error_message
    assert waits in ("pending_review", "approved")
    assert (feed().failure_count, feed().error_message, feed().failing_since) == (0, "", None)
    assert creative_of().status == "approved"


def test_each_page_is_read_once(ad_server: ReviewingAdServer, passed_on: list[Creative]) -> None:
    ad_server.pages = [[word("approved", "banner-0")], [word("rejected", "banner-1")]]

    first, second = read_now(), read_now()

    assert (first, second) == (2, 0)
    assert statuses() == ["approved", "rejected", "pending_review"]
    assert ad_server.asked == ["", "1", "2"]
    assert feed().cursor == "2"


def test_of_several_words_on_one_creative_the_last_counts(
    ad_server: ReviewingAdServer, passed_on: list[Creative]
) -> None:
    ad_server.pages = [[word("approved", "banner-0")]]
    read_now()
    ad_server.pages.append([word("rejected", "banner-0"), word("approved", "banner-0")])

    moved = read_now()

    assert (moved, statuses()[0]) == (0, "approved")
    assert CreativeReview.objects.filter(outcome="revoked").count() == 0


def test_what_is_left_after_a_tick_is_read_by_the_next(
    ad_server: ReviewingAdServer, passed_on: list[Creative]
) -> None:
    ad_server.pages = [[] for _ in range(PAGES_A_TICK)]
    ad_server.pages.append([word("approved", "banner-2")])

    first = read_now()
    between = (feed().cursor, feed().leased_until, feed().read_at)
    second = read_now()

    assert (first, second) == (0, 1)
    assert between == (str(PAGES_A_TICK), None, None)
    assert feed().read_at is not None


def test_a_creative_that_nobody_sent_is_said_and_passed_over(
    ad_server: ReviewingAdServer, passed_on: list[Creative], caplog: pytest.LogCaptureFixture
) -> None:
    strange = CreativeState("acc_of_nobody/banner", 1, ReviewState.REJECTED, "Who is this?")
    ad_server.pages = [[strange, word("approved", "banner-1")]]

    read_now()

    assert statuses() == ["pending_review", "approved", "pending_review"]
    assert [record.getMessage() for record in caplog.records] == [
        "The ad server reviews 1 creatives that nobody sent."
    ]
    assert feed().failure_count == 0


def test_pages_that_lead_nowhere_end(
    ad_server: ReviewingAdServer, passed_on: list[Creative], monkeypatch: pytest.MonkeyPatch
) -> None:
    ad_server.pages = [[word("approved", "banner-0")], []]
    whole = ad_server.creative_states
    monkeypatch.setattr(ad_server, "creative_states", lambda _: whole("0"))

    read_now()

    assert statuses()[0] == "approved"
    assert ad_server.asked == ["0", "0"]
    assert feed().error_message == "The ad server says that there is more and tells the same."


def test_an_error_without_a_name_is_the_feeds_and_not_the_workers(
    ad_server: ReviewingAdServer, passed_on: list[Creative], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_cursor: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ad_server, "creative_states", break_down)

    read_now()

    assert (feed().failure_count, feed().leased_until) == (1, None)
    assert feed().error_message == "The ad server's answer was not understood."


def test_a_reader_that_was_taken_for_dead_changes_nothing(
    ad_server: ReviewingAdServer, passed_on: list[Creative]
) -> None:
    ad_server.pages = [[word("rejected", "banner-0")]]
    later = timezone.now() + LEASE + timedelta(seconds=1)
    ad_server.before_page = lambda: feed_claim(name="creatives", now=later)

    moved = read_now()

    assert moved == 0
    assert statuses()[0] == "pending_review"
    assert feed().cursor == ""


def test_one_reads_at_a_time(ad_server: ReviewingAdServer, passed_on: list[Creative]) -> None:
    feed_claim(name="creatives", now=timezone.now())

    read_now()

    assert ad_server.asked == []


@pytest.mark.usefixtures("buyer")
def test_an_ad_server_that_does_not_review_is_not_asked() -> None:
    assert read_now() == 0
    assert AdServerFeed.objects.count() == 0


def test_a_page_without_news_costs_the_same_whatever_its_length(
    buyer: Buyer, ad_server: ReviewingAdServer, django_assert_num_queries: Any
) -> None:
    sync(buyer, *[item(f"old-{number}") for number in range(40)])
    old = [word("pending", f"old-{number}") for number in range(40)]
    ad_server.pages = [old[:1], []]
    read_now()
    ad_server.pages.append(old)

    # publisher; the claim's row, lock and lease; creatives; the advance's lock and row; four of
    # savepoints
    with django_assert_num_queries(11):
        read_now()


def test_an_outage_is_told_to_the_log_once(
    ad_server: ReviewingAdServer, passed_on: list[Creative], caplog: pytest.LogCaptureFixture
) -> None:
    ad_server.failure = AdServerUnavailable("It is away.")
    began = timezone.now()
    for minutes in (0, 4, 6, 7, 30):
        creative_reviews_import(now=began + timedelta(minutes=minutes))
    failed = feed()
    ad_server.failure = None

    creative_reviews_import(now=began + timedelta(minutes=31))

    seconds = began.isoformat(timespec="seconds")
    assert (failed.failure_count, failed.failing_since) == (5, began)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.ERROR,
            f"The ad server's creatives cannot be read since {seconds}: It is away.",
        ),
        (logging.WARNING, "The ad server's creatives can be read again."),
    ]


def test_an_ad_server_that_lost_its_data_gets_the_creatives_too_and_is_read_anew(
    simulator: Simulator, buyer: Buyer
) -> None:
    reviews_by_hand()
    buy = booked_buy(buyer)
    reference = give(buyer, buy, "banner")
    sync(buyer, item("of-no-order"))
    simulator.reset()
    AdServerFeed.objects.create(name="delivery", cursor="of another", lease_token=uuid4())

    call_command("tell_ad_server")
    trafficking_drain()

    server = publishers_ad_server(buy.account.publisher)
    assert server.find(buy.reference) is not None
    assert [state.reference for state in server.creative_states("").states] == [reference]
    assert set(AdServerFeed.objects.values_list("cursor", "lease_token")) == {("", None)}


def test_an_ad_server_with_a_later_creative_than_ours_is_caught_up_with(
    simulator: Simulator, buyer: Buyer
) -> None:
    reviews_by_hand()
    buy = booked_buy(buyer)
    simulator.robot("hold")
    reference = give(buyer, buy, "banner")
    server = publishers_ad_server(buy.account.publisher)
    later = replace(creative_request(creative_of("banner")), revision=7)
    server.push_creative(later)

    creatives_traffic(creatives=[creative_of("banner")], now=timezone.now())
    trafficking_drain()
    row = Trafficking.objects.get(creative=creative_of("banner"))
    assert (creative_of("banner").revision, row.is_told) == (8, False)
    trafficking_hurry(trafficking_pk=row.pk, actor="approver")
    trafficking_drain()

    row.refresh_from_db()
    assert row.is_told
    simulator.decide(reference, "approved")
    read_now()
    assert creative_of("banner").status == "approved"
