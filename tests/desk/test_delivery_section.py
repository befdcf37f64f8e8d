"""The delivery section of a buy's page: figures, pace and what is wrong, in words."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mediabuys.models import AccountAccess, Creative, MediaBuy, Package
from mediabuys.selectors.desk_delivery import desk_delivery
from mediabuys.services.creatives import creative_review
from tests.delivery.conftest import ad_server, buy, package
from tests.delivery.reports import imported
from tests.delivery.scripted import HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import running_buy
from tests.people import Buyer
from tests.trade.orders import waiting_task

__all__ = ["ad_server", "buy", "package"]

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}
DAY = timedelta(days=1)


def section(client: Client, user: User, buy: MediaBuy) -> str:
    """Return the words of the section, without its markup."""
    client.force_login(user)
    page = client.get(reverse("admin:mediabuys_mediabuy_change", args=[buy.pk]))
    assert page.status_code == 200
    found = re.search(r'<div class="desk delivery">(.*?)</section>', page.content.decode(), re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""


# Six hours of a day are over, of a budget of $1,000: $250 would be on pace.
@pytest.mark.parametrize(
    ("spend", "words", "tone"),
    [
        ("100", "60 % behind", "bad"),
        ("220", "12 % behind", "warn"),
        ("240", "on pace", "good"),
        ("260", "on pace", "good"),
        ("280", "12 % ahead", "good"),
        ("400", "60 % ahead", "warn"),
    ],
)
def test_pace_is_said_in_words(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer,
    spend: str, words: str, tone: str,
) -> None:  # fmt: skip
    imported(ad_server, told(package, spend=Decimal(spend)))

    (line,) = desk_delivery(buy, now=timezone.now()).lines

    assert line.pace is not None
    assert (line.pace.words, line.pace.tone) == (words, tone)
    assert (line.reached, line.planned) == (int(spend) // 10, 25)
    assert line.goal == "$1,000"
    assert line.status == ("Delivering", "good")


def test_the_page_shows_figures_pace_and_days(
    client: Client, viewer: User, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    Package.objects.filter(pk=package.pk).update(impressions=100_000)
    imported(ad_server, told(package, impressions=22_000, clicks=31, spend=Decimal("220.5")))

    words = section(client, viewer, buy)

    assert words.startswith("Delivery as of ")
    assert "Delivering 12 % behind 22 % done, 25 % planned 100,000 impressions" in words
    assert "22,000 31 $220.50 of $1,000" in words
    assert re.search(r"By day .* 22,000 31 \$220.50$", words)


def test_a_goal_that_is_reached_is_not_more_than_a_full_bar(
    buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    Package.objects.filter(pk=package.pk).update(impressions=100)
    imported(ad_server, told(package, impressions=250))

    (line,) = desk_delivery(buy, now=timezone.now()).lines

    assert (line.reached, line.width) == (250, 100)
    assert line.status == ("Goal met", "quiet")


def test_packages_are_added_up_and_days_are_the_latest_seven(
    buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    long = running_buy(buyer, packages=[LINE, LINE], started=10 * DAY, length=30 * DAY)
    first, second = long.packages.order_by("position")
    noon = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 9 * DAY + 12 * HOUR
    imported(
        ad_server,
        *(told(first, hour=noon + number * DAY, impressions=10) for number in range(9)),
        told(second, hour=noon + 8 * DAY, impressions=5),
    )

    shown = desk_delivery(long, now=timezone.now())

    assert shown.total.impressions == 95
    assert [metrics.impressions for _, metrics in shown.days] == [15, *[10] * 6]
    assert [day for day, _ in shown.days] == [
        (noon + number * DAY).date() for number in range(8, 1, -1)
    ]


def test_staff_see_what_an_agent_may_not(
    buyer: Buyer, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    AccountAccess.objects.filter(account=buyer.account).update(may_see_delivery=False)
    imported(ad_server, told(package))

    (line,) = desk_delivery(buy, now=timezone.now()).lines

    assert (line.total.impressions, line.status[0]) == (1000, "Delivering")


def test_no_impressions_is_said_loudly(
    client: Client, viewer: User, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server)

    assert "Not delivering 100 % behind" in section(client, viewer, buy)


def test_old_figures_say_how_old_they_are(
    client: Client, viewer: User, buy: MediaBuy, package: Package, ad_server: ScriptedAdServer
) -> None:
    imported(ad_server, told(package), as_of=timezone.now() - HOUR)

    words = section(client, viewer, buy)

    assert "ago: the ad server tells nothing new" in words
    assert "No figures pace not known" in words
    assert " 1,000 " in words


def test_an_ad_server_that_never_told_anything(
    client: Client, viewer: User, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    assert "the ad server has told nothing yet" in section(client, viewer, buy)


def test_an_ad_server_without_delivery(client: Client, viewer: User, buy: MediaBuy) -> None:
    assert "this order's ad server tells no delivery" in section(client, viewer, buy)


def test_an_order_that_waits_has_no_delivery(
    client: Client, viewer: User, buyer: Buyer, ad_server: ScriptedAdServer
) -> None:
    draft = waiting_task(buyer).media_buy

    assert section(client, viewer, draft) == ""


def test_an_impairment_is_named_with_its_reason(
    client: Client, viewer: User, buy: MediaBuy, ad_server: ScriptedAdServer
) -> None:
    # given the buy's only creative, approved by a person and then revoked
    creative = Creative.objects.get()
    creative.reviews.create(
        revision=creative.revision, outcome="approved", reviewer="seller:rep", at=timezone.now()
    )
    creative_review(
        creative_pk=creative.pk, approve=False, reason="The offer has ended.",
        reviewer="seller:rep", now=timezone.now(),
    )  # fmt: skip

    words = section(client, viewer, buy)

    assert "Impaired: creative Banner may not serve (The offer has ended.)" in words
    assert "1 package has no other." in words


@pytest.mark.parametrize("packages", [1, 8])
def test_the_section_costs_the_same_whatever_its_size(
    buyer: Buyer, ad_server: ScriptedAdServer, packages: int, django_assert_num_queries: Any
) -> None:
    large = running_buy(buyer, packages=[LINE] * packages)
    imported(ad_server, *(told(package) for package in large.packages.all()))

    # buy, packages, assignments, creatives, standings, sums, restated hours, the feed
    with django_assert_num_queries(8):
        desk_delivery(large, now=timezone.now())
