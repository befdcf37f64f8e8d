"""What a person reads while somebody else's transaction holds the order."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client

from tasks_hitl.locks import task_locked
from tasks_hitl.models import Decision, Task
from tests.desk.forms import address, shown
from tests.people import Buyer
from tests.trade.orders import waiting_task

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def held(buyer: Buyer) -> Iterator[Task]:
    """A waiting order whose row another transaction keeps until the test is over."""
    task = waiting_task(buyer)
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            task_locked(task.task_id)
            is_held.set()
            is_over.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(10)
    yield task
    is_over.set()
    holder.join(10)


def test_a_held_order_says_so_and_nothing_happens(staff_client: Client, held: Task) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")

    answer = staff_client.post(address(held, "approve"), shown(held))

    assert answer.status_code == 409
    assert "Somebody else is deciding this order at this moment." in answer.content.decode()
    assert Decision.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
