"""Drafts of proposals: refined by their agent, and forgotten when they are old."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from mediabuys.locks import proposals_locked
from mediabuys.models import (
    Account,
    Principal,
    Proposal,
    ProposalAllocation,
    ProposalEvent,
)
from mediabuys.planning import (
    Guidance,
    Line,
    PlanRequest,
    description,
    in_percent,
)
from mediabuys.pricing import in_words
from mediabuys.refining import Refined, Refinement, refined
from mediabuys.selectors.proposals import proposals_of, with_allocations
from mediabuys.services.events import agent_actor
from mediabuys.services.proposals import check_open
from mediabuys.states import ProposalStatus

# So long a late buyer is told that its draft has expired, and not that there never was one.
REMEMBERED = timedelta(days=1)
FORGET_BATCH = 500


def proposals_refine(
    *,
    principal: Principal,
    account: Account | None,
    refinements: Mapping[str, Refinement],
    fields: Mapping[str, str],
    now: datetime,
) -> dict[str, Refined]:
    """Apply what the agent asks of its drafts, all or none; return each plan as it is now.

    Keys are proposal ids; `fields` names the request's field of each, for refusals. A draft whose
    products would all be left out stays as it is. Commitments are not touched and not returned.
    Its own transaction; the rows are locked in primary-key order.
    """
    with transaction.atomic():
        own = proposals_of(principal=principal, account=account)
        rows = proposals_locked().filter(pk__in=own.values("pk"), proposal_id__in=list(refinements))
        locked = {row.proposal_id: row for row in with_allocations(rows)}
        for proposal_id in refinements:
            check_open(locked.get(proposal_id), field=fields[proposal_id], now=now)
        drafts = {
            proposal_id: locked[proposal_id]
            for proposal_id in refinements
            if locked[proposal_id].status == ProposalStatus.DRAFT
        }
        results = {
            proposal_id: _refined(draft, refinements[proposal_id])
            for proposal_id, draft in drafts.items()
        }
        _store(
            [
                (draft, results[proposal_id])
                for proposal_id, draft in drafts.items()
                if _has_changed(draft, results[proposal_id])
            ],
            principal,
            now,
        )
    return results


def _refined(draft: Proposal, refinement: Refinement) -> Refined:
    return refined(
        _lines(draft),
        guidance=_guidance(draft),
        request=_plan_request(draft),
        refinement=refinement,
    )


def _lines(draft: Proposal) -> tuple[Line, ...]:
    return tuple(
        Line(row.product, row.pricing_option, row.percentage, row.rationale)
        for row in draft.allocations.all()
    )


def _guidance(draft: Proposal) -> Guidance:
    return Guidance(draft.minimum_budget, draft.recommended_budget, draft.maximum_budget)


def _has_changed(draft: Proposal, result: Refined) -> bool:
    """Whether there is something to store; of a plan without lines nothing is."""
    before = (_lines(draft), _guidance(draft))
    return bool(result.lines) and (result.lines, result.guidance) != before


def _plan_request(proposal: Proposal) -> PlanRequest:
    return PlanRequest(
        currency=proposal.currency,
        brief=proposal.brief,
        start_time=proposal.start_time,
        end_time=proposal.end_time,
    )


def _store(
    changes: Sequence[tuple[Proposal, Refined]], principal: Principal, now: datetime
) -> None:
    if not changes:
        return
    kept: list[ProposalAllocation] = []
    dropped: list[int] = []
    for draft, result in changes:
        # Words that staff wrote stay; our own are made again for the new shares.
        if draft.description == description(draft.name, _lines(draft)):
            draft.description = description(draft.name, result.lines)
        _guidance_set(draft, result.guidance)
        draft.save()
        shares = {line.product.pk: line.percentage for line in result.lines}
        for row in draft.allocations.all():
            if row.product_id in shares:
                row.percentage = shares[row.product_id]
                kept.append(row)
            else:
                dropped.append(row.pk)
    if dropped:
        ProposalAllocation.objects.filter(pk__in=dropped).delete()
    ProposalAllocation.objects.bulk_update(kept, ["percentage"])
    ProposalEvent.objects.bulk_create(
        _refinement_event(*change, principal, now) for change in changes
    )


def _guidance_set(proposal: Proposal, guidance: Guidance) -> None:
    proposal.minimum_budget = guidance.minimum
    proposal.recommended_budget = guidance.recommended
    proposal.maximum_budget = guidance.maximum


def _refinement_event(
    draft: Proposal, result: Refined, principal: Principal, now: datetime
) -> ProposalEvent:
    shares = [f"{line.product.name} {in_percent(line.percentage)}" for line in result.lines]
    budget = result.guidance.recommended
    words = f"; recommended {in_words(budget, draft.currency)}" if budget else ""
    return ProposalEvent(
        proposal=draft,
        action=ProposalEvent.Action.REFINED,
        actor=agent_actor(principal),
        summary=f"{', '.join(shares)}{words}"[:1000],
        at=now,
    )


def proposals_forget(*, now: datetime, limit: int = FORGET_BATCH) -> int:
    """Delete up to `limit` drafts that expired a day ago or earlier; return how many.

    One transaction; drafts that somebody holds are left for the next time.
    """
    with transaction.atomic():
        old = (
            Proposal.objects.filter(status=ProposalStatus.DRAFT, expires_at__lt=now - REMEMBERED)
            .order_by("expires_at")
            .select_for_update(skip_locked=True)[:limit]
        )
        pks = [proposal.pk for proposal in old]
        if pks:
            Proposal.objects.filter(pk__in=pks).delete()
    return len(pks)
