"""Proposals: offered as drafts, and committed with firm prices and an insertion order."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from mediabuys import ids
from mediabuys.errors import ProductUnavailable
from mediabuys.locks import account_held, proposals_locked
from mediabuys.models import (
    Account,
    Principal,
    Product,
    Proposal,
    ProposalAllocation,
    ProposalEvent,
    Publisher,
)
from mediabuys.planning import Plan, PlanRequest, firm_price
from mediabuys.selectors.brief import BRIEF_LIMIT_CHARACTERS
from mediabuys.selectors.proposals import (
    proposal_expired,
    proposal_not_found,
    proposal_ordered,
    proposals_of,
    with_allocations,
)
from mediabuys.services.events import agent_actor
from mediabuys.states import PaymentTerms, ProposalStatus


@dataclass(frozen=True)
class Offer:
    """For whom and for what plans are offered; `asked` is what the buyer sent, as JSON."""

    principal: Principal
    account: Account | None
    publisher: Publisher
    request: PlanRequest
    asked: Mapping[str, Any]
    brand_domain: str = ""


def proposals_offer(*, offer: Offer, plans: Sequence[Plan], now: datetime) -> list[Proposal]:
    """Store the plans as drafts and return them in order, with allocations.

    A plan that this agent was offered before and that still is a draft is found again, as it is
    now, also when two requests store it at once: repeating a brief adds no row. One that had
    expired gets a new term. Two queries when all are found; runs in transactions of its own.
    """
    digests = [_plan_digest(offer, plan) for plan in plans]
    found = _drafts(offer.principal, digests)
    stale = [draft.pk for draft in found.values() if draft.expires_at <= now]
    if stale or len(found) < len(digests):
        with transaction.atomic():
            _renew(stale, offer, now)
            _insert(offer, [*zip(digests, plans, strict=True)], found, now)
        found = _drafts(offer.principal, digests)
    # One that an agent committed meanwhile is no draft any more; it is asked for by its id.
    return [found[digest] for digest in digests if digest in found]


def _plan_digest(offer: Offer, plan: Plan) -> str:
    subject = {
        "account": offer.account.pk if offer.account else None,
        "asked": offer.asked,
        "name": plan.name,
        "currency": offer.request.currency,
        "lines": [[line.product.pk, line.option.pk, str(line.percentage)] for line in plan.lines],
    }
    text = json.dumps(subject, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _drafts(principal: Principal, digests: Sequence[str]) -> dict[str, Proposal]:
    drafts = Proposal.objects.filter(
        principal=principal, plan_digest__in=digests, status=ProposalStatus.DRAFT
    )
    return {draft.plan_digest: draft for draft in with_allocations(drafts)}


def _renew(stale: Sequence[int], offer: Offer, now: datetime) -> None:
    if stale:
        expired = Q(status=ProposalStatus.DRAFT, expires_at__lte=now)
        Proposal.objects.filter(expired, pk__in=stale).update(
            expires_at=_expiry(offer.publisher, now), updated_at=now
        )


def _insert(
    offer: Offer,
    wanted: Sequence[tuple[str, Plan]],
    found: Mapping[str, Proposal],
    now: datetime,
) -> None:
    # In one order, so that two requests that store the same plans cannot wait for each other.
    missing = sorted((pair for pair in wanted if pair[0] not in found), key=lambda pair: pair[0])
    rows = [_draft(offer, digest, plan, now) for digest, plan in missing]
    Proposal.objects.bulk_create(rows, ignore_conflicts=True)
    # Whose insert lost has found the winner's row, and leaves it alone.
    stored = dict(
        Proposal.objects.filter(proposal_id__in=[row.proposal_id for row in rows]).values_list(
            "proposal_id", "pk"
        )
    )
    ours = [
        (stored[row.proposal_id], plan)
        for row, (_, plan) in zip(rows, missing, strict=True)
        if row.proposal_id in stored
    ]
    ProposalAllocation.objects.bulk_create(
        ProposalAllocation(
            proposal_id=pk,
            position=position,
            product=line.product,
            pricing_option=line.option,
            percentage=line.percentage,
            rationale=line.rationale,
        )
        for pk, plan in ours
        for position, line in enumerate(plan.lines)
    )
    ProposalEvent.objects.bulk_create(
        ProposalEvent(
            proposal_id=pk,
            action=ProposalEvent.Action.OFFERED,
            actor=agent_actor(offer.principal),
            summary=plan.description[:1000],
            at=now,
        )
        for pk, plan in ours
    )


def _draft(offer: Offer, digest: str, plan: Plan, now: datetime) -> Proposal:
    guidance = plan.guidance
    return Proposal(
        principal=offer.principal,
        account=offer.account,
        plan_digest=digest,
        name=plan.name,
        description=plan.description,
        brief=offer.request.brief[:BRIEF_LIMIT_CHARACTERS],
        brief_alignment=plan.alignment,
        brand_domain=offer.brand_domain,
        currency=offer.request.currency,
        minimum_budget=guidance.minimum,
        recommended_budget=guidance.recommended,
        maximum_budget=guidance.maximum,
        start_time=offer.request.start_time,
        end_time=offer.request.end_time,
        expires_at=_expiry(offer.publisher, now),
        payment_terms=_payment_terms(offer.account),
    )


def _expiry(publisher: Publisher, now: datetime) -> datetime:
    return now + timedelta(hours=publisher.proposal_validity_hours)


def _payment_terms(account: Account | None) -> str:
    terms = account.payment_terms if account else ""
    return terms if terms in PaymentTerms.values else PaymentTerms.NET_30


def proposals_commit(
    *,
    principal: Principal,
    account: Account | None,
    publisher: Publisher,
    proposal_ids: Mapping[str, str],
    now: datetime,
) -> list[Proposal]:
    """Commit all of the named proposals or none, and return them in the order given.

    Each draft gets the firm unit prices of this moment, an insertion order and the time until
    which they stand. One that is committed already keeps its commitment. `proposal_ids` maps each
    id to the request's field that names it, for refusals: PROPOSAL_NOT_FOUND, PROPOSAL_EXPIRED,
    INVALID_STATE for one that was ordered, PRODUCT_UNAVAILABLE when a product of it is not for
    sale any more. Its own transaction; the account, which a proposal of none becomes one of, is
    locked first, and then the rows in primary-key order.
    """
    with transaction.atomic():
        if account is not None:
            account_held(account)
        own = proposals_of(principal=principal, account=account)
        locked = {
            row.proposal_id: row
            for row in proposals_locked().filter(
                pk__in=own.values("pk"), proposal_id__in=list(proposal_ids)
            )
        }
        for proposal_id, field in proposal_ids.items():
            check_open(locked.get(proposal_id), field=field, now=now)
        drafts = {
            locked[proposal_id].pk: (locked[proposal_id], field)
            for proposal_id, field in proposal_ids.items()
            if locked[proposal_id].status == ProposalStatus.DRAFT
        }
        if drafts:
            _fix_prices(drafts, now)
            for draft, _ in drafts.values():
                _commit(draft, account, publisher, now)
            ProposalEvent.objects.bulk_create(
                _commitment_event(draft, principal, now) for draft, _ in drafts.values()
            )
        rows = with_allocations(Proposal.objects.filter(proposal_id__in=list(proposal_ids)))
        committed = {row.proposal_id: row for row in rows}
    return [committed[proposal_id] for proposal_id in proposal_ids]


def check_open(proposal: Proposal | None, *, field: str, now: datetime) -> Proposal:
    """Return the proposal if it is a draft or a commitment whose time is not over, or raise."""
    if proposal is None or proposal.status == ProposalStatus.WITHDRAWN:
        raise proposal_not_found(field)
    if proposal.status == ProposalStatus.ORDERED:
        raise proposal_ordered(field)
    if proposal.expires_at <= now:
        raise proposal_expired(field)
    return proposal


def _fix_prices(drafts: Mapping[int, tuple[Proposal, str]], now: datetime) -> None:
    rows = ProposalAllocation.objects.filter(proposal__in=drafts.keys())
    allocations = list(rows.select_related("product", "pricing_option"))
    for allocation in allocations:
        _check_for_sale(allocation.product, drafts[allocation.proposal_id][1], now)
        allocation.unit_price = firm_price(allocation.pricing_option)
    ProposalAllocation.objects.bulk_update(allocations, ["unit_price"])


def _commit(
    proposal: Proposal, account: Account | None, publisher: Publisher, now: datetime
) -> None:
    proposal.commit()
    if proposal.account is None and account is not None:
        proposal.account = account
        proposal.payment_terms = _payment_terms(account)
    proposal.committed_at = now
    proposal.expires_at = _expiry(publisher, now)
    proposal.io_id = ids.insertion_order_id()
    # Staff may ask for a signature under the threshold too.
    proposal.requires_signature |= _must_be_signed(proposal, publisher)
    proposal.save()


def _commitment_event(proposal: Proposal, principal: Principal, now: datetime) -> ProposalEvent:
    return ProposalEvent(
        proposal=proposal,
        action=ProposalEvent.Action.COMMITTED,
        actor=agent_actor(principal),
        summary=f"Prices firm until {proposal.expires_at:%-d %b %Y, %H:%M} UTC",
        at=now,
    )


def _check_for_sale(product: Product, field: str, now: datetime) -> None:
    if not product.is_live or (product.expires_at is not None and product.expires_at <= now):
        raise ProductUnavailable(
            f"{product.name} is not for sale any more.",
            field=field,
            suggestion="Leave the product out with refine, or send the brief for a new proposal.",
            details={"product_id": product.product_id},
        )


def _must_be_signed(proposal: Proposal, publisher: Publisher) -> bool:
    threshold = publisher.signature_threshold
    return threshold is not None and proposal.value >= threshold


def proposal_record(
    *, proposal: Proposal, action: ProposalEvent.Action, actor: str, summary: str, now: datetime
) -> ProposalEvent:
    """Append one entry to the proposal's history, in the caller's transaction."""
    return ProposalEvent.objects.create(
        proposal=proposal, action=action, actor=actor, summary=summary[:1000], at=now
    )
