"""The buyer's notification on the decision page, in every state that it can be in."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from tasks_hitl.desk.decision import approval_page, task_for_desk
from tasks_hitl.models import Task
from tests.desk.forms import address
from tests.people import Buyer
from tests.trade.orders import reject, waiting_task
from webhooks.models import Attempt, Delivery, Destination
from webhooks.services import delivery_enqueue, destination_upsert
from webhooks.states import AttemptOutcome, DeliveryStatus, DestinationKind

pytestmark = pytest.mark.django_db

SECRET = "tok3n-9f8e7d6c5b4a39281706"


@pytest.fixture
def told(buyer: Buyer, approver: User) -> Task:
    """A rejected order whose buyer registered a webhook with a secret in its address."""
    task = waiting_task(buyer)
    destination = destination_upsert(
        owner_key=buyer.principal.principal_id,
        kind=DestinationKind.SIGNED_HTTP,
        url=f"https://hooks.pinnacle.example/{SECRET}?key={SECRET}",
    )
    task.destination = destination
    task.save(update_fields=["destination"])
    with transaction.atomic():
        reject(task, approver)
    return task


def attempt(delivery: Delivery, number: int, **result: Any) -> None:
    now = timezone.now()
    Attempt.objects.create(
        delivery=delivery,
        number=number,
        started_at=now,
        completed_at=now,
        payload_bytes=10,
        **result,
    )


def page_of(client: Client, task: Task) -> str:
    return client.get(address(task)).content.decode()


def test_the_address_is_shown_without_its_secrets(staff_client: Client, told: Task) -> None:
    page = page_of(staff_client, told)

    assert "https://hooks.pinnacle.example/redacted" in page
    assert SECRET not in page


def test_a_message_on_its_way_keeps_the_page_alive(staff_client: Client, told: Task) -> None:
    attempt(Delivery.objects.get(), 1, outcome=AttemptOutcome.FAILED, http_status=503)

    page = page_of(staff_client, told)

    assert "Answer to the order" in page
    assert "HTTP 503" in page
    assert "next try" in page
    assert 'data-live="1"' in page


@pytest.mark.parametrize(
    ("status", "badge", "said"),
    [
        (DeliveryStatus.DELIVERED, "good", "delivered"),
        (DeliveryStatus.DEAD, "bad", "gave up"),
        (DeliveryStatus.STOPPED, "bad", "stopped by the receiver"),
    ],
)
def test_a_settled_message_lets_the_page_rest(
    staff_client: Client, told: Task, status: str, badge: str, said: str
) -> None:
    Delivery.objects.update(status=status, settled_at=timezone.now())

    page = page_of(staff_client, told)

    assert f'<span class="badge {badge}">{DeliveryStatus(status).label}</span>' in page
    assert f"Answer to the order: {said}" in page
    assert 'data-live="0"' in page


def test_the_staffs_own_mail_is_not_the_buyers(staff_client: Client, told: Task) -> None:
    with transaction.atomic():
        delivery_enqueue(
            owner_key="staff",
            subject_key=f"task:{told.task_id}",
            destination_id=Destination.objects.get().pk,
            kind="approval_waiting",
            sequence=1,
            idempotency_key="staff-1",
            body={"subject": "Approval waiting"},
        )

    task = task_for_desk(told.task_id)

    assert task is not None
    facts = approval_page(task=task, now=timezone.now())
    assert [row.what for row in facts.notification.deliveries] == ["Answer to the order"]
