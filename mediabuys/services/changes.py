"""Changes of a buy: applied as one, whole or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from mediabuys.change_request import ChangeRequest
from mediabuys.change_words import change_differences
from mediabuys.models import Event, MediaBuy, Package, Principal
from mediabuys.pricing import in_words
from mediabuys.requests import channel_fields
from mediabuys.selectors.changes import packages_to_change
from mediabuys.services.change_writes import assignments_replace, packages_add, packages_write
from mediabuys.services.events import Entry, agent_actor, events_record
from mediabuys.services.flights import media_buy_refresh
from mediabuys.services.orders import media_buy_cancel
from mediabuys.services.reports import reporting_webhook_set
from mediabuys.services.trafficking import trafficking_begin
from mediabuys.states import PENDING_BUY_STATUSES, CanceledBy


@dataclass(frozen=True)
class AppliedChange:
    """A buy after a change, with the packages that the request named or added.

    `revision` is the one that the change made; the buy's own may be later, where it could move on.
    """

    buy: MediaBuy
    packages: list[Package]
    revision: int


def change_apply(
    *, buy: MediaBuy, request: ChangeRequest, principal: Principal, now: datetime
) -> AppliedChange:
    """Write a change that was checked against the buy; the caller holds the buy's row.

    One revision for the whole change, an entry of the history for each thing that it changed, and
    the buy moves on where nothing blocks it any more. A change that changes nothing leaves the
    buy and its revision as they are. Raises `InvalidRequest` for the address of a webhook. The
    number of statements does not depend on the number of packages. The ad server is told of what
    it has already; while an order is being booked, when that is done.
    """
    with transaction.atomic(savepoint=False):
        if request.is_empty:
            return AppliedChange(buy, _named(request), buy.revision)
        actor = agent_actor(principal)
        if request.cancels:
            return _cancel(buy, request, actor, now)
        entries = list(_entries(request))
        added = packages_add(buy=buy, request=request)
        packages_write(request=request, now=now)
        rewritten = assignments_replace(request=request, added=added)
        moved = _buy_write(buy, request)
        if request.reporting is not None:
            reporting_webhook_set(buy=buy, request=request.reporting, principal=principal)
        entries = [*moved, *entries, *map(_added, added)]
        events_record(buy=buy, entries=entries, actor=actor, now=now)
        revision = buy.revision
        if buy.status in PENDING_BUY_STATUSES:
            media_buy_refresh(buy=buy, now=now, notify=False)
        if buy.confirmed_at is not None:
            trafficking_begin(buy=buy, now=now)
        packages = [*_named(request), *added]
        return AppliedChange(buy, _reread(buy, packages) if rewritten else packages, revision)


def _named(request: ChangeRequest) -> list[Package]:
    return [change.package for change in request.packages]


def _reread(buy: MediaBuy, packages: Sequence[Package]) -> list[Package]:
    found = {package.pk: package for package in packages_to_change(buy)}
    return [found[package.pk] for package in packages]


def _cancel(buy: MediaBuy, request: ChangeRequest, actor: str, now: datetime) -> AppliedChange:
    media_buy_cancel(
        buy=buy,
        actor=actor,
        canceled_by=CanceledBy.BUYER,
        reason=request.cancellation_reason,
        now=now,
    )
    return AppliedChange(buy, _reread(buy, request.standing), buy.revision)


def _entries(request: ChangeRequest) -> Iterator[Entry]:
    """Say what changes, in the words of before: the rows still are as they were."""
    for difference in change_differences(request):
        if difference.action is not None:
            package_id = difference.package.package_id if difference.package else ""
            yield Entry(difference.action, difference.sentence, package_id)


def _added(package: Package) -> Entry:
    words = f"{package.product.name} added, {in_words(package.budget, package.currency)}"
    return Entry(
        Event.Action.PACKAGES_UPDATED, f"{words}, as {package.package_id}", package.package_id
    )


def _buy_write(buy: MediaBuy, request: ChangeRequest) -> list[Entry]:
    """Write the buy's row, and return the entry of its pause or resumption, if it has one."""
    entries = _pause(buy, request)
    buy.revision += 1
    buy.total_budget = request.budget_after
    if request.start_time is not None:
        buy.start_time, buy.starts_asap = request.start_time, request.starts_asap
    buy.end_time = request.end_time or buy.end_time
    buy.creative_deadline = request.creative_deadline or buy.creative_deadline
    if request.invoice_recipient is not None:
        buy.invoice_recipient = request.invoice_recipient
        buy.invoice_bank = request.invoice_bank
    for name, value in channel_fields(request.channel).items():
        setattr(buy, name, value)
    buy.save(
        update_fields=[
            "status",
            "is_held",
            "revision",
            "total_budget",
            "start_time",
            "starts_asap",
            "end_time",
            "creative_deadline",
            "invoice_recipient",
            "invoice_bank",
            "destination",
            "operation_id",
            "push_token",
            "updated_at",
        ]
    )
    return entries


def _pause(buy: MediaBuy, request: ChangeRequest) -> list[Entry]:
    """Pause or resume the buy; one that has not begun is held, and its status stays."""
    if request.pauses is None:
        return []
    before = buy.status
    buy.is_held = request.pauses and before in PENDING_BUY_STATUSES
    if before not in PENDING_BUY_STATUSES:
        move = buy.pause if request.pauses else buy.resume
        move()
    action = Event.Action.PAUSED if request.pauses else Event.Action.RESUMED
    held = ", held from its start" if buy.is_held else ""
    words = f"Paused by the buyer{held}" if request.pauses else "Resumed by the buyer"
    return [Entry(action, words, from_status=before)]
