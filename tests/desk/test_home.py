"""The home page: each number, where it leads, and what it costs."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from adcp_sales.protocol.heartbeats import heartbeat_record
from mediabuys.models import Booking, Creative, MediaBuy
from mediabuys.states import BookingStatus
from tasks_hitl.models import Task
from tests.people import Buyer
from tests.trade.orders import approve, booked_buy, give_creatives, waiting_task

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def busy(buyer: Buyer, approver: User) -> None:
    """Two orders wait, one of them overdue; one was approved and its booking is tried again."""
    overdue = waiting_task(buyer)
    Task.objects.filter(pk=overdue.pk).update(due_at=timezone.now() - timedelta(hours=5))
    waiting_task(buyer, idempotency_key="key-0000000000000002")
    approve(waiting_task(buyer, idempotency_key="key-0000000000000003"), approver)
    Booking.objects.update(attempt_count=2, error_message="The ad server did not answer.")
    give_creatives(booked_buy(buyer, idempotency_key="key-0000000000000004"))
    Booking.objects.filter(status=BookingStatus.BOOKED).update(attempt_count=1)


def test_each_number_counts_its_rows(staff_client: Client, busy: None) -> None:
    home = staff_client.get(HOME).context["home"]

    assert {view.value: count.number for view, count in home.queue.items()} == {
        "all": 2,
        "soon": 0,
        "overdue": 1,
        "starts": 2,
    }
    assert home.decided.count.number == 1
    assert home.live.number == 1
    assert home.bookings.number == 1
    assert home.to_review.number == 0
    assert home.dead_letters.number == 0
    assert [row.urgency.value for row in home.urgent] == ["overdue", "later"]


def test_a_booking_that_failed_long_ago_is_no_news(staff_client: Client, busy: None) -> None:
    Booking.objects.filter(status=BookingStatus.QUEUED).update(
        status=BookingStatus.FAILED, settled_at=timezone.now() - timedelta(days=8)
    )

    assert staff_client.get(HOME).context["home"].bookings.number == 0


@pytest.mark.parametrize(
    ("tile", "expected"),
    [
        ("/admin/mediabuys/mediabuy/?live=yes", 1),
        ("/admin/mediabuys/booking/?trouble=yes", 1),
        ("/admin/webhooks/delivery/?status__exact=dead", 0),
    ],
)
def test_a_tile_leads_to_the_rows_that_it_counts(
    staff_client: Client, busy: None, tile: str, expected: int
) -> None:
    assert f'href="{tile}"' in staff_client.get(HOME).content.decode()

    assert staff_client.get(tile).context["cl"].result_count == expected


def test_the_tile_of_creatives_leads_to_their_review(staff_client: Client, busy: None) -> None:
    Creative.objects.update(status="pending_review")

    home = staff_client.get(HOME)

    assert 'href="/admin/creative-review/"><span class="tile-name">' in home.content.decode()
    assert home.context["home"].to_review.number == 1
    assert len(staff_client.get("/admin/creative-review/").context["page"].rows) == 1


def test_a_silent_worker_and_a_late_clock_are_seen(
    staff_client: Client, busy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat_record(parts=["beat"])
    MediaBuy.objects.filter(confirmed_at__isnull=False).update(
        status="pending_start",
        start_time=timezone.now() - timedelta(minutes=12),
        end_time=timezone.now() + timedelta(days=1),
    )

    page = staff_client.get(HOME).content.decode()

    assert "beat alive" in page
    assert "never seen" in page
    assert "12 min late" in page


def test_the_home_page_costs_the_same_however_busy(
    staff_client: Client, buyer: Buyer, busy: None, django_assert_num_queries: Any
) -> None:
    staff_client.get(HOME)
    with django_assert_num_queries(QUERIES):
        staff_client.get(HOME)

    for number in range(10, 15):
        waiting_task(buyer, idempotency_key=f"key-{number:016}")
    assert Creative.objects.count() == 1

    with django_assert_num_queries(QUERIES):
        staff_client.get(HOME)


# session, person, permissions (2), publisher; due flights (2), four views, decided, live buys,
# creatives, bookings, dead letters, webhook lag, the ad server (2), urgent rows, money, heartbeats;
# badges (3)
QUERIES = 25
