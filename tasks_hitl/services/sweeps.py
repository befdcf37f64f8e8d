"""Working on due tasks one at a time, for every job of the clock."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import F, Q, QuerySet

from mediabuys.services.claims import POISON_DELAY, claim_each
from tasks_hitl.models import Task


def tasks_sweep(
    *, due: QuerySet[Task], work: Callable[[Task], None], now: datetime, limit: int
) -> int:
    """Work on each due task in its own transaction, first come first; return how many succeeded.

    `due` is from `tasks_locked()`, and a task that is worked on is no longer in it. One that
    cannot be worked on is tried again later and stops no other: see `claim_each`.
    """
    waited = Q(expiry_check_after__isnull=True) | Q(expiry_check_after__lte=now)
    unclaimed = due.filter(waited).select_for_update(of=("self",), skip_locked=True)

    def push_forward(task: Task) -> None:
        Task.objects.filter(pk=task.pk).update(
            expiry_check_after=now + POISON_DELAY, expiry_failures=F("expiry_failures") + 1
        )

    # A fresh copy each time: a queryset remembers the row that it has found.
    return claim_each(
        next_due=lambda: unclaimed.all().first(), work=work, push_forward=push_forward, limit=limit
    )
