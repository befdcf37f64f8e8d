"""What the desk shows of a proposal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from mediabuys.models import MediaBuy, Proposal, ProposalAllocation, ProposalEvent
from mediabuys.planning import WHOLE, firm_price
from mediabuys.pricing import discount_percent, in_currency, units_bought
from mediabuys.selectors.proposals import with_allocations
from mediabuys.states import OPEN_PROPOSAL_STATUSES, ProposalStatus

HISTORY_LIMIT = 50


@dataclass(frozen=True)
class ShownLine:
    """One allocation; `budget` is its part of the proposal's value, None where that is open."""

    allocation: ProposalAllocation
    budget: Decimal | None
    price: Decimal | None
    rate_card: Decimal | None
    discount: Decimal
    units: int | None


@dataclass(frozen=True)
class ProposalFacts:
    """A proposal as a person reads it; `expired` means that its time is over."""

    proposal: Proposal
    lines: Sequence[ShownLine]
    history: Sequence[ProposalEvent]
    buys: Sequence[MediaBuy]
    expired: bool

    @property
    def is_open(self) -> bool:
        """Whether staff can still change it."""
        return self.proposal.status in OPEN_PROPOSAL_STATUSES


def proposals_shown() -> QuerySet[Proposal]:
    """Return all proposals with whom and what they are for."""
    return with_allocations(Proposal.objects.select_related("principal"))


def proposal_facts(*, pk: int, now: datetime) -> ProposalFacts | None:
    """Return one proposal with its plan, history and orders, or None; 4 queries."""
    proposal = proposals_shown().filter(pk=pk).first()
    if proposal is None:
        return None
    return ProposalFacts(
        proposal=proposal,
        lines=[_line(proposal, row) for row in proposal.allocations.all()],
        history=list(proposal.events.order_by("-pk")[:HISTORY_LIMIT]),
        buys=list(proposal.media_buys.order_by("-pk")[:HISTORY_LIMIT]),
        expired=proposal.expires_at <= now and proposal.status != ProposalStatus.ORDERED,
    )


def _line(proposal: Proposal, row: ProposalAllocation) -> ShownLine:
    option = row.pricing_option
    price = row.unit_price if row.unit_price is not None else firm_price(option)
    budget = None
    if proposal.value:
        budget = in_currency(proposal.value * row.percentage / WHOLE, proposal.currency)
    return ShownLine(
        allocation=row,
        budget=budget,
        price=price,
        rate_card=option.rate_card_price,
        discount=discount_percent(price, option.rate_card_price),
        units=units_bought(budget, price, option.pricing_model) if budget else None,
    )
