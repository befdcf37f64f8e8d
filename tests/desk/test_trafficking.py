"""What the ad server has not taken is seen where people look, and told again when they say so."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mediabuys.adservers.port import OrderDeclined
from mediabuys.models import InlineOrder, MediaBuy, Trafficking
from mediabuys.services.telling import trafficking_drain
from mediabuys.services.trafficking import trafficking_claim, trafficking_failed
from tests import wakeups
from tests.people import Buyer
from tests.trade.changes import change
from tests.trade.orders import booked_buy
from tests.trade.trafficking import held, row_of, told_buy

pytestmark = pytest.mark.django_db

LIST = "/admin/mediabuys/trafficking/"


def page_of(client: Client, buy: MediaBuy) -> str:
    return client.get(f"/admin/mediabuys/mediabuy/{buy.pk}/change/").content.decode()


@pytest.fixture
def behind(buyer: Buyer) -> MediaBuy:
    """A running buy whose pause the ad server declines."""
    buy = told_buy(buyer)
    change(buyer, buy, paused=True)
    claim = trafficking_claim(now=timezone.now())
    assert claim is not None
    trafficking_failed(claim=claim, error=OrderDeclined("Not <now>."), now=timezone.now())
    return MediaBuy.objects.get(pk=buy.pk)


def door(buy: MediaBuy) -> str:
    return f"{LIST}{row_of(buy).pk}/tell-now/"


def test_the_page_of_a_buy_says_what_the_ad_server_has(staff_client: Client, buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    assert "Ledger Ad Server is being told of this since" in page_of(staff_client, buy)

    trafficking_drain()

    assert "Ledger Ad Server has this as of" in page_of(staff_client, buy)


def test_the_page_of_a_buy_says_what_was_not_taken_and_why(
    staff_client: Client, behind: MediaBuy
) -> None:
    page = page_of(staff_client, behind)

    assert "Ledger Ad Server has not taken the last change since" in page
    assert "Not &lt;now&gt;." in page


def test_the_list_is_narrowed_to_what_is_behind(
    staff_client: Client, behind: MediaBuy, buyer: Buyer
) -> None:
    other = booked_buy(buyer, idempotency_key="key-0000000000000002")
    trafficking_drain()
    assert row_of(other).is_told
    shown = [f'href="{LIST}{row_of(buy).pk}/change/' for buy in (behind, other)]

    for wanted in ("yes", "error"):
        page = staff_client.get(LIST, {"behind": wanted}).content.decode()
        assert [link in page for link in shown] == [True, False]
    page = staff_client.get(LIST).content.decode()
    assert [link in page for link in shown] == [True, True]


def test_the_page_of_a_row_says_it_in_words(staff_client: Client, behind: MediaBuy) -> None:
    page = staff_client.get(f"{LIST}{row_of(behind).pk}/change/").content.decode()

    assert "Ledger Ad Server has not taken the last change since" in page


def test_telling_now_wakes_a_worker_once_it_is_confirmed(
    staff_client: Client, behind: MediaBuy, django_capture_on_commit_callbacks: Any
) -> None:
    assert "Nothing is done twice. Last time: Not &lt;now&gt;." in (
        staff_client.get(door(behind)).content.decode()
    )
    assert trafficking_drain() == 0

    with django_capture_on_commit_callbacks(execute=True):
        answer = staff_client.post(door(behind), {"csrfmiddlewaretoken": "x"})

    assert (answer.status_code, wakeups.sent) == (302, [("mediabuys.traffic",)])
    assert trafficking_drain() == 1
    assert row_of(behind).is_told


def test_what_was_told_can_be_told_again(staff_client: Client, buyer: Buyer) -> None:
    buy = told_buy(buyer)
    InlineOrder.objects.all().delete()

    staff_client.post(door(buy), {"csrfmiddlewaretoken": "x"})

    assert trafficking_drain() == 1
    assert held(buy).revision == 3


def test_a_viewer_sees_it_and_cannot_have_it_told(
    client: Client, viewer: User, behind: MediaBuy
) -> None:
    client.force_login(viewer)
    before = Trafficking.objects.values().get()

    assert client.get(LIST).status_code == 200
    assert "tell-now" not in client.get(f"{LIST}{row_of(behind).pk}/change/").content.decode()
    assert client.post(door(behind)).status_code == 403

    assert Trafficking.objects.values().get() == before
