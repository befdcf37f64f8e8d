"""Ordering a committed proposal, and offering it again when the order came to nothing."""

from datetime import datetime

from mediabuys.locks import proposals_locked
from mediabuys.models import Account, MediaBuy, Principal, ProposalEvent
from mediabuys.proposal_execution import ChosenProposal
from mediabuys.selectors.proposals import proposal_not_found, proposals_of
from mediabuys.services.events import agent_actor
from mediabuys.services.proposals import proposal_record
from mediabuys.states import ProposalStatus


def proposal_take(*, principal: Principal, account: Account, proposal_id: str) -> ChosenProposal:
    """Return the agent's proposal with its allocations, its row locked for the order; two queries.

    Of two orders for one proposal the second waits here and then finds it ordered. Raises
    `PROPOSAL_NOT_FOUND`, the same for a proposal that does not exist or was withdrawn, another
    agent's, and one for another account. The caller is in a transaction and holds the account.
    """
    own = proposals_of(principal=principal, account=account).filter(proposal_id=proposal_id)
    proposal = proposals_locked().filter(pk__in=own.values("pk")).first()
    if proposal is None or proposal.status == ProposalStatus.WITHDRAWN:
        raise proposal_not_found("proposal_id")
    allocations = proposal.allocations.select_related("product", "pricing_option")
    return ChosenProposal(proposal, tuple(allocations.order_by("position")))


def proposal_order(*, buy: MediaBuy, now: datetime) -> None:
    """End the buy's proposal with this order; nothing for an order without one.

    The caller holds the proposal since it was checked.
    """
    proposal = buy.proposal
    if proposal is None:
        return
    proposal.order()
    proposal.save(update_fields=["status", "updated_at"])
    proposal_record(
        proposal=proposal,
        action=ProposalEvent.Action.ORDERED,
        actor=agent_actor(buy.principal),
        summary=f"Ordered as {buy.reference}",
        now=now,
    )


def proposal_reopen(*, buy: MediaBuy, actor: str, reason: str, now: datetime) -> None:
    """Offer the proposal of an order that came to nothing again, for what is left of its time.

    In the transaction that ends the order, whose row the caller holds. The proposal's row comes
    last here, and nobody waits for an order while holding a proposal. Nothing for an order
    without one.
    """
    if buy.proposal_id is None:
        return
    proposal = proposals_locked().get(pk=buy.proposal_id)
    if proposal.status != ProposalStatus.ORDERED:
        return
    proposal.reopen()
    proposal.save(update_fields=["status", "updated_at"])
    proposal_record(
        proposal=proposal,
        action=ProposalEvent.Action.REOPENED,
        actor=actor,
        summary=f"The order came to nothing: {reason}",
        now=now,
    )
