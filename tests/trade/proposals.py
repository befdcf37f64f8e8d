"""Short ways to a proposal in a given state, through the real services."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from mediabuys.models import Account, PricingOption, Principal, Product, Proposal
from mediabuys.planning import Line, Plan, PlanRequest, guidance_for, shares
from mediabuys.selectors.catalog import the_publisher
from mediabuys.services.proposals import Offer, proposals_commit, proposals_offer


def make_plan(
    products: list[Product], *, weights: list[int], currency: str = "USD", **request: Any
) -> Plan:
    """Return a plan of these products, each at its first price in the currency."""
    lines = tuple(
        Line(product, _option(product, currency), percentage, f"Because of {product.name}")
        for product, percentage in zip(
            products, shares([Decimal(weight) for weight in weights]), strict=True
        )
    )
    wanted = PlanRequest(currency=currency, **request)
    return Plan("Spring plan", "A plan", "Suits", lines, guidance_for(lines, wanted))


def make_draft_proposal(
    *,
    principal: Principal,
    account: Account | None,
    products: list[Product],
    weights: list[int] | None = None,
    currency: str = "USD",
    now: datetime | None = None,
    brief: str = "spring",
    **request: Any,
) -> Proposal:
    """Return a draft of these products; shares as the weights, even unless told."""
    weighed = weights or [1] * len(products)
    offer = Offer(
        principal=principal,
        account=account,
        publisher=the_publisher(),
        request=PlanRequest(currency=currency, brief=brief, **request),
        asked={"brief": brief},
        brand_domain="acmeoutdoor.example",
    )
    plan = make_plan(products, weights=weighed, currency=currency, **request)
    [draft] = proposals_offer(offer=offer, plans=[plan], now=now or timezone.now())
    return draft


def make_committed_proposal(
    *,
    principal: Principal,
    account: Account | None,
    products: list[Product],
    now: datetime | None = None,
    **arguments: Any,
) -> Proposal:
    """Return a committed proposal of these products; arguments as in `make_draft_proposal`."""
    draft = make_draft_proposal(
        principal=principal, account=account, products=products, now=now, **arguments
    )
    [committed] = proposals_commit(
        principal=principal,
        account=account,
        publisher=the_publisher(),
        proposal_ids={draft.proposal_id: "proposal_id"},
        now=now or timezone.now(),
    )
    return committed


def _option(product: Product, currency: str) -> PricingOption:
    return product.pricing_options.filter(currency=currency).order_by("pk")[0]
