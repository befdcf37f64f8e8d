"""A buy's end in a real Chromium: canceled with a reason, then put away from the list."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from mediabuys.models import MediaBuy
from tests.desk.browser import Desk
from tests.people import Buyer
from tests.trade.orders import booked_buy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_buy_is_canceled_and_put_away(desk: Desk, buyer: Buyer, approver: User) -> None:
    buy = booked_buy(buyer, po_number="BB-0482")
    page = desk.sign_in(approver)
    desk.open(f"/admin/mediabuys/mediabuy/{buy.pk}/change/")
    desk.picture("buy")

    page.get_by_role("link", name="Cancel…").click()
    expect(page.get_by_text("Ends it for good")).to_be_visible()
    page.get_by_label("Reason").fill("The site closes for good on Friday.")
    desk.picture("buy-cancel")
    page.set_viewport_size({"width": 390, "height": 844})
    assert not desk.overflows()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Cancel this buy").click()

    expect(page.get_by_text("canceled; the buyer is told.")).to_be_visible()
    buy.refresh_from_db()
    assert (buy.status, buy.canceled_by) == ("canceled", "seller")

    desk.open("/admin/mediabuys/mediabuy/")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("archive_selected")
    desk.picture("buys-list")
    page.get_by_role("button", name="Run").click()
    expect(
        page.locator("#content").get_by_role("heading", name="Archive 1 media buy?")
    ).to_be_visible()
    desk.picture("buys-archive")
    page.get_by_role("button", name="Archive them").click()

    expect(page.get_by_text("1 media buy put into the archive.")).to_be_visible()
    expect(page.get_by_role("link", name="acmeoutdoor.example")).to_have_count(0)
    desk.open("/admin/mediabuys/mediabuy/?archive=only")
    expect(page.get_by_role("link", name="acmeoutdoor.example")).to_have_count(1)
    desk.picture("buys-archived")
    assert MediaBuy.objects.get().archived_by == "seller:approver"
