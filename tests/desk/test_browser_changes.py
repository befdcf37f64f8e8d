"""Changes and questions in a real Chromium: with the keyboard, on both widths."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from mediabuys.models import MediaBuy
from tasks_hitl.models import Decision
from tasks_hitl.states import Outcome
from tests.desk.browser import NARROW, Desk
from tests.desk.forms import address
from tests.people import Buyer
from tests.trade.orders import waiting_task
from tests.trade.parked import budget_change, change, sold_buy, waiting_change

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_order_is_sent_back_with_the_keyboard(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(approver)
    desk.open(address(task))

    page.get_by_role("link", name="Ask for a change…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Send acmeoutdoor.example, $50,000 back?")
    expect(dialog).to_be_visible()
    desk.picture("ask-dialog")
    dialog.get_by_role("button", name="Ask for a change").press("Enter")
    assert Decision.objects.count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Ask for a change…").press("Enter")
    dialog.get_by_label("What it is about").select_option("dates")
    dialog.get_by_label("Note for the buyer").press_sequentially("March is sold out.")
    page.keyboard.press("Tab")
    page.keyboard.type("Start on 8 April.")
    dialog.get_by_role("button", name="Ask for a change").press("Enter")

    expect(page.locator("#live-outcome").get_by_text("Asked for a change by")).to_be_visible()
    desk.picture("asked")
    decision = Decision.objects.get()
    assert (decision.outcome, decision.suggestion) == (Outcome.CHANGE_ASKED, "Start on 8 April.")


def test_a_change_is_read_found_out_of_date_and_closed(
    desk: Desk, another_desk: Desk, buyer: Buyer, approver: User
) -> None:
    buy = sold_buy(buyer, approver, po_number="BB-0482")
    task = waiting_change(buyer, buy)
    waiting_task(buyer, idempotency_key="key-0000000000000002")
    page = desk.sign_in(approver)
    desk.open("/admin/approvals/")
    desk.picture("queue-with-change")
    page.get_by_role("link", name="Changes", exact=True).click()
    page.get_by_role("link", name="acmeoutdoor.example").click()
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    desk.picture("change")
    page.get_by_role("link", name="Approve…").click()
    desk.picture("change-dialog")
    page.keyboard.press("Escape")

    change(buyer, {**budget_change(buy, 0), "packages": [], "paused": True})

    desk.open(address(task))
    expect(page.get_by_text("Out of date", exact=True)).to_be_visible()
    desk.picture("change-stale")
    narrow = another_desk.page
    narrow.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    another_desk.sign_in(approver)
    another_desk.open(address(task))
    another_desk.picture("narrow-change")
    assert not another_desk.overflows()
    page.get_by_role("link", name="Close as out of date…").click()
    page.get_by_role("dialog").get_by_role("button", name="Close as out of date").click()
    expect(page.get_by_text("This change is out of date")).to_be_visible()
    desk.picture("change-outdated")
    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision + 1
    assert Decision.objects.filter(task=task).count() == 0


def test_an_approved_change_is_applied_in_the_browser(
    desk: Desk, buyer: Buyer, approver: User
) -> None:
    buy = sold_buy(buyer, approver)
    task = waiting_change(buyer, buy)
    page = desk.sign_in(approver)
    desk.open(address(task))

    page.get_by_role("link", name="Approve…").press("Enter")
    dialog = page.get_by_role(
        "dialog", name="Approve the change of acmeoutdoor.example, $50,000 → $75,000?"
    )
    dialog.get_by_role("button", name="Approve this change").press("Enter")

    expect(page.locator("#live-outcome").get_by_text("Approved by approver")).to_be_visible()
    desk.picture("change-approved")
    assert MediaBuy.objects.get(pk=buy.pk).total_budget == 75_000
