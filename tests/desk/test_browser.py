"""The desk in a real Chromium: signing in, deciding, losing a race, clicking twice."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from mediabuys.models import Booking, MediaBuy
from mediabuys.states import BuyStatus
from tasks_hitl.models import Decision, Task
from tasks_hitl.services import book
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests.desk.browser import NARROW, Desk
from tests.desk.forms import address
from tests.people import Buyer
from tests.trade.orders import approve, waiting_task

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def outcome(page: Page, words: str) -> Locator:
    """Return the words in the box that says what became of the order."""
    return page.locator("#live-outcome").get_by_text(words)


def test_a_salesperson_signs_in_and_approves(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer, po_number="BB-0482")

    page = desk.sign_in(approver)
    page.get_by_role("link", name="Open the queue").click()
    expect(page.get_by_text("Pending manual approval")).to_be_visible()
    page.get_by_role("link", name="acmeoutdoor.example").click()
    expect(page.get_by_text("Approving: Books 1 line item")).to_be_visible()
    page.get_by_role("link", name="Approve…").click()
    dialog = page.get_by_role("dialog", name="Approve acmeoutdoor.example, $50,000?")
    expect(dialog).to_be_visible()
    assert Decision.objects.count() == 0
    dialog.get_by_role("button", name="Approve this order").click()

    expect(outcome(page, "Approved by approver")).to_be_visible()
    decision = Decision.objects.get()
    assert (decision.outcome, decision.decided_by) == (Outcome.APPROVED, approver)
    task.refresh_from_db()
    assert task.queue_state == QueueState.BOOKING


def test_the_page_follows_the_booking_by_itself(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    approve(task, approver)
    page = desk.sign_in(approver)
    desk.open(address(task))
    expect(page.get_by_text("Waits for a worker")).to_be_visible()

    book(booking_id=Booking.objects.get().booking_id)

    expect(page.get_by_text("Booked as order")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Booking finished")).to_be_visible()


def test_a_rejection_needs_its_reason(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(approver)
    desk.open(address(task))

    page.get_by_role("link", name="Reject…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject this order").click()
    expect(dialog).to_be_visible()
    assert Decision.objects.count() == 0

    dialog.get_by_label("Reason").select_option("price_too_low")
    dialog.get_by_label("Note for the buyer").fill("Our floor for the homepage is $12.")
    dialog.get_by_label("Note for colleagues").fill("They will come back.")
    desk.picture("reject-dialog")
    dialog.get_by_role("button", name="Reject this order").click()

    expect(outcome(page, "Rejected by approver")).to_be_visible()
    expect(page.get_by_text("Our floor for the homepage is $12.").first).to_be_visible()
    desk.picture("rejected")
    decision = Decision.objects.get()
    assert decision.reason_code == "price_too_low"
    assert decision.internal_note == "They will come back."
    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    assert MediaBuy.objects.get().status == BuyStatus.DECLINED


def test_leaving_the_dialog_decides_nothing(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(approver)
    desk.open(address(task))

    for leave in ("click", "escape"):
        page.get_by_role("link", name="Approve…").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        if leave == "click":
            page.get_by_role("dialog").get_by_role("link", name="Back").click()
        else:
            page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()

    assert Decision.objects.count() == 0


def test_a_double_click_makes_one_decision(desk: Desk, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(approver)
    desk.open(address(task))

    page.get_by_role("link", name="Approve…").click()
    page.get_by_role("button", name="Approve this order").dblclick()

    expect(outcome(page, "Approved by approver")).to_be_visible()
    assert Decision.objects.count() == 1
    assert Booking.objects.count() == 1


def test_the_loser_of_a_race_reads_who_was_first(
    desk: Desk, another_desk: Desk, buyer: Buyer, approver: User, director: User
) -> None:
    task = waiting_task(buyer)
    first, second = desk.sign_in(approver), another_desk.sign_in(director)
    for person in (desk, another_desk):
        person.open(address(task))
        person.page.get_by_role("link", name="Approve…").click()

    first.get_by_role("button", name="Approve this order").click()
    expect(outcome(first, "Approved by approver")).to_be_visible()
    second.get_by_role("button", name="Approve this order").click()

    expect(second.get_by_text("Somebody was first")).to_be_visible()
    expect(second.get_by_text(re.compile("approver approved this order on"))).to_be_visible()
    another_desk.picture("race-lost")
    assert Decision.objects.count() == 1
    second.get_by_role("link", name="Look at the order now").click()
    expect(outcome(second, "Approved by approver")).to_be_visible()


def test_a_viewer_has_no_buttons(desk: Desk, buyer: Buyer, viewer: User) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(viewer)

    desk.open(address(task))

    expect(page.get_by_text("Books 1 line item")).to_be_visible()
    expect(page.get_by_role("link", name="Approve…")).to_have_count(0)
    expect(page.get_by_role("link", name="Reject…")).to_have_count(0)


def test_the_keyboard_moves_and_opens_and_never_decides(
    desk: Desk, buyer: Buyer, approver: User
) -> None:
    tasks = [waiting_task(buyer, idempotency_key=f"key-{number:016}") for number in range(3)]
    for minutes, task in enumerate(tasks):
        Task.objects.filter(pk=task.pk).update(due_at=timezone.now() + timedelta(minutes=minutes))
    page = desk.sign_in(approver)
    desk.open("/admin/approvals/")

    for key in ("j", "j", "j", "j", "k", "a", "r", "y"):
        page.keyboard.press(key)
    expect(page.locator("tr.current a").first).to_have_attribute("href", address(tasks[1]))
    page.keyboard.press("/")
    expect(page.get_by_label("Search approvals")).to_be_focused()
    page.keyboard.type("jjk")
    expect(page.get_by_label("Search approvals")).to_have_value("jjk")
    page.get_by_label("Search approvals").fill("")
    page.locator("tr.current a").first.focus()
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{address(tasks[1])}")
    for key in ("a", "r", "y", "Enter"):
        page.keyboard.press(key)
    assert Decision.objects.count() == 0


def test_whoever_is_looking_hears_that_the_order_moved(
    desk: Desk, buyer: Buyer, approver: User, director: User
) -> None:
    task = waiting_task(buyer)
    page = desk.sign_in(approver)
    desk.open(address(task))
    expect(page.locator("[data-changed]")).to_be_hidden()

    approve(task, director)

    expect(page.get_by_text("This order changed while you were looking at it.")).to_be_visible(
        timeout=20_000
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways_on_a_telephone(
    desk: Desk, buyer: Buyer, approver: User, scheme: str
) -> None:
    task = waiting_task(
        buyer,
        po_number="A-VERY-LONG-PURCHASE-ORDER-NUMBER-0000000000000001",
        packages=[
            {
                "product_id": "homepage",
                "pricing_option_id": "usd",
                "budget": 50_000,
                "targeting_overlay": {"geo_countries": ["US"], "language": ["en"]},
            }
        ],
    )
    page = desk.page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    desk.sign_in(approver)

    for name, path in (
        ("home", "/admin/"),
        ("queue", "/admin/approvals/"),
        ("decided", "/admin/approvals/decided/"),
        ("decision", address(task)),
        ("confirm", address(task, "reject")),
    ):
        desk.open(path)
        desk.picture(f"narrow-{scheme}-{name}")
        assert not desk.overflows(), path


def test_every_link_leads_somewhere(desk: Desk, buyer: Buyer, director: User) -> None:
    waiting = waiting_task(
        buyer,
        packages=[
            {
                "product_id": "homepage",
                "pricing_option_id": "usd",
                "budget": 50_000,
                "creative_assignments": [{"creative_id": "banner-1"}],
            }
        ],
    )
    booked = waiting_task(buyer, idempotency_key="key-0000000000000002")
    approve(booked, director)
    book(booking_id=Booking.objects.get().booking_id)
    page = desk.sign_in(director)
    links: set[str] = set()
    for path in (
        "/admin/",
        "/admin/approvals/",
        "/admin/approvals/decided/",
        address(waiting),
        address(booked),
    ):
        desk.open(path)
        found = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        links |= {link.split("#")[0] for link in found if link.startswith(desk.url)}

    assert len(links) > 20
    broken = [link for link in sorted(links) if page.request.get(link).status != 200]
    assert broken == []
