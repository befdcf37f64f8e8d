"""The archive: putting away buys that are over."""

from datetime import datetime

from django.db import transaction

from mediabuys.errors import InvalidState
from mediabuys.locks import media_buy_locked
from mediabuys.models import Event, MediaBuy
from mediabuys.services.events import event_record
from mediabuys.states import TERMINAL_BUY_STATUSES


def media_buy_archive(*, media_buy_pk: int, actor: str, reason: str, now: datetime) -> MediaBuy:
    """Put a buy that is over into the archive; its AdCP side does not change at all.

    `actor` is `seller:<username>`, `reason` is for staff and may be empty. Raises `InvalidState`
    for a buy that is not over, or is archived already. One transaction, with the buy's row locked.
    """
    with transaction.atomic():
        buy = media_buy_locked(media_buy_pk)
        if buy.status not in TERMINAL_BUY_STATUSES:
            raise InvalidState(
                f"It is {buy.get_status_display().lower()}, and only what is over is archived.",
                field="status",
                suggestion="Cancel it first, or wait for its end.",
            )
        if buy.archived_at is not None:
            raise InvalidState("It is in the archive already.", field="archived_at")
        buy.archived_at, buy.archived_by = now, actor
        _save(buy, Event.Action.ARCHIVED, actor, reason, now)
        return buy


def media_buy_unarchive(*, media_buy_pk: int, actor: str, reason: str, now: datetime) -> MediaBuy:
    """Take a buy out of the archive again.

    Arguments and transaction as for `media_buy_archive`. Raises `InvalidState` for a buy that is
    not in the archive.
    """
    with transaction.atomic():
        buy = media_buy_locked(media_buy_pk)
        if buy.archived_at is None:
            raise InvalidState("It is not in the archive.", field="archived_at")
        buy.archived_at, buy.archived_by = None, ""
        _save(buy, Event.Action.UNARCHIVED, actor, reason, now)
        return buy


def _save(buy: MediaBuy, action: Event.Action, actor: str, reason: str, now: datetime) -> None:
    # Neither `revision` nor `updated_at`: nothing that a buyer's agent reads over AdCP has changed.
    buy.save(update_fields=["archived_at", "archived_by"])
    event_record(
        buy=buy, action=action, from_status=buy.status, actor=actor, now=now, summary=reason
    )
