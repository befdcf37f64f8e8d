"""Proposals as buyers read them."""

from decimal import Decimal
from typing import Any

from mediabuys.models import Proposal, ProposalAllocation, Publisher
from mediabuys.pricing import to_wire
from mediabuys.states import ProposalStatus

# The protocol has no place for a firm price; this is where ours is, under our own name.
EXTENSION = "adcp_sales"


def proposal_body(proposal: Proposal, *, publisher: Publisher) -> dict[str, Any]:
    """Return the proposal's body; its allocations are prefetched in order, with products."""
    allocations = list(proposal.allocations.all())
    body: dict[str, Any] = {
        "proposal_id": proposal.proposal_id,
        "name": proposal.name,
        "description": proposal.description,
        "allocations": [
            _allocation_body(allocation, position, proposal.currency)
            for position, allocation in enumerate(allocations, start=1)
        ],
        "proposal_status": proposal.status,
        "expires_at": proposal.expires_at,
        "total_budget_guidance": _guidance(proposal),
        "brief_alignment": proposal.brief_alignment,
    }
    if proposal.status == ProposalStatus.COMMITTED:
        body["insertion_order"] = insertion_order(proposal, publisher=publisher)
    return {name: value for name, value in body.items() if value != ""}


def insertion_order(proposal: Proposal, *, publisher: Publisher) -> dict[str, Any]:
    """Return the insertion order of a committed proposal: what there is to sign."""
    body: dict[str, Any] = {
        "io_id": proposal.io_id,
        "requires_signature": proposal.requires_signature,
        "terms": _terms(proposal, publisher),
    }
    if proposal.terms_url:
        body["terms_url"] = proposal.terms_url
    if proposal.signing_url:
        body["signing_url"] = proposal.signing_url
    return body


def _terms(proposal: Proposal, publisher: Publisher) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "advertiser": advertiser(proposal),
        "publisher": publisher.name,
        "payment_terms": proposal.payment_terms,
        "flight_start": proposal.start_time,
        "flight_end": proposal.end_time,
    }
    if value := proposal.value:
        terms["total_budget"] = {"amount": to_wire(value), "currency": proposal.currency}
    return {name: value for name, value in terms.items() if value}


def advertiser(proposal: Proposal) -> str:
    """Return who advertises, as far as the proposal knows it."""
    account = proposal.account
    return (account.name if account else "") or proposal.brand_domain


def _allocation_body(
    allocation: ProposalAllocation, position: int, currency: str
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "product_id": allocation.product.product_id,
        "allocation_percentage": to_wire(allocation.percentage),
        "pricing_option_id": allocation.pricing_option.pricing_option_id,
        "sequence": position,
    }
    if allocation.rationale:
        body["rationale"] = allocation.rationale
    if allocation.unit_price is not None:
        body["ext"] = {
            EXTENSION: {"unit_price": to_wire(allocation.unit_price), "currency": currency}
        }
    return body


def _guidance(proposal: Proposal) -> dict[str, Any]:
    amounts: dict[str, Decimal | None] = {
        "min": proposal.minimum_budget or None,
        "recommended": proposal.recommended_budget,
        "max": proposal.maximum_budget,
    }
    known = {name: to_wire(amount) for name, amount in amounts.items() if amount is not None}
    return {**known, "currency": proposal.currency}
