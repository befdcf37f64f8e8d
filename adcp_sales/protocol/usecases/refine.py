"""get_products in refine mode: typed changes of a selection and of proposals, one by one."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from adcp_sales.protocol.auth import missing_token
from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.refinements import Entry, Refining, entry_id
from adcp_sales.protocol.registry import Call
from mediabuys.models import Proposal
from mediabuys.selectors.catalog import (
    ProductFilter,
    products_complete,
    products_matching,
    products_named,
)
from mediabuys.selectors.proposals import proposal_not_found, proposals_named
from mediabuys.services.proposal_drafts import proposals_refine
from mediabuys.services.proposals import check_open, proposals_commit
from mediabuys.wire.products import product_body
from mediabuys.wire.proposals import proposal_body

# A selection is made from this many products at most.
SELECTION_LIMIT = 10_000


def refined_body(call: Call, wanted: ProductFilter) -> dict[str, Any]:
    """Return products, proposals and what became of each entry, in the entries' order.

    Drafts that are refined keep their ids. Raises AdcpError INVALID_REQUEST, AUTH_MISSING for a
    proposal without credentials, PRODUCT_NOT_FOUND and PROPOSAL_NOT_FOUND, PROPOSAL_EXPIRED or
    INVALID_STATE at the entry that names it; nothing is changed then.
    """
    entries = _entries(call)
    if any(entry["scope"] == "proposal" for entry in entries) and call.principal is None:
        raise missing_token()
    if any(_action(entry) == "finalize" for entry in entries):
        return _finalized(call, entries)
    return _refined(call, entries, wanted)


def _action(entry: Entry) -> str:
    return "" if entry["scope"] == "request" else str(entry.get("action", "include"))


def _entries(call: Call) -> list[Entry]:
    entries: list[Entry] = call.params.get("refine") or []
    if not entries:
        raise AdcpError(
            "INVALID_REQUEST",
            "refine: Say what to change.",
            field="refine",
            suggestion="Send at least one entry, or another buying_mode.",
        )
    finalizes = any(_action(entry) == "finalize" for entry in entries)
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        if finalizes and _action(entry) != "finalize":
            raise AdcpError(
                "INVALID_REQUEST",
                "A request that finalizes proposals does nothing else.",
                field=f"refine[{index}]",
                suggestion="Refine first, and finalize in a request of its own.",
            )
        name = (entry["scope"], entry_id(entry))
        if name[1] and name in seen:
            raise AdcpError(
                "INVALID_REQUEST",
                f"This {entry['scope']} is named by an entry before.",
                field=f"refine[{index}]",
                suggestion="Put everything about it into one entry.",
            )
        seen.add(name)
    return entries


def _finalized(call: Call, entries: Sequence[Entry]) -> dict[str, Any]:
    publisher = call.publisher()
    committed = proposals_commit(
        principal=call.require_principal(),
        account=call.account,
        publisher=publisher,
        proposal_ids=_fields(entries, "proposal"),
        now=call.now,
    )
    products = products_complete(pks=_products_of(committed))
    return {
        "products": [_product(call, product) for product in products.values()],
        "proposals": [proposal_body(proposal, publisher=publisher) for proposal in committed],
        "refinement_applied": [_finalization(entry) for entry in entries],
        "pagination": {"has_more": False, "total_count": len(products)},
    }


def _finalization(entry: Entry) -> dict[str, Any]:
    named = {"scope": "proposal", "proposal_id": entry["proposal_id"]}
    if "ask" not in entry:
        return {**named, "status": "applied"}
    notes = "Committed as it was; the ask was not applied. Ask before you finalize."
    return {**named, "status": "partial", "notes": notes}


def _refined(call: Call, entries: Sequence[Entry], wanted: ProductFilter) -> dict[str, Any]:
    offset = cursor_decode(call) or 0
    refining = Refining(
        entries=entries,
        named=_named_products(call, entries),
        proposals=_named_proposals(call, entries),
        matching=products_matching(now=call.now, wanted=wanted, limit=SELECTION_LIMIT),
        is_first_page=offset == 0,
    )
    if refinements := refining.refinements():
        principal = call.require_principal()
        refining.settle(
            proposals_refine(
                principal=principal,
                account=call.account,
                refinements=refinements,
                fields=_fields(entries, "proposal"),
                now=call.now,
            )
        )
        refining.proposals |= proposals_named(
            principal=principal, account=call.account, proposal_ids=list(refinements)
        )
    chosen = refining.chosen()
    size = page_size(call.params)
    body: dict[str, Any] = {
        "products": _selected(call, chosen[offset : offset + size], refining, wanted),
        "refinement_applied": refining.applied(),
        "pagination": {"has_more": offset + size < len(chosen), "total_count": len(chosen)},
    }
    if body["pagination"]["has_more"]:
        body["pagination"]["cursor"] = cursor_encode(call, offset + size)
    if kept := refining.kept_proposals():
        publisher = call.publisher()
        body["proposals"] = [proposal_body(proposal, publisher=publisher) for proposal in kept]
    return body


def _named_products(call: Call, entries: Sequence[Entry]) -> dict[str, Any]:
    fields = _fields(entries, "product")
    named = products_named(now=call.now, product_ids=list(fields)) if fields else {}
    for product_id, field in fields.items():
        if product_id not in named:
            raise AdcpError(
                "PRODUCT_NOT_FOUND",
                "There is no such product.",
                field=field,
                suggestion="Use a product_id from get_products.",
            )
    return named


def _named_proposals(call: Call, entries: Sequence[Entry]) -> dict[str, Proposal]:
    fields = _fields(entries, "proposal")
    if not fields:
        return {}
    named = proposals_named(
        principal=call.require_principal(), account=call.account, proposal_ids=list(fields)
    )
    for entry in entries:
        if entry["scope"] != "proposal":
            continue
        field = fields[entry["proposal_id"]]
        proposal = named.get(entry["proposal_id"])
        if proposal is None:
            raise proposal_not_found(field)
        if _action(entry) != "omit":
            check_open(proposal, field=field, now=call.now)
    return named


def _fields(entries: Sequence[Entry], scope: str) -> dict[str, str]:
    """Return what entries of this scope name, each with the request's field that names it."""
    return {
        entry_id(entry): f"refine[{index}].{scope}_id"
        for index, entry in enumerate(entries)
        if entry["scope"] == scope
    }


def _selected(
    call: Call, pks: Sequence[int], refining: Refining, wanted: ProductFilter
) -> list[dict[str, Any]]:
    found = products_complete(pks=[pk for pk in pks if refining.fits(pk)], wanted=wanted)
    # What a proposal keeps is shown with it, also where the filters would not list it.
    if others := [pk for pk in pks if pk not in found]:
        found |= products_complete(pks=others)
    return [_product(call, found[pk]) for pk in pks if pk in found]


def _products_of(proposals: Sequence[Proposal]) -> list[int]:
    return [
        allocation.product_id for proposal in proposals for allocation in proposal.allocations.all()
    ]


def _product(call: Call, product: Any) -> dict[str, Any]:
    fields = call.params.get("fields") or ()
    return product_body(product, agent_url=settings.PUBLIC_URL, fields=fields)
