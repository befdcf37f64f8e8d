"""The page of the ad server, the line on the first page, and /healthz: one state, said thrice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mediabuys.models import AdServerFeed, Booking, MediaBuy, StrayDelivery, Trafficking
from mediabuys.selectors.ad_server_state import ad_server_state
from mediabuys.states import BookingStatus
from tests.creatives.ad_server import creative_of, pass_on
from tests.creatives.library import item, sync
from tests.people import Buyer, reviews_by_hand
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db

PAGE = "/admin/ad-server/"
# session, person, permissions (2), publisher; publisher, feeds, behind, the first of them, strays,
# bookings, reviews; badges (3)
QUERIES = 15


@pytest.fixture
def buy(buyer: Buyer, settings: Any) -> MediaBuy:
    """A booked buy that the ad server knows as it is; it is connected and has answered."""
    buy = booked_buy(buyer)
    told()
    settings.ADSERVER = "simulated"
    for name in ("delivery", "creatives", "inventory"):
        feed(name)
    return buy


def told() -> None:
    """Let the ad server know everything."""
    for row in Trafficking.objects.all():
        row.told, row.next_attempt_at, row.behind_since = row.wanted, None, None
        row.save()


def feed(name: str, **changes: Any) -> None:
    """Write down when a feed was read: just now, of half a minute ago."""
    now = timezone.now()
    fields = {"read_at": now, "as_of": now - timedelta(seconds=30), "clock_skew_seconds": 0.2}
    AdServerFeed.objects.update_or_create(name=name, defaults=fields | changes)


def failing(since: datetime) -> dict[str, Any]:
    """Return what a feed has that fails since then."""
    return {
        "failing_since": since,
        "failed_at": timezone.now(),
        "failure_count": 7,
        "error_message": "The ad server did not answer.",
        "read_at": since,
    }


def behind(buy: MediaBuy, since: datetime) -> None:
    """Let the ad server refuse a change of the buy since then."""
    Trafficking.objects.filter(media_buy=buy).update(
        wanted=9,
        told=1,
        attempt_count=4,
        next_attempt_at=timezone.now(),
        behind_since=since,
        error_message="The line does not fit.",
    )


def ago(**span: int) -> datetime:
    return timezone.now() - timedelta(**span)


def health() -> tuple[int, str]:
    answer = Client().get("/healthz")
    return answer.status_code, answer.json()["parts"]["ad_server"]["state"]


def words(response: Any) -> str:
    """Return the page's text as it reads, without its tags' line breaks."""
    return " ".join(response.content.decode().split())


def test_all_is_well(staff_client: Client, buy: MediaBuy) -> None:
    page = words(staff_client.get(PAGE))

    assert "We hear each other" in page
    assert "Nothing. It knows every order and creative as it is." in page
    assert page.count("on time") == 3
    assert 'role="alert"' not in page
    assert 'role="alert"' not in words(staff_client.get("/admin/"))
    assert health() == (200, "ok")


def test_one_failed_try_is_not_called_hearing_each_other(
    staff_client: Client, buy: MediaBuy
) -> None:
    feed("delivery", **failing(ago(seconds=20)))

    page = words(staff_client.get(PAGE))

    assert '<span class="badge warn">Tried again</span>' in page.partition("</header>")[0]
    assert "We hear each other" not in page
    assert 'role="alert"' not in page


def test_a_feed_that_fails_for_long_is_said_everywhere(staff_client: Client, buy: MediaBuy) -> None:
    feed("delivery", **failing(ago(minutes=12)))

    page = words(staff_client.get(PAGE))

    assert "Cannot be read" in page
    assert "failed 7 times in a row, for 12 min" in page
    assert "The ad server did not answer." in page
    assert "Delivery from Ledger Ad Server: unreadable for 12 min." in page
    home = words(staff_client.get("/admin/"))
    assert "Delivery from the ad server: unreadable for 12 min." in home
    assert 'href="/admin/ad-server/">Look at the ad server' in home
    assert health() == (200, "failing")


def test_a_feed_that_has_just_failed_is_tried_again(staff_client: Client, buy: MediaBuy) -> None:
    feed("delivery", **failing(ago(minutes=4)))

    page = words(staff_client.get(PAGE))

    assert "Tried again" in page
    assert 'role="alert"' not in page
    assert health() == (200, "ok")


@pytest.mark.parametrize(
    ("name", "minutes", "expected"),
    [
        ("delivery", 4, "ok"),
        ("delivery", 6, "stale"),
        ("creatives", 6, "stale"),
        ("inventory", 29, "ok"),
        ("inventory", 31, "stale"),
    ],
)
def test_a_feed_that_nobody_reads_is_stale(
    staff_client: Client, buy: MediaBuy, name: str, minutes: int, expected: str
) -> None:
    feed(name, read_at=ago(minutes=minutes))

    assert health() == (200, expected)
    assert ("no worker asks for it" in words(staff_client.get("/admin/"))) == (expected == "stale")


def test_what_it_has_not_taken_for_long_is_said(staff_client: Client, buy: MediaBuy) -> None:
    behind(buy, ago(minutes=21))

    page = words(staff_client.get(PAGE))

    assert "Ledger Ad Server has not taken 1 change of ours, the oldest for 21 min." in page
    assert "The line does not fit." in page
    assert f'href="/admin/mediabuys/mediabuy/{buy.pk}/change/"' in page
    assert "has not taken 1 change" in words(staff_client.get("/admin/"))
    assert health() == (200, "failing")


def test_what_is_being_told_is_no_trouble(staff_client: Client, buy: MediaBuy) -> None:
    behind(buy, ago(minutes=4))

    page = words(staff_client.get(PAGE))

    assert "The line does not fit." in page
    assert 'role="alert"' not in page
    assert health() == (200, "ok")


def test_a_clock_that_is_off_is_shown(staff_client: Client, buy: MediaBuy) -> None:
    feed("delivery", clock_skew_seconds=31.6)
    feed("inventory", clock_skew_seconds=-7.2)
    feed("creatives", clock_skew_seconds=42_367)

    page = words(staff_client.get(PAGE))

    assert "32 s ahead" in page
    assert "7 s behind" in page
    assert "11 h 46 min ahead" in page


def test_what_else_waits_is_counted_and_linked(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    reviews_by_hand()
    sync(buyer, item())
    pass_on()
    Booking.objects.update(status=BookingStatus.FAILED, attempt_count=8, settled_at=timezone.now())
    for number, reason in enumerate(("unknown_order", "unknown_order", "currency")):
        StrayDelivery.objects.create(
            row={},
            row_digest=f"{number}",
            reason=reason,
            first_seen_at=timezone.now(),
            checked_at=timezone.now(),
            settled_at=None,
        )

    response = staff_client.get(PAGE)

    page = words(response)
    assert response.context["strays"] == [("unknown_order", 2), ("currency", 1)]
    assert f'href="/admin/mediabuys/creative/{creative_of().pk}/change/">Banner' in page
    assert "1 waits for" in page
    assert "1 failed in 7 days, or is tried again." in page
    for link in (
        "/admin/mediabuys/creative/?review=ad_server",
        "/admin/mediabuys/booking/?trouble=yes",
    ):
        assert f'href="{link}"' in page
        assert staff_client.get(link).context["cl"].result_count == 1


def test_every_link_of_the_page_leads_somewhere(staff_client: Client, buy: MediaBuy) -> None:
    behind(buy, ago(minutes=21))
    StrayDelivery.objects.create(
        row={},
        row_digest="1",
        reason="currency",
        first_seen_at=timezone.now(),
        checked_at=timezone.now(),
    )

    page = words(staff_client.get(PAGE))

    for link in (
        "/admin/mediabuys/trafficking/?behind=yes",
        "/admin/mediabuys/straydelivery/?reason__exact=currency",
    ):
        assert f'href="{link}"' in page
        assert staff_client.get(link).context["cl"].result_count == 1


def test_without_an_ad_server_the_page_says_so(staff_client: Client, buyer: Buyer) -> None:
    AdServerFeed.objects.create(name="delivery", **failing(ago(days=2)))

    page = words(staff_client.get(PAGE))

    assert "No ad server is connected" in page
    assert "Cannot be read" not in page
    assert health() == (200, "ok")


def test_before_the_first_reading_nothing_is_wrong(staff_client: Client, settings: Any) -> None:
    settings.ADSERVER = "simulated"

    assert words(staff_client.get(PAGE)).count("Not read yet") == 3
    assert ad_server_state(now=timezone.now()).state == "ok"


def test_only_who_may_see_it_sees_it(client: Client, viewer: User, django_user_model: Any) -> None:
    client.force_login(viewer)
    seen = client.get(PAGE).status_code
    menu = b'href="/admin/ad-server/"' in client.get("/admin/").content
    client.force_login(django_user_model.objects.create_user("new", is_staff=True))
    refused = client.get(PAGE).status_code
    hidden = b'href="/admin/ad-server/"' in client.get("/admin/").content

    assert (seen, menu) == (200, True)
    assert (refused, hidden) == (403, False)


def test_it_changes_nothing_and_calls_nobody(staff_client: Client, buy: MediaBuy) -> None:
    assert staff_client.post(PAGE).status_code == 405
    assert staff_client.get(PAGE).status_code == 200


def test_the_page_costs_the_same_however_much_waits(
    staff_client: Client, buyer: Buyer, buy: MediaBuy, django_assert_num_queries: Any
) -> None:
    reviews_by_hand()
    names = [f"banner-{number}" for number in range(8)]
    sync(buyer, *[item(name) for name in names])
    staff_client.get(PAGE)
    with django_assert_num_queries(QUERIES):
        staff_client.get(PAGE)
    for name in names:
        pass_on(name)

    with django_assert_num_queries(QUERIES):
        response = staff_client.get(PAGE)

    assert len(response.context["most_behind"]) == 5
    assert str(response.context["state"].behind) == "8"
