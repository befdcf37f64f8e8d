"""get_products: what is for sale, and for a known agent the plans that we propose."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.product_filters import flight_end, product_filter, unapplied_filters
from adcp_sales.protocol.registry import MANAGING, Call, Reply, TaskSpec
from adcp_sales.protocol.rendering import dump_json
from adcp_sales.protocol.usecases.refine import refined_body
from mediabuys.demand import Demand
from mediabuys.forecasting import Forecast, forecast_flight, forecast_made
from mediabuys.models import PricingOption, Product
from mediabuys.order_fields import brand_domain
from mediabuys.planning import USUAL_FLIGHT_DAYS, PlanRequest, plans_made
from mediabuys.pricing import from_wire
from mediabuys.selectors.availability import availability_of
from mediabuys.selectors.catalog import ProductFilter, ProductPage, products_page
from mediabuys.services.proposals import Offer, proposals_offer
from mediabuys.wire.products import product_body
from mediabuys.wire.proposals import proposal_body

# A feed's version speaks of the whole feed: more products than this are not for one feed.
FEED_LIMIT = 10_000


def get_products(call: Call) -> Reply:
    """Answer a brief with what fits it, a wholesale request with the feed, or refine what was.

    An agent's brief also gets up to two proposals, on the first page of its products.
    """
    mode = call.params["buying_mode"]
    brief = _brief(call, mode)
    wanted = product_filter(call.params.get("filters") or {})
    body: dict[str, Any] = {"cache_scope": "account" if call.account else "public"}
    if mode == "refine":
        return _completed(call, body | refined_body(call, wanted))
    if mode == "wholesale":
        body["wholesale_feed_version"] = version = _feed_version(call, wanted)
        if call.params.get("if_wholesale_feed_version") == version:
            return Reply({**body, "unchanged": True})
    return _completed(call, body | _listed(call, wanted, brief))


def _completed(call: Call, body: dict[str, Any]) -> Reply:
    if advisories := unapplied_filters(call.params):
        body["errors"] = advisories
    if call.account and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _brief(call: Call, mode: str) -> str:
    brief = call.params.get("brief", "")
    if mode == "brief" and not brief.strip():
        raise AdcpError("INVALID_REQUEST", "brief: Say what to look for.", field="brief")
    if mode != "brief" and "brief" in call.params:
        raise AdcpError("INVALID_REQUEST", f"A {mode} request takes no brief.", field="brief")
    if mode != "refine" and "refine" in call.params:
        raise AdcpError(
            "INVALID_REQUEST",
            f"A {mode} request takes no refine.",
            field="refine",
            suggestion="Send buying_mode refine, or leave refine out.",
        )
    return str(brief)


def _listed(call: Call, wanted: ProductFilter, brief: str) -> dict[str, Any]:
    after = cursor_decode(call)
    page = _page(call, wanted, brief, after=after, limit=page_size(call.params))
    pagination: dict[str, Any] = {"has_more": page.has_more, "total_count": page.total}
    if page.has_more:
        last = page.products[-1]
        pagination["cursor"] = cursor_encode(call, [_rank_of(last), last.pk])
    products = _bodies(call, page, brief, _forecasts(call, wanted, page))
    body: dict[str, Any] = {"products": products, "pagination": pagination}
    if brief and after is None and (proposals := _proposals(call, wanted, page, brief)):
        body["proposals"] = proposals
    return body


def _proposals(
    call: Call, wanted: ProductFilter, page: ProductPage, brief: str
) -> list[dict[str, Any]]:
    """Return the plans that we propose to this agent; a stranger is proposed nothing."""
    if call.principal is None or not page.products:
        return []
    publisher = call.publisher()
    request = _plan_request(call, wanted, brief, publisher.currency)
    if request.end_time is not None and request.end_time <= call.now:
        return []
    offer = Offer(
        principal=call.principal,
        account=call.account,
        publisher=publisher,
        request=request,
        asked={name: call.params.get(name) for name in ("brief", "filters", "brand")},
        brand_domain=_brand_domain(call),
    )
    drafts = proposals_offer(offer=offer, plans=plans_made(page.products, request), now=call.now)
    return [proposal_body(draft, publisher=publisher) for draft in drafts]


def _plan_request(
    call: Call, wanted: ProductFilter, brief: str, publisher_currency: str
) -> PlanRequest:
    filters = call.params.get("filters") or {}
    budget = filters.get("budget_range") or {}
    account_currency = call.account.currency if call.account else publisher_currency
    return PlanRequest(
        currency=wanted.budget_currency or next(iter(wanted.currencies), account_currency),
        brief=brief,
        budget_min=from_wire(budget["min"]) if "min" in budget else None,
        budget_max=wanted.budget_max,
        start_time=wanted.starts_on,
        end_time=flight_end(filters),
    )


def _brand_domain(call: Call) -> str:
    return brand_domain(call.params) or (call.account.brand_domain if call.account else "")


def _page(
    call: Call, wanted: ProductFilter, brief: str, *, after: Any = None, limit: int
) -> ProductPage:
    return products_page(
        now=call.now,
        wanted=wanted,
        brief=brief,
        after=tuple(after) if after else None,
        limit=limit,
    )


def _forecasts(call: Call, wanted: ProductFilter, page: ProductPage) -> dict[int, Forecast]:
    """Return what each product of the page can deliver, by its pk; one query where it is known.

    Never part of the feed's version: figures move with every order, what is for sale does not.
    """
    fields, filters = call.params.get("fields") or (), call.params.get("filters") or {}
    starts, ends = forecast_flight(
        wanted.starts_on, flight_end(filters), days=USUAL_FLIGHT_DAYS, now=call.now
    )
    if (fields and "forecast" not in fields) or ends <= starts:
        return {}
    demands = [
        Demand(product.pk, starts, ends, countries=_countries(product, wanted))
        for product in page.products
    ]
    found = availability_of(demands, now=call.now)
    made = {
        one.demand.product_pk: forecast_made(
            one, _prices(product, call), budgets=_budgets(filters), now=call.now
        )
        for one, product in zip(found, page.products, strict=False)
    }
    return {pk: forecast for pk, forecast in made.items() if forecast is not None}


def _countries(product: Product, wanted: ProductFilter) -> tuple[str, ...]:
    asked = wanted.countries
    return tuple(code for code in asked if not product.countries or code in product.countries)


def _prices(product: Product, call: Call) -> list[PricingOption]:
    """Return the prices that fit, those in the account's currency first."""
    own = call.account.currency if call.account else ""
    return sorted(product.pricing_options.all(), key=lambda option: option.currency != own)


def _budgets(filters: dict[str, Any]) -> list[Decimal]:
    budget = filters.get("budget_range") or {}
    return [from_wire(budget[name]) for name in ("min", "max") if budget.get(name)]


def _rank_of(product: Any) -> int:
    return int(product.rank)


def _bodies(
    call: Call, page: ProductPage, brief: str, forecasts: Mapping[int, Forecast] | None = None
) -> list[dict[str, Any]]:
    return [
        product_body(
            product,
            agent_url=settings.PUBLIC_URL,
            brief=brief,
            fields=call.params.get("fields") or (),
            forecast=(forecasts or {}).get(product.pk),
        )
        for product in page.products
    ]


def _feed_version(call: Call, wanted: ProductFilter) -> str:
    """Return a name of what the feed says now: it changes when any listed product changes."""
    page = _page(call, wanted, "", limit=FEED_LIMIT)
    return hashlib.sha256(dump_json(_bodies(call, page, ""))).hexdigest()[:32]


TASKS = [
    TaskSpec(
        name="get_products",
        run=get_products,
        access="public",
        schema="get_products",
        summary="What is for sale, by brief or as a wholesale feed, and proposals to refine",
        account="optional",
        account_statuses=MANAGING,
        example={
            "buying_mode": "brief",
            "brief": "Connected TV and podcasts for people who plan a weekend outdoors",
            "filters": {"countries": ["US"], "pricing_currencies": ["USD"]},
        },
    ),
]
