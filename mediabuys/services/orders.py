"""Orders: drafted, accepted, declined, confirmed, rejected, canceled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from mediabuys import ids
from mediabuys.errors import CreativeRejected
from mediabuys.models import (
    Account,
    Creative,
    CreativeAssignment,
    Event,
    MediaBuy,
    Package,
    Principal,
)
from mediabuys.pricing import in_words
from mediabuys.requests import Channel, OrderRequest, PackageRequest, channel_fields
from mediabuys.services.bookings import booking_abandon
from mediabuys.services.creative_releases import assignments_release
from mediabuys.services.events import event_record
from mediabuys.services.notices import buy_notice_enqueue
from mediabuys.states import CanceledBy, CreativeStatus


@dataclass(frozen=True)
class DraftedOrder:
    """A draft with its packages and assignments, as they were written."""

    buy: MediaBuy
    packages: list[Package]
    assignments: list[CreativeAssignment]


def order_draft(
    *,
    request: OrderRequest,
    principal: Principal,
    account: Account,
    policy: dict[str, Any],
    channel: Channel | None,
    now: datetime,
    accepted_by: str = "",
) -> DraftedOrder:
    """Write a draft order with its packages; nothing outside the desk sees it yet.

    With `accepted_by`, an actor, it is accepted as it is written, as `order_accept` would do it.
    `policy` is the rule trace, `channel` where the buyer hears of the buy later. Raises
    `CreativeRejected` for an assigned creative that was rejected. Runs in the caller's
    transaction; the number of statements does not depend on the number of packages.
    """
    creatives = _assigned_creatives(request, account)
    buy = MediaBuy(
        principal=principal,
        account=account,
        brand_domain=request.brand_domain,
        brand_id=request.brand_id,
        currency=request.currency,
        total_budget=request.total_budget,
        start_time=request.start_time,
        end_time=request.end_time,
        starts_asap=request.starts_asap,
        is_held=request.is_held,
        creative_deadline=_creative_deadline(request, account, now),
        plan_id=request.plan_id,
        po_number=request.po_number,
        agency_estimate_number=request.agency_estimate_number,
        advertiser_industry=request.advertiser_industry,
        request_context=request.context,
        ext=request.ext,
        policy=policy,
        **channel_fields(channel),
    )
    drafted_as = buy.status
    if accepted_by:
        _become_buy(buy)
    buy.save(force_insert=True)
    packages = Package.objects.bulk_create(
        _package(buy, position, line) for position, line in enumerate(request.packages)
    )
    assignments = _assignments_write(request, packages, creatives)
    if accepted_by:
        _created(buy, drafted_as, accepted_by, now)
    return DraftedOrder(buy, packages, assignments)


def _creative_deadline(request: OrderRequest, account: Account, now: datetime) -> datetime:
    lead = timedelta(hours=account.publisher.creative_deadline_hours)
    deadline = request.start_time - lead
    # A flight that starts sooner than the lead time keeps its creatives open until it starts.
    return deadline if deadline > now else max(request.start_time, now + timedelta(hours=1))


def _package(buy: MediaBuy, position: int, line: PackageRequest) -> Package:
    return Package(
        media_buy=buy,
        position=position,
        product=line.product,
        pricing_option=line.pricing_option,
        budget=line.budget,
        currency=line.pricing_option.currency,
        bid_price=line.bid_price,
        unit_price=line.unit_price,
        rate_card_price=line.pricing_option.rate_card_price,
        impressions=line.impressions,
        pacing=line.pacing,
        start_time=line.start_time,
        end_time=line.end_time,
        is_paused=line.is_paused,
        format_ids=line.format_ids,
        targeting_overlay=line.targeting_overlay,
        terms=line.terms,
        agency_estimate_number=line.agency_estimate_number,
        request_context=line.context,
        ext=line.ext,
    )


def _assigned_creatives(request: OrderRequest, account: Account) -> dict[str, Creative]:
    wanted = {a.creative_id for line in request.packages for a in line.assignments}
    if not wanted:
        return {}
    found = {
        creative.creative_id: creative
        for creative in Creative.objects.filter(account=account, creative_id__in=wanted)
    }
    for position, line in enumerate(request.packages):
        for index, assignment in enumerate(line.assignments):
            creative = found.get(assignment.creative_id)
            if creative is not None and creative.status == CreativeStatus.REJECTED:
                raise CreativeRejected(
                    "This creative was rejected.",
                    field=f"packages[{position}].creative_assignments[{index}].creative_id",
                    suggestion="Correct it with sync_creatives, or assign another one.",
                )
    return found


def _assignments_write(
    request: OrderRequest, packages: Sequence[Package], creatives: dict[str, Creative]
) -> list[CreativeAssignment]:
    rows = [
        CreativeAssignment(
            package=package,
            creative_ref=assignment.creative_id,
            creative=creatives.get(assignment.creative_id),
            weight=assignment.weight,
        )
        for package, line in zip(packages, request.packages, strict=True)
        for assignment in line.assignments
    ]
    return CreativeAssignment.objects.bulk_create(rows) if rows else []


def order_accept(*, buy: MediaBuy, actor: str, now: datetime) -> None:
    """Turn a draft into a buy: it gets its `media_buy_id` and waits for creatives.

    Not confirmed yet: `order_confirm` does that when the ad server has answered. The caller holds
    the row.
    """
    before = buy.status
    _become_buy(buy)
    buy.save(update_fields=["status", "media_buy_id", "updated_at"])
    _created(buy, before, actor, now)


def _become_buy(buy: MediaBuy) -> None:
    buy.accept()
    buy.media_buy_id = ids.media_buy_id()


def _created(buy: MediaBuy, before: str, actor: str, now: datetime) -> None:
    event_record(
        buy=buy,
        action=Event.Action.CREATED,
        from_status=before,
        actor=actor,
        now=now,
        summary=f"Media buy of {in_words(buy.total_budget, buy.currency)} created",
    )


def order_confirm(*, buy: MediaBuy, now: datetime) -> None:
    """Record the seller's commitment, once; the caller holds the row and has accepted it."""
    if buy.confirmed_at is not None:
        return
    buy.confirmed_at = now
    buy.save(update_fields=["confirmed_at", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.CONFIRMED,
        from_status=buy.status,
        actor="system",
        now=now,
        summary="Booked on the ad server",
    )


def order_decline(*, buy: MediaBuy, actor: str, reason: str, now: datetime) -> None:
    """End a draft that was declined or expired; it never was a buy. The caller holds the row."""
    before = buy.status
    buy.decline()
    buy.rejection_reason = reason[:500]
    buy.save(update_fields=["status", "rejection_reason", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.DECLINED,
        from_status=before,
        actor=actor,
        now=now,
        summary=reason,
    )


def media_buy_reject(
    *, buy: MediaBuy, actor: str, reason: str, now: datetime, notify: bool = True
) -> None:
    """End an accepted buy that cannot run, and tell the buyer. The caller holds the row.

    Its creatives go back to the library. `notify` is false where the buyer hears it from the
    task's own answer.
    """
    before = buy.status
    buy.reject()
    buy.revision += 1
    buy.rejection_reason = reason[:500]
    buy.save(update_fields=["status", "revision", "rejection_reason", "updated_at"])
    event_record(
        buy=buy,
        action=Event.Action.REJECTED,
        from_status=before,
        actor=actor,
        now=now,
        summary=reason,
        data=_released(buy),
    )
    if notify:
        buy_notice_enqueue(buy=buy, now=now)


def media_buy_cancel(
    *, buy: MediaBuy, actor: str, canceled_by: CanceledBy, reason: str, now: datetime
) -> None:
    """Cancel a buy that has not ended; a seller's cancellation is told to the buyer.

    Its creatives go back to the library. The caller holds the row.
    """
    with transaction.atomic(savepoint=False):
        before = buy.status
        buy.cancel()
        buy.revision += 1
        buy.canceled_at, buy.canceled_by = now, canceled_by
        buy.cancellation_reason = reason[:500]
        buy.save(
            update_fields=[
                "status",
                "revision",
                "canceled_at",
                "canceled_by",
                "cancellation_reason",
                "updated_at",
            ]
        )
        booking_abandon(buy=buy, reason="The buy was canceled before it was booked.", now=now)
        event_record(
            buy=buy,
            action=Event.Action.CANCELED,
            from_status=before,
            actor=actor,
            now=now,
            summary=reason,
            data=_released(buy),
        )
        if canceled_by == CanceledBy.SELLER:
            buy_notice_enqueue(buy=buy, now=now)


def _released(buy: MediaBuy) -> dict[str, list[str]]:
    """Give the creatives back to the library; return what the history keeps of them."""
    references = assignments_release(buy=buy)
    return {"released_creatives": references} if references else {}
