"""The decision page over HTTP: what it shows, what it refuses, and that looking decides nothing."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mediabuys.models import Booking, MediaBuy
from tasks_hitl.models import Decision, Task
from tasks_hitl.services import book
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from tests import wakeups
from tests.desk.forms import address, assert_undecided, rejection, rendered, shown
from tests.people import Buyer
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db

HOOK = {"push_notification_config": {"url": "http://127.0.0.1:9/hook", "operation_id": "op-1"}}


def test_the_page_shows_every_fact(staff_client: Client, buyer: Buyer) -> None:
    package = {
        "product_id": "homepage",
        "pricing_option_id": "usd",
        "budget": 50_000,
        "targeting_overlay": {"geo_countries": ["US", "CA"]},
        "creative_assignments": [{"creative_id": "banner-1"}],
    }
    task = waiting_task(buyer, packages=[package], po_number="BB-0482", **HOOK)

    page = staff_client.get(address(task)).content.decode()

    for words in (
        "Books 1 line item for acmeoutdoor.example",
        "and tells the buyer",
        "Pinnacle",
        "Acme Outdoor via Pinnacle",
        "new buyer",
        "no limit set",
        "Homepage",
        "at card",
        "$10.00",
        "5,000,000",
        "US, CA",
        "Display Main",
        "banner-1",
        "Not sent yet",
        "Guaranteed products",
        "version 1",
        "$50,000 is over the threshold of $10,000",
        "1 rule had nothing against it",
        "Order submitted",
        "127.0.0.1:9/hook",
        "Pending manual approval",
        task.task_id,
    ):
        assert words in page, words
    assert "op-1" not in page


def test_looking_decides_nothing(staff_client: Client, buyer: Buyer) -> None:
    task = waiting_task(buyer)

    for verb in ("", "approve", "reject"):
        assert staff_client.get(address(task, verb)).status_code == 200
        assert staff_client.head(address(task, verb)).status_code == 200
    fields = "&".join(f"{key}={value}" for key, value in rejection(task).items())
    assert staff_client.get(f"{address(task, 'approve')}?{fields}").status_code == 200
    assert staff_client.get(f"{address(task, 'reject')}?{fields}").status_code == 200

    assert_undecided(task)


def test_the_page_itself_takes_no_post(staff_client: Client, buyer: Buyer) -> None:
    task = waiting_task(buyer)

    assert staff_client.post(address(task), shown(task)).status_code == 405

    assert_undecided(task)


def test_approving_what_the_server_rendered_books_it(
    staff_client: Client,
    buyer: Buyer,
    approver: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    task = waiting_task(buyer)
    fields = rendered(staff_client, task, "approve")

    with django_capture_on_commit_callbacks(execute=True):
        response = staff_client.post(address(task, "approve"), fields)

    assert response.status_code == 302
    assert response.headers["Location"] == address(task)
    decision = Decision.objects.get()
    assert (decision.outcome, decision.decided_by) == (Outcome.APPROVED, approver)
    task.refresh_from_db()
    assert (task.status, task.queue_state) == (TaskStatus.WORKING, QueueState.BOOKING)
    booking = Booking.objects.get()
    assert wakeups.sent == [("tasks_hitl.book", booking.booking_id)]


def test_the_page_follows_the_booking(staff_client: Client, buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    approve(task, approver)
    page = staff_client.get(address(task)).content.decode()
    assert "Approved by approver" in page
    assert "Waits for a worker" in page
    assert 'data-live="1"' in page
    assert "Approve…" not in page

    book(booking_id=Booking.objects.get().booking_id)

    page = staff_client.get(address(task)).content.decode()
    buy = MediaBuy.objects.get()
    assert "Booked as order" in page
    assert 'data-live="0"' in page
    assert f'href="/admin/mediabuys/mediabuy/{buy.pk}/change/"' in page


def test_a_rejection_shows_reason_note_and_internal_note(
    staff_client: Client, buyer: Buyer
) -> None:
    task = waiting_task(buyer)
    fields = rejection(task, note="Sold <b>out</b>.", internal_note="Ask again in May.")

    staff_client.post(address(task, "reject"), fields)

    page = staff_client.get(address(task)).content.decode()
    assert "Rejected by approver" in page
    assert "Not enough inventory on these dates" in page
    assert "Sold &lt;b&gt;out&lt;/b&gt;." in page
    assert "<b>out</b>" not in page
    assert "Ask again in May." in page
    task.refresh_from_db()
    assert task.error is not None
    assert task.error["code"] == "PRODUCT_UNAVAILABLE"
    assert "May" not in str(task.error)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"reason_code": ""}, "Choose a reason for the rejection."),
        ({"note": " "}, "Write a note that tells the buyer why."),
        ({"reason_code": "mood"}, "Select a valid choice."),
        ({"note": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_a_rejection_needs_reason_and_note(
    staff_client: Client, buyer: Buyer, missing: dict[str, str], said: str
) -> None:
    task = waiting_task(buyer)

    response = staff_client.post(address(task, "reject"), rejection(task, **missing))

    assert response.status_code == 422
    assert said in response.content.decode()
    assert_undecided(task)


@pytest.mark.parametrize("name", ["shown_digest", "shown_version", "form_token"])
@pytest.mark.parametrize("value", ["", "nonsense", "-1"])
def test_a_mangled_form_decides_nothing(
    staff_client: Client, buyer: Buyer, name: str, value: str
) -> None:
    task = waiting_task(buyer)

    response = staff_client.post(address(task, "approve"), shown(task, **{name: value}))

    assert response.status_code == (409 if (name, bool(value)) == ("shown_digest", True) else 400)
    assert_undecided(task)


def test_the_confirm_page_of_a_decided_order_leads_to_the_order(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer)
    approve(task, approver)

    for verb in ("approve", "reject"):
        response = staff_client.get(address(task, verb))
        assert (response.status_code, response.headers["Location"]) == (302, address(task))


@pytest.mark.parametrize("verb", ["", "approve", "reject"])
def test_an_unknown_order_is_not_found(staff_client: Client, buyer: Buyer, verb: str) -> None:
    task = Task(task_id=f"task_{uuid4().hex}")

    assert staff_client.get(address(task, verb)).status_code == 404
    if verb:
        assert staff_client.post(address(task, verb), {}).status_code == 404


def test_no_approval_without_a_csrf_token(buyer: Buyer, approver: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(approver)
    task = waiting_task(buyer)

    assert strict.post(address(task, "approve"), shown(task)).status_code == 403

    assert_undecided(task)


def test_times_are_the_publishers(staff_client: Client, buyer: Buyer) -> None:
    publisher = buyer.account.publisher
    publisher.timezone = "Asia/Tokyo"
    publisher.save()
    task = waiting_task(buyer)
    Task.objects.filter(pk=task.pk).update(due_at="2031-01-01T20:30:00Z")

    page = staff_client.get(address(task)).content.decode()

    assert "Thu 2 Jan 2031, 05:30" in page
    assert "Times are those of Asia/Tokyo." in page


def test_the_page_costs_the_same_however_large_the_order(
    staff_client: Client, buyer: Buyer, django_assert_num_queries: Any
) -> None:
    line = {"product_id": "homepage", "pricing_option_id": "usd", "budget": 12_000}
    small = waiting_task(buyer, idempotency_key="key-0000000000000001", packages=[line])
    large = waiting_task(buyer, idempotency_key="key-0000000000000002", packages=[line] * 9)
    staff_client.get(address(small))

    with django_assert_num_queries(QUERIES):
        staff_client.get(address(small))
    with django_assert_num_queries(QUERIES):
        staff_client.get(address(large))


# session, person, permissions (2), publisher, task, decision, booking, deliveries of two subjects,
# preview's count, standing, earlier orders, record, packages, formats, creatives (prefetches),
# task events, buy events, badges (3), competing packages, their tasks
QUERIES = 24
