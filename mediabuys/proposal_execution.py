"""A committed proposal as an order: its shares of a budget, at its firm prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from mediabuys.errors import BudgetTooLow, InvalidRequest, TradeError
from mediabuys.models import Proposal, ProposalAllocation
from mediabuys.package_validation import (
    Catalog,
    Flight,
    package_from_request,
)
from mediabuys.pricing import BUDGET_LIMIT, from_wire, in_currency, in_words, minor_unit, to_wire
from mediabuys.requests import FirmTerms, PackageRequest
from mediabuys.selectors.proposals import proposal_expired, proposal_ordered
from mediabuys.states import ProposalStatus
from mediabuys.times import parse_shown_time

# How far the clocks of buyer and publisher may be apart.
CLOCK_TOLERANCE = timedelta(minutes=5)
SIGNATURE_LIMIT = 255


@dataclass(frozen=True)
class ChosenProposal:
    """A proposal that is to be ordered, with its allocations in order; the caller holds its row."""

    proposal: Proposal
    allocations: Sequence[ProposalAllocation]


def check_orderable(proposal: Proposal, now: datetime) -> None:
    """Raise a `TradeError` at `proposal_id` unless the proposal can be ordered now."""
    if proposal.status == ProposalStatus.ORDERED:
        raise proposal_ordered("proposal_id")
    if proposal.expires_at <= now:
        raise proposal_expired("proposal_id")
    if proposal.status != ProposalStatus.COMMITTED:
        raise TradeError(
            "This proposal is a draft; its prices are not firm yet.",
            code="PROPOSAL_NOT_COMMITTED",
            field="proposal_id",
            suggestion="Finalize it by get_products with buying_mode refine, then order it.",
        )


def packages_of_proposal(
    params: Mapping[str, Any],
    chosen: ChosenProposal,
    catalog: Catalog,
    flight: Flight,
    now: datetime,
) -> tuple[PackageRequest, ...]:
    """Return the packages that the proposal's shares of `total_budget` come to.

    With `packages` in the request, those in the buyer's order and with all that it says of them,
    provided that product, price and budget of each are the proposal's. Raises a `TradeError` with
    the exact field.
    """
    total = _total(params, chosen.proposal)
    budgets = allocated(
        total, [row.percentage for row in chosen.allocations], chosen.proposal.currency
    )
    if min(budgets) <= 0:
        raise _too_low(_smallest_total(chosen), chosen.proposal.currency)
    derived = {
        row.product.product_id: _line(row, budget)
        for row, budget in zip(chosen.allocations, budgets, strict=True)
    }
    firm = {
        row.product.product_id: FirmTerms(budget, row.unit_price)
        for row, budget in zip(chosen.allocations, budgets, strict=True)
    }
    given = params.get("packages")
    if given:
        _check_equal(given, derived, chosen.proposal.currency)
    lines = given or list(derived.values())
    return tuple(
        _package(line, f"packages[{index}]" if given else "", catalog, flight, now, firm)
        for index, line in enumerate(lines)
    )


def allocated(total: Decimal, percentages: Iterable[Decimal], currency: str) -> list[Decimal]:
    """Return each share of the total in the currency's minor unit; the last gets what is left.

    The shares are rounded down, so that what is left is never less than the last one's own share.
    """
    shares = list(percentages)
    whole = sum(shares, Decimal(0))
    unit = minor_unit(currency)
    firsts = [(total * share / whole).quantize(unit, rounding=ROUND_DOWN) for share in shares[:-1]]
    return [*firsts, total - sum(firsts, Decimal(0))]


def acceptance_of(
    params: Mapping[str, Any], proposal: Proposal | None, now: datetime
) -> dict[str, Any] | None:
    """Return who accepted the proposal's insertion order and when; None where nobody needed to.

    Raises `IO_REQUIRED` where a signature is missing, and `InvalidRequest` with the exact field
    of an acceptance that is not of this insertion order.
    """
    acceptance = params.get("io_acceptance")
    if proposal is None:
        if acceptance:
            raise InvalidRequest(
                "Only a committed proposal has an insertion order to accept.",
                field="io_acceptance",
                suggestion="Send it together with proposal_id, or leave it out.",
            )
        return None
    if not acceptance:
        if proposal.requires_signature:
            raise TradeError(
                "The proposal's insertion order must be signed.",
                code="IO_REQUIRED",
                field="io_acceptance",
                suggestion="Accept it: send io_acceptance with the insertion order's io_id.",
            )
        return None
    return _acceptance(acceptance, proposal, now)


def _acceptance(acceptance: Mapping[str, Any], proposal: Proposal, now: datetime) -> dict[str, Any]:
    if acceptance["io_id"] != proposal.io_id:
        raise InvalidRequest(
            "This is not the io_id of the proposal's insertion order.",
            field="io_acceptance.io_id",
            suggestion="Use insertion_order.io_id of the finalized proposal.",
        )
    accepted_at = parse_shown_time(acceptance["accepted_at"], "io_acceptance.accepted_at")
    if accepted_at > now + CLOCK_TOLERANCE:
        raise InvalidRequest(
            "The insertion order cannot have been accepted in the future.",
            field="io_acceptance.accepted_at",
            suggestion="Send the moment at which it was accepted.",
        )
    signature = acceptance.get("signature_id") or ""
    if len(signature) > SIGNATURE_LIMIT:
        raise InvalidRequest(
            f"signature_id is longer than {SIGNATURE_LIMIT} characters.",
            field="io_acceptance.signature_id",
            suggestion="Send the reference that the signing service gave.",
        )
    kept = {
        "io_id": acceptance["io_id"],
        "accepted_at": accepted_at.isoformat(),
        "signatory": acceptance["signatory"],
    }
    return kept | ({"signature_id": signature} if signature else {})


def _total(params: Mapping[str, Any], proposal: Proposal) -> Decimal:
    stated, currency = params["total_budget"], proposal.currency
    if stated["currency"] != currency:
        raise InvalidRequest(
            f"The proposal is in {currency}.",
            field="total_budget.currency",
            suggestion=f"Send the amount in {currency}.",
        )
    asked = from_wire(stated["amount"])
    highest = min(proposal.maximum_budget or BUDGET_LIMIT, BUDGET_LIMIT)
    if not asked.is_finite() or asked > highest:
        raise InvalidRequest(
            f"The proposal is for at most {in_words(highest, currency)}.",
            field="total_budget.amount",
            suggestion="Lower it, or ask get_products for another proposal.",
        )
    total = in_currency(asked, currency)
    if total < proposal.minimum_budget:
        raise _too_low(proposal.minimum_budget, currency)
    return total


def _too_low(minimum: Decimal, currency: str) -> BudgetTooLow:
    return BudgetTooLow(
        f"The proposal is for at least {in_words(minimum, currency)}.",
        field="total_budget.amount",
        suggestion="Raise it, or ask get_products for another proposal.",
        details={"minimum_budget": to_wire(minimum), "currency": currency},
    )


def _smallest_total(chosen: ChosenProposal) -> Decimal:
    """Return a budget of which every share is worth paying."""
    smallest = min(row.percentage for row in chosen.allocations)
    unit = minor_unit(chosen.proposal.currency)
    return (unit * 100 / smallest).quantize(unit, rounding=ROUND_UP)


def _line(allocation: ProposalAllocation, budget: Decimal) -> dict[str, Any]:
    return {
        "product_id": allocation.product.product_id,
        "pricing_option_id": allocation.pricing_option.pricing_option_id,
        "budget": to_wire(budget),
    }


def _check_equal(
    given: Sequence[Mapping[str, Any]], derived: Mapping[str, Mapping[str, Any]], currency: str
) -> None:
    asked = sorted(_essence(line, currency) for line in given)
    if asked != sorted(_essence(line, currency) for line in derived.values()):
        raise InvalidRequest(
            "These packages are not those of the proposal.",
            field="packages",
            suggestion="Leave packages out, or send the proposal's own, which details names.",
            details={"packages": list(derived.values())},
        )


def _essence(line: Mapping[str, Any], currency: str) -> tuple[str, str, Decimal]:
    budget = from_wire(line["budget"])
    plain = (
        in_currency(budget, currency) if budget.is_finite() and budget <= BUDGET_LIMIT else budget
    )
    return line["product_id"], line["pricing_option_id"], plain


def _package(
    line: Mapping[str, Any],
    path: str,
    catalog: Catalog,
    flight: Flight,
    now: datetime,
    firm: Mapping[str, FirmTerms],
) -> PackageRequest:
    if line.get("bid_price") is not None:
        raise InvalidRequest(
            "The proposal's price is firm.",
            field=f"{path}.bid_price",
            suggestion="Send the package without bid_price.",
        )
    terms = firm[line["product_id"]]
    try:
        return package_from_request(line, path, catalog, flight, now, firm=terms)
    except TradeError as refusal:
        if not path:
            # The buyer sent no packages: what is wrong with one is wrong with the proposal.
            refusal.field = "proposal_id"
            refusal.suggestion = "Ask get_products for a new proposal."
        raise
