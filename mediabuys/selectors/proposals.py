"""Reads of proposals, always scoped by the agent that they were made for."""

from collections.abc import Iterable

from django.db.models import Prefetch, Q, QuerySet

from mediabuys.errors import TradeError
from mediabuys.models import Account, Principal, Proposal, ProposalAllocation
from mediabuys.selectors.accounts import accounts_of
from mediabuys.states import ProposalStatus


def proposals_of(*, principal: Principal, account: Account | None) -> QuerySet[Proposal]:
    """Return what this agent was offered: on any of its accounts, or for `account` if it named one.

    A proposal that was made for no particular account is for all of them. An account that the agent
    may not use any more is not among its own.
    """
    own = Proposal.objects.filter(principal=principal)
    if account is None:
        return own.filter(Q(account=None) | Q(account__in=accounts_of(principal=principal)))
    return own.filter(Q(account=None) | Q(account=account))


def with_allocations(proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Prefetch the allocations in order, with product and price; two queries in all."""
    rows = ProposalAllocation.objects.order_by("position").select_related(
        "product", "pricing_option"
    )
    return proposals.select_related("account").prefetch_related(
        Prefetch("allocations", queryset=rows)
    )


def proposals_named(
    *, principal: Principal, account: Account | None, proposal_ids: Iterable[str]
) -> dict[str, Proposal]:
    """Return the agent's proposals of these ids that were not withdrawn, with allocations."""
    found = proposals_of(principal=principal, account=account).exclude(
        status=ProposalStatus.WITHDRAWN
    )
    named = with_allocations(found.filter(proposal_id__in=list(proposal_ids)))
    return {proposal.proposal_id: proposal for proposal in named}


def proposal_not_found(field: str) -> TradeError:
    """Return the one answer for proposals that do not exist, were withdrawn, or are others'."""
    return TradeError(
        "There is no such proposal.",
        code="PROPOSAL_NOT_FOUND",
        field=field,
        suggestion="Use a proposal_id that get_products offered to you, or ask for a new one.",
        recovery="correctable",
    )


def proposal_expired(field: str) -> TradeError:
    """Return the answer for a proposal whose time is over."""
    return TradeError(
        "This proposal has expired.",
        code="PROPOSAL_EXPIRED",
        field=field,
        suggestion="Send the brief again for a new proposal, and finalize that one.",
        recovery="correctable",
    )


def proposal_ordered(field: str) -> TradeError:
    """Return the answer for a proposal that was ordered already."""
    return TradeError(
        "This proposal has been ordered.",
        code="INVALID_STATE",
        field=field,
        suggestion="See the media buy in get_media_buys, or send the brief for a new proposal.",
        recovery="correctable",
    )
