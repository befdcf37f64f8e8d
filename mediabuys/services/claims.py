"""The loop of every clock job: claim one due row, work on it in its own transaction, go on."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import models, transaction

logger = logging.getLogger(__name__)

# A row that cannot be worked on is tried again after this; it never stops the others.
POISON_DELAY = timedelta(minutes=15)

Row = TypeVar("Row", bound=models.Model)


def claim_each(
    *,
    next_due: Callable[[], Row | None],
    work: Callable[[Row], None],
    push_forward: Callable[[Row], None],
    limit: int,
) -> int:
    """Work on due rows one at a time, each in its own transaction; return how many succeeded.

    `next_due` locks and returns one row (SKIP LOCKED), or None when nothing is left.

    Failure policy: work that raises is rolled back alone, logged, and its row is pushed forward
    while it is still locked, so that the next row is reached and this one is tried again later.
    """
    succeeded = 0
    for _ in range(limit):
        outcome = _claim_one(next_due, work, push_forward)
        if outcome is None:
            break
        succeeded += outcome
    return succeeded


def _claim_one(
    next_due: Callable[[], Row | None],
    work: Callable[[Row], None],
    push_forward: Callable[[Row], None],
) -> bool | None:
    with transaction.atomic():
        row = next_due()
        if row is None:
            return None
        try:
            with transaction.atomic():
                work(row)
        except Exception:
            logger.exception("%s %s could not be worked on.", type(row).__name__, row.pk)
            push_forward(row)
            return False
        return True
