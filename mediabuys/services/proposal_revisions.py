"""Proposals as staff shape them: edited and withdrawn, each time with a record of who and what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from mediabuys import ids
from mediabuys.errors import InvalidRequest, InvalidState
from mediabuys.locks import proposals_locked
from mediabuys.models import Proposal, ProposalAllocation, ProposalEvent
from mediabuys.planning import WHOLE, in_percent
from mediabuys.pricing import in_words
from mediabuys.services.proposals import proposal_record
from mediabuys.states import OPEN_PROPOSAL_STATUSES, ProposalStatus


@dataclass(frozen=True)
class Revision:
    """What staff want a proposal to be.

    `fields` are values of its editable columns; `percentages` and `unit_prices` are by allocation
    pk. What is left out stays as it is.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    percentages: Mapping[int, Decimal] = field(default_factory=dict)
    unit_prices: Mapping[int, Decimal | None] = field(default_factory=dict)


EDITABLE = {
    "name": "Name",
    "description": "Description",
    "minimum_budget": "Least budget",
    "recommended_budget": "Recommended budget",
    "maximum_budget": "Largest budget",
    "expires_at": "Stands until",
    "payment_terms": "Payment terms",
    "requires_signature": "Must be signed",
    "terms_url": "Terms",
    "signing_url": "Signing page",
}
NOT_TERMS = frozenset({"name", "description", "expires_at", "signing_url"})


def proposal_revise(
    *, proposal_pk: int, revision: Revision, shown_at: datetime, actor: str, now: datetime
) -> list[str]:
    """Change a draft or a commitment as staff want it; return what changed, in words.

    Recorded with who and when. New terms of a commitment are a new insertion order, so that an
    acceptance of the former one is not one of these. Raises `InvalidState` when it was ordered or
    withdrawn, or has changed since `shown_at`, its `updated_at` when the person saw it;
    `InvalidRequest` with the form's field when shares do not sum to 100, budgets are out of order,
    the time is over, or a draft is given unit prices. Nothing is changed then. Its own transaction;
    the row is locked.
    """
    with transaction.atomic():
        proposal = proposals_locked().get(pk=proposal_pk)
        _check_editable(proposal, shown_at)
        rows = list(proposal.allocations.select_related("product"))
        _check_revision(proposal, revision, rows, now)
        terms_before = _terms(proposal, rows)
        changes = [*_fields_revise(proposal, revision), *_rows_revise(proposal, revision, rows)]
        if proposal.io_id is not None and _terms(proposal, rows) != terms_before:
            proposal.io_id = ids.insertion_order_id()
            changes.append(f"New insertion order {proposal.io_id}")
        if changes:
            proposal.save()
            ProposalAllocation.objects.bulk_update(rows, ["percentage", "unit_price"])
            proposal_record(
                proposal=proposal,
                action=ProposalEvent.Action.REVISED,
                actor=actor,
                summary="; ".join(changes),
                now=now,
            )
    return changes


def proposal_withdraw(*, proposal_pk: int, reason: str, actor: str, now: datetime) -> None:
    """Take a draft or a commitment back: from now on its agent is told that there is none.

    Recorded with who and when. Raises `InvalidState` when it was ordered or withdrawn already. Its
    own transaction; the row is locked.
    """
    with transaction.atomic():
        proposal = proposals_locked().get(pk=proposal_pk)
        if proposal.status not in OPEN_PROPOSAL_STATUSES:
            raise _settled(proposal)
        proposal.withdraw()
        proposal.save(update_fields=["status", "updated_at"])
        proposal_record(
            proposal=proposal,
            action=ProposalEvent.Action.WITHDRAWN,
            actor=actor,
            summary=reason,
            now=now,
        )


def _terms(proposal: Proposal, rows: Sequence[ProposalAllocation]) -> list[object]:
    """Return what somebody signs: everything but the words and how long it stands."""
    fields = [getattr(proposal, name) for name in EDITABLE if name not in NOT_TERMS]
    return [*fields, *((row.percentage, row.unit_price) for row in rows)]


def _check_editable(proposal: Proposal, shown_at: datetime) -> None:
    if proposal.status not in OPEN_PROPOSAL_STATUSES:
        raise _settled(proposal)
    if proposal.updated_at != shown_at:
        raise InvalidState(
            "This proposal changed while you were looking at it; nothing was saved.",
            suggestion="Open it again and repeat your change.",
        )


def _settled(proposal: Proposal) -> InvalidState:
    return InvalidState(
        f"This proposal is {proposal.get_status_display().lower()} and stays as it is.",
        suggestion="A buyer who sends the brief again gets a new one.",
    )


def _check_revision(
    proposal: Proposal, revision: Revision, rows: Sequence[ProposalAllocation], now: datetime
) -> None:
    shares = [revision.percentages.get(row.pk, row.percentage) for row in rows]
    if any(share <= 0 for share in shares):
        raise InvalidRequest("Every share is more than zero.", field="percentages")
    if sum(shares, Decimal(0)) != WHOLE:
        total = in_percent(sum(shares, Decimal(0)))
        raise InvalidRequest(
            f"The shares are {total} together.",
            field="percentages",
            suggestion="Make them sum to exactly 100.",
        )
    if revision.fields.get("expires_at", now) < now:
        raise InvalidRequest(
            "This time is over.", field="expires_at", suggestion="Withdraw it to end it now."
        )
    least, wanted, most = (
        revision.fields.get(name, getattr(proposal, name))
        for name in ("minimum_budget", "recommended_budget", "maximum_budget")
    )
    if most is not None and most < least:
        raise InvalidRequest("The largest budget is under the least one.", field="maximum_budget")
    if wanted is not None and (wanted < least or (most is not None and wanted > most)):
        raise InvalidRequest(
            "The recommended budget is not between the least and the largest.",
            field="recommended_budget",
        )
    if proposal.status == ProposalStatus.DRAFT and revision.unit_prices:
        raise InvalidRequest("Prices are fixed when it is committed.", field="unit_prices")
    if any(price is None or price < 0 for price in revision.unit_prices.values()):
        raise InvalidRequest("A commitment has a price for every product.", field="unit_prices")


def _fields_revise(proposal: Proposal, revision: Revision) -> list[str]:
    changes = []
    for name in EDITABLE.keys() & revision.fields.keys():
        before, after = getattr(proposal, name), revision.fields[name]
        if before != after:
            setattr(proposal, name, after)
            was, is_now = (_in_words(proposal, name, value) for value in (before, after))
            changes.append(f"{EDITABLE[name]}: {was} → {is_now}")
    return sorted(changes)


def _rows_revise(
    proposal: Proposal, revision: Revision, rows: Sequence[ProposalAllocation]
) -> list[str]:
    changes = []
    for row in rows:
        share = revision.percentages.get(row.pk, row.percentage)
        if share != row.percentage:
            changes.append(
                f"Share of {row.product}: {in_percent(row.percentage)} → {in_percent(share)}"
            )
            row.percentage = share
        price = revision.unit_prices.get(row.pk, row.unit_price)
        if price != row.unit_price:
            was, is_now = (_price(proposal, value) for value in (row.unit_price, price))
            changes.append(f"Price of {row.product}: {was} → {is_now}")
            row.unit_price = price
    return changes


def _price(proposal: Proposal, value: Decimal | None) -> str:
    return "none" if value is None else f"{proposal.currency} {value.normalize():f}"


def _in_words(proposal: Proposal, name: str, value: Any) -> str:
    if isinstance(value, Decimal):
        return in_words(value, proposal.currency)
    if isinstance(value, datetime):
        return f"{value:%-d %b %Y, %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return f"“{text}”" if name in {"name", "description"} else text or "none"
