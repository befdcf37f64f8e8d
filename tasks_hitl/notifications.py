"""What staff are told about approvals; every link only shows, and never decides."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import formats, timezone

from mediabuys.models import Publisher
from tasks_hitl.amounts import amount_in_words
from tasks_hitl.handlers import handler_for
from tasks_hitl.models import Task
from tasks_hitl.selectors import policy_of

DATE_FORMAT = "j M Y"
MOMENT_FORMAT = "D j M Y, H:i"


def approval_url(task: Task) -> str:
    """Return the absolute address of the task's decision page."""
    return f"{settings.PUBLIC_URL}/admin/approvals/{task.task_id}/"


def staff_notice_body(task: Task) -> dict[str, str]:
    """Return the mail that tells staff of a waiting approval: `subject`, `text` and `html`.

    Times are the publisher's. Reads nothing that the task does not have joined.
    """
    buy, publisher = task.media_buy, task.account.publisher
    context: dict[str, Any] = {
        "task": task,
        "noun": handler_for(task).noun,
        "differences": [] if task.change is None else task.change.differences,
        "buy": buy,
        "publisher": publisher,
        "budget": amount_in_words(buy, task.change),
        "starts": _local(buy.start_time, publisher, DATE_FORMAT),
        "ends": _local(buy.end_time, publisher, DATE_FORMAT),
        "due": _local(task.due_at, publisher, MOMENT_FORMAT),
        "reasons": [
            (rule["name"], rule["explanation"])
            for rule in policy_of(task).get("rules", ())
            if rule["stopped"]
        ],
        "url": approval_url(task),
    }
    what = buy.brand_domain if task.change is None else f"change of {buy.brand_domain}"
    subject = f"Approval waiting: {what}, {context['budget']}, due {context['due']}"
    return {
        "subject": " ".join(subject.split()),
        "text": render_to_string("mail/approval_waiting.txt", context),
        "html": render_to_string("mail/approval_waiting.html", context),
    }


def _local(moment: datetime, publisher: Publisher, pattern: str) -> str:
    return formats.date_format(timezone.localtime(moment, ZoneInfo(publisher.timezone)), pattern)
