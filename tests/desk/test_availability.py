"""Whether it can be delivered, on the page where it is decided."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mediabuys.models import InventoryDay, Product
from tasks_hitl.models import Task
from tests.desk.browser import Desk
from tests.desk.forms import address, assert_undecided, shown
from tests.people import Buyer
from tests.trade.inventory import wanting, whole_days
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db


def waiting(buyer: Buyer, number: int, impressions: int, **changes: Any) -> Task:
    """Return the task of an order of so many impressions over ten whole days."""
    return waiting_task(
        buyer,
        idempotency_key=f"key-{number:016d}",
        packages=[wanting(impressions)],
        **{**whole_days(), **changes},
    )


def words_of(client: Client, task: Task, verb: str = "") -> str:
    """Return the page's text, its tags left out."""
    page = client.get(address(task, verb)).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_an_order_that_fits_says_of_how_much(
    staff_client: Client, buyer: Buyer, homepage_inventory: Product
) -> None:
    homepage_inventory.inventory.update(reserved=40_000)
    task = waiting(buyer, 1, 500_000)

    words = words_of(staff_client, task)

    assert "Fits: 500,000 of 600,000 free" in words
    assert "400,000 taken 500,000 this order 100,000 left" in words
    assert "of 1,000,000 expected, 900,000 to 1,100,000" in words
    assert re.search(r"Ledger Ad Server, \d+ s ago", words)
    assert "No other order wants it on these days." in words
    assert "Approve…" in words


def test_an_order_that_does_not_fit_cannot_be_approved_and_says_what_would_fit(
    staff_client: Client, buyer: Buyer, homepage_inventory: Product
) -> None:
    homepage_inventory.inventory.update(reserved=40_000)
    task = waiting(buyer, 1, 1_000_000)

    page = staff_client.get(address(task)).content.decode()
    words = words_of(staff_client, task)

    assert "Short by 400,000 of 1,000,000" in words
    assert "Cannot be approved as it is: Homepage is short by 400,000 of 1,000,000" in words
    assert re.findall(r"<button[^>]*disabled[^>]*>Approve</button>", page)
    assert address(task, "approve") not in page
    assert "Send Homepage with at most 600,000 impressions, or other dates." in words
    assert "Of Homepage, 600,000 of 1,000,000 impressions are free on these dates." in words
    # Without scripts the same is a page of its own, which has nothing to send.
    alone = staff_client.get(address(task, "approve")).content.decode()
    assert "Cannot be approved as it is" in alone
    assert 'type="submit" class="button approve"' not in alone


def test_an_approval_that_no_longer_fits_is_refused(
    staff_client: Client, buyer: Buyer, homepage_inventory: Product
) -> None:
    task = waiting(buyer, 1, 1_000_000)
    fields = shown(task)
    homepage_inventory.inventory.update(reserved=1)

    response = staff_client.post(address(task, "approve"), fields)

    assert response.status_code == 409
    words = response.content.decode()
    assert "This order cannot be approved any more" in words
    assert "Homepage is short by 10 of 1,000,000 impressions" in words
    assert "Ask the buyer for at most 999,990, or reject the order." in words
    assert_undecided(task)


def test_orders_that_compete_are_named_and_linked(
    staff_client: Client,
    buyer: Buyer,
    stranger: Buyer,
    approver: User,
    homepage_inventory: Product,
) -> None:
    task = waiting(buyer, 1, 600_000)
    rival = waiting(stranger, 2, 500_000, brand={"domain": "rival.example"})
    approved = waiting(stranger, 3, 100_000, brand={"domain": "sold.example"})
    approve(approved, approver)
    beside = waiting(stranger, 4, 100, brand={"domain": "later.example"}, **whole_days(20, 5))

    page = staff_client.get(address(task)).content.decode()
    words = words_of(staff_client, task)

    assert "Fits: 600,000 of 900,000 free" in words
    assert "500,000 held by other orders that wait" in words
    assert "It fits, but not beside all the orders that wait for the same" in words
    assert "Taken includes 100,000 approved here since the ad server told its figures." in words
    assert f'href="{address(rival)}"' in page
    assert re.search(r"rival\.example since [^.]{0,40} Pending manual approval", words)
    assert re.search(r"sold\.example since [^.]{0,40} Booking", words)
    assert "hold 500,000 impressions of Homepage; this leaves them short by 200,000." in words
    assert "later.example" not in words
    assert address(beside) not in page


def test_nothing_is_said_of_what_is_not_known(
    staff_client: Client, buyer: Buyer, settings: Any
) -> None:
    task = waiting(buyer, 1, 600_000)

    words = words_of(staff_client, task)

    assert "Ledger Ad Server does not tell its inventory; it answers when it books" in words
    assert "Fits" not in words
    assert "Approve…" in words


def test_an_ad_server_that_is_away_leaves_old_figures_that_say_so(
    staff_client: Client, buyer: Buyer, homepage_inventory: Product, settings: Any
) -> None:
    settings.ADSERVER_URL, settings.ADSERVER_TOKEN = "http://127.0.0.1:9", "token"
    InventoryDay.objects.update(as_of=timezone.now() - timedelta(minutes=12))
    task = waiting(buyer, 1, 600_000)

    words = words_of(staff_client, task)

    assert "Fits: 600,000 of 1,000,000 free" in words
    assert "Ledger Ad Server, 12 min ago" in words
    assert "The ad server could not be asked just now: " in words


def test_known_inventory_costs_one_query_more(
    staff_client: Client,
    buyer: Buyer,
    homepage_inventory: Product,
    django_assert_num_queries: Any,
) -> None:
    small = waiting(buyer, 1, 120_000)
    large = waiting_task(
        buyer,
        idempotency_key="key-0000000000000002",
        packages=[wanting(12_000)] * 9,
        **whole_days(),
    )
    staff_client.get(address(small))

    for task in (small, large):
        with django_assert_num_queries(25):
            staff_client.get(address(task))


def test_a_person_sees_that_it_does_not_fit_and_asks_for_less(
    desk: Desk, buyer: Buyer, stranger: Buyer, approver: User, homepage_inventory: Product
) -> None:
    homepage_inventory.inventory.update(reserved=40_000)
    for number, impressions in ((2, 200_000), (3, 150_000), (4, 90_000)):
        waiting(stranger, number, impressions, brand={"domain": f"rival{number}.example"})
    task = waiting(buyer, 1, 1_000_000)
    page = desk.sign_in(approver)

    desk.open(address(task))

    assert page.get_by_role("button", name="Approve").is_disabled()
    assert page.get_by_text("Short by 400,000 of 1,000,000", exact=True).is_visible()
    assert page.get_by_role("link", name="rival3.example").is_visible()
    assert not desk.overflows()
    desk.picture("decision-short")
    page.get_by_role("link", name="Ask for a change…").click()
    page.get_by_role("button", name="Ask for a change").click()
    page.wait_for_url(f"{desk.url}{address(task)}")
    task.refresh_from_db()
    assert task.error is not None
    assert task.error["suggestion"] == (
        "Send Homepage with at most 600,000 impressions, or other dates."
    )
