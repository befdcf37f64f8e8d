"""Drafting an order: one buy with its packages, before anybody has decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.creative_deadlines import deadline_of_start
from mediabuys.creative_placement import refuse_rejected
from mediabuys.demand import demands_of
from mediabuys.models import (
    Account,
    Creative,
    CreativeAssignment,
    MediaBuy,
    Package,
    Principal,
)
from mediabuys.requests import Channel, OrderRequest, PackageRequest, channel_fields
from mediabuys.services.holds import hold_columns, policy_with_holds
from mediabuys.services.orders import buy_become, buy_created
from mediabuys.services.proposal_orders import proposal_order
from mediabuys.services.reports import artifact_webhook_set, reporting_webhook_set


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
    held_until: datetime | None = None,
) -> DraftedOrder:
    """Write a draft order with its packages; nothing outside the desk sees it yet.

    With `accepted_by`, an actor, it is accepted as it is written, as `order_accept` would do it.
    Its guaranteed packages hold their inventory until `held_until`, None where they hold nothing,
    or take it for their flight when the order is accepted.
    `policy` is the rule trace, `channel` where the buyer hears of the buy later. A proposal that
    the request executes is ordered with it; the caller holds its row. Raises `CreativeRejected` for
    an assigned creative that was rejected, `InvalidRequest` for the address of a webhook. Runs in
    the caller's transaction; the number of statements does not depend on the number of packages.
    """
    creatives = _assigned_creatives(request, account)
    buy = _buy(request, principal, account, now)
    holds = [
        hold_columns(demand, until=held_until, is_taken=bool(accepted_by))
        for demand in demands_of(request, request.packages)
    ]
    buy.policy = policy_with_holds(policy, holds)
    for name, value in channel_fields(channel).items():
        setattr(buy, name, value)
    drafted_as = buy.status
    if accepted_by:
        buy_become(buy=buy)
    buy.save(force_insert=True)
    packages = Package.objects.bulk_create(
        package_row(buy, position, line, **hold)
        for position, (line, hold) in enumerate(zip(request.packages, holds, strict=True))
    )
    assignments = _assignments_write(request, packages, creatives)
    _others_write(request, buy, now)
    if accepted_by:
        buy_created(buy=buy, from_status=drafted_as, actor=accepted_by, now=now)
    return DraftedOrder(buy, packages, assignments)


def _buy(request: OrderRequest, principal: Principal, account: Account, now: datetime) -> MediaBuy:
    return MediaBuy(
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
        creative_deadline=deadline_of_start(
            request.start_time,
            lead_hours=account.publisher.creative_deadline_hours,
            now=now,
        ),
        plan_id=request.plan_id,
        po_number=request.po_number,
        agency_estimate_number=request.agency_estimate_number,
        advertiser_industry=request.advertiser_industry,
        buyer_ref=request.buyer_ref,
        campaign_ref=request.campaign_ref,
        governance_context=request.governance_context,
        proposal=request.proposal,
        io_acceptance=request.io_acceptance,
        invoice_recipient=request.invoice_recipient,
        invoice_bank=request.invoice_bank,
        request_context=request.context,
        ext=request.ext,
    )


def _others_write(request: OrderRequest, buy: MediaBuy, now: datetime) -> None:
    """Write what few orders have: the proposal's end, and the webhooks of a running buy."""
    proposal_order(buy=buy, now=now)
    if request.reporting is not None:
        reporting_webhook_set(buy=buy, request=request.reporting)
    if request.artifacts is not None:
        artifact_webhook_set(buy=buy, request=request.artifacts)


def package_row(buy: MediaBuy, position: int, line: PackageRequest, **hold: Any) -> Package:
    """Return the unsaved row of one line of an order, at its place; `hold` are its own columns."""
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
        buyer_ref=line.buyer_ref,
        request_context=line.context,
        ext=line.ext,
        **hold,
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
        refuse_rejected(line.assignments, f"packages[{position}]", found)
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
