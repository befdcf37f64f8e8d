"""The decision form as a browser would send it back."""

import re
from typing import Any
from uuid import uuid4

from django.test import Client

from mediabuys.models import Booking, Event, MediaBuy
from mediabuys.states import BuyStatus
from tasks_hitl.models import Approval, Decision, Task
from tasks_hitl.selectors import shown_digest
from tasks_hitl.states import TaskStatus
from webhooks.models import Delivery

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def address(task: Task, verb: str = "") -> str:
    return f"/admin/approvals/{task.task_id}/{verb + '/' if verb else ''}"


def shown(task: Task, **changes: Any) -> dict[str, Any]:
    """Return the fields of a form that was rendered for the task as it is now."""
    task.refresh_from_db()
    fields = {
        "shown_digest": shown_digest(task),
        "shown_version": task.version,
        "form_token": str(uuid4()),
    }
    return {**fields, **changes}


def rejection(task: Task, **changes: Any) -> dict[str, Any]:
    return shown(task, **{"reason_code": "no_inventory", "note": "Sold out.", **changes})


def rendered(client: Client, task: Task, verb: str) -> dict[str, str]:
    """Return the hidden fields of a form that the server rendered."""
    page = client.get(address(task, verb)).content.decode()
    return {name: value for name, value in HIDDEN.findall(page) if name != "csrfmiddlewaretoken"}


def assert_undecided(task: Task) -> None:
    task.refresh_from_db()
    assert (task.status, task.version) == (TaskStatus.SUBMITTED, 1)
    assert MediaBuy.objects.get(pk=task.media_buy_id).status == BuyStatus.DRAFT
    assert Decision.objects.count() == 0
    assert Approval.objects.count() == 0
    assert Booking.objects.count() == 0
    assert Event.objects.count() == 0
    assert Delivery.objects.count() == 0
