"""A booking between two attempts: what the page says, and how a person hurries it."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import OrderDeclined
from mediabuys.models import Booking
from mediabuys.states import BookingStatus
from tasks_hitl.models import Task
from tests import wakeups
from tests.desk.forms import address
from tests.people import Buyer, in_wire
from tests.trade.orders import approve, book_order, waiting_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def stuck(buyer: Buyer, approver: User) -> Task:
    """An approved order whose first attempt at booking failed."""
    task = waiting_task(buyer)
    approve(task, approver)
    Booking.objects.update(
        attempt_count=1,
        next_attempt_at=timezone.now() + timedelta(minutes=30),
        error_message="The ad server did not answer.",
    )
    return task


def door() -> str:
    return f"/admin/mediabuys/booking/{Booking.objects.get().pk}/try-now/"


def test_the_page_says_what_failed_and_when_it_is_tried_again(
    staff_client: Client, stuck: Task
) -> None:
    page = staff_client.get(address(stuck)).content.decode()

    assert "Attempt 1 failed: The ad server did not answer." in page
    assert "Next attempt in 29 min" in page
    assert f'href="{door()}"' in page


def test_a_viewer_is_offered_no_retry(client: Client, stuck: Task, viewer: User) -> None:
    client.force_login(viewer)

    page = client.get(address(stuck)).content.decode()

    assert "Attempt 1 failed" in page
    assert "Try now" not in page


def test_hurrying_wakes_a_worker_once_it_is_confirmed(
    staff_client: Client, stuck: Task, django_capture_on_commit_callbacks: Any
) -> None:
    asked = staff_client.get(door())
    assert "Nothing is booked twice." in asked.content.decode()
    assert Booking.objects.get().next_attempt_at > timezone.now()

    with django_capture_on_commit_callbacks(execute=True):
        answer = staff_client.post(door(), {"csrfmiddlewaretoken": "x"})

    booking = Booking.objects.get()
    assert answer.status_code == 302
    assert (booking.status, booking.next_attempt_at <= timezone.now()) == (
        BookingStatus.QUEUED,
        True,
    )
    assert wakeups.sent == [("tasks_hitl.book", booking.booking_id)]


def test_a_failed_booking_shows_its_error_and_no_button(staff_client: Client, stuck: Task) -> None:
    Booking.objects.update(
        status=BookingStatus.FAILED, settled_at=timezone.now(), step="order_creation"
    )

    page = staff_client.get(address(stuck)).content.decode()

    assert "Booking failed: The ad server did not answer." in page
    assert '<li class="failed">Creating the order' in page
    assert '<li class="done">Validating the order' in page
    assert '<li class="ahead">Confirming the order' in page
    assert "Try now" not in page


def test_an_order_that_the_ad_server_declined_reads_so_and_is_not_about_to_start(
    staff_client: Client, buyer: Buyer, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = {"start_time": in_wire(timezone.now() + timedelta(days=1))}
    task = waiting_task(buyer, **tomorrow)
    waiting = staff_client.get(address(task)).content.decode()
    approve(task, approver)

    def decline(*_: Any) -> None:
        raise OrderDeclined("Sold out on these dates.")

    monkeypatch.setattr(InlineAdServer, "validate_inventory", decline)
    book_order(task)

    page = staff_client.get(address(task)).content.decode()

    assert '<span class="badge bad">Starts' in waiting
    assert '<section class="card outcome bad">' in page
    assert "Ledger Ad Server declined the order: Sold out on these dates." in page
    assert '<span class="badge bad">Starts' not in page


def test_the_list_says_whose_order_is_in_trouble_and_why(staff_client: Client, stuck: Task) -> None:
    booking = Booking.objects.select_related("media_buy").get()

    page = staff_client.get("/admin/mediabuys/booking/?trouble=yes").content.decode()

    assert f"{booking.media_buy.brand_domain}, $" in page
    assert "The ad server did not answer." in page
    assert booking.booking_id not in page
    assert str(booking.media_buy) not in page


def test_a_settled_booking_names_no_next_attempt(staff_client: Client, stuck: Task) -> None:
    booking = Booking.objects.get()
    zone = ZoneInfo(booking.media_buy.account.publisher.timezone)
    shown = date_format(timezone.localtime(booking.next_attempt_at, zone), "DATETIME_FORMAT")
    path = f"/admin/mediabuys/booking/{booking.pk}/change/"
    assert shown in staff_client.get(path).content.decode()

    Booking.objects.update(status=BookingStatus.FAILED, settled_at=timezone.now() - timedelta(1))

    assert shown not in staff_client.get(path).content.decode()
