"""Decisions that come too late, twice, or on something else than what was shown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mediabuys.models import Booking, MediaBuy
from tasks_hitl.models import Decision, Task
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import tasks_expire
from tests.desk.forms import address, assert_undecided, rejection, shown
from tests.people import Buyer
from tests.trade.orders import reject, waiting_task

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("user", ["approver", "superuser"])
def test_a_stale_form_is_refused_and_says_what_changed(
    client: Client, buyer: Buyer, user: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(user))
    task = waiting_task(buyer)
    fields = shown(task)
    Task.objects.filter(pk=task.pk).update(version=2)
    task.events.create(action="submitted", to_status="submitted", version=2, actor="system")

    response = client.post(address(task, "approve"), fields)

    page = response.content.decode()
    assert response.status_code == 409
    assert "This order changed while you were looking" in page
    assert "Your click changed nothing." in page
    assert "What happened since your page was made" in page
    Task.objects.filter(pk=task.pk).update(version=1)
    assert_undecided(task)


def test_a_link_to_the_confirm_page_keeps_what_was_shown(
    staff_client: Client, buyer: Buyer
) -> None:
    task = waiting_task(buyer)
    digest = shown_digest(task)
    page = staff_client.get(address(task)).content.decode()
    link = page.split('data-opens="dialog-approved"')[0].rsplit('href="', 1)[1].split('"')[0]
    Task.objects.filter(pk=task.pk).update(version=2)

    confirm = staff_client.get(link.replace("&amp;", "&"))
    initial = confirm.context["choice"].form.initial

    assert (initial["shown_digest"], initial["shown_version"]) == (digest, 1)
    response = staff_client.post(address(task, "approve"), {**initial})
    assert response.status_code == 409
    Task.objects.filter(pk=task.pk).update(version=1)
    assert_undecided(task)


def test_the_loser_of_a_race_reads_who_was_first(
    staff_client: Client, buyer: Buyer, director: User
) -> None:
    task = waiting_task(buyer)
    fields = shown(task)
    reject(task, director)

    response = staff_client.post(address(task, "approve"), fields)

    page = response.content.decode()
    assert response.status_code == 409
    assert "Somebody was first" in page
    assert "director rejected this order on" in page
    assert "March is sold out." in page
    assert Decision.objects.count() == 1
    assert Booking.objects.count() == 0


def test_the_loser_against_the_clock_reads_that_it_expired(
    staff_client: Client, buyer: Buyer
) -> None:
    task = waiting_task(buyer)
    fields = shown(task)
    tasks_expire(now=task.expires_at + timedelta(seconds=1))

    response = staff_client.post(address(task, "approve"), fields)

    assert response.status_code == 409
    assert "Expired without an answer" in response.content.decode()
    assert Decision.objects.count() == 0
    assert Booking.objects.count() == 0


def test_a_second_click_finds_the_first_decision(staff_client: Client, buyer: Buyer) -> None:
    task = waiting_task(buyer)
    fields = shown(task)

    answers = [staff_client.post(address(task, "approve"), fields) for _ in range(2)]

    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [
        (302, address(task))
    ] * 2
    assert Decision.objects.count() == 1
    assert Booking.objects.count() == 1


def test_an_order_whose_flight_is_over_can_only_be_rejected(
    staff_client: Client, buyer: Buyer
) -> None:
    task = waiting_task(buyer)
    MediaBuy.objects.update(
        start_time=timezone.now() - timedelta(days=2), end_time=timezone.now() - timedelta(days=1)
    )

    response = staff_client.post(address(task, "approve"), shown(task))

    assert response.status_code == 409
    assert "The flight is already over." in response.content.decode()
    assert_undecided(task)
    assert staff_client.post(address(task, "reject"), rejection(task)).status_code == 302
