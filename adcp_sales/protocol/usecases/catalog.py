"""get_products and list_creative_formats: what is for sale, to anybody who asks."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import MANAGING, Call, Reply, TaskSpec
from adcp_sales.protocol.rendering import dump_json
from mediabuys.selectors.catalog import ProductFilter, ProductPage, formats_page, products_page
from mediabuys.wire.formats import format_body
from mediabuys.wire.products import product_body

SUPPORTED_FILTERS = frozenset(
    {
        "delivery_type",
        "is_fixed_price",
        "pricing_currencies",
        "format_ids",
        "start_date",
        "end_date",
        "budget_range",
        "countries",
        "channels",
        "ext",
    }
)
# A feed's version speaks of the whole feed: more products than this are not for one feed.
FEED_LIMIT = 10_000


def get_products(call: Call) -> Reply:
    """Answer a brief with what fits it, or a wholesale request with the feed."""
    mode = call.params["buying_mode"]
    if mode == "refine":
        raise AdcpError(
            "UNSUPPORTED_FEATURE",
            "Refinement is not offered; ask again with a changed brief.",
            field="buying_mode",
        )
    brief = _brief(call, mode)
    wanted = _product_filter(call.params.get("filters") or {})
    body: dict[str, Any] = {"cache_scope": "account" if call.account else "public"}
    if mode == "wholesale":
        body["wholesale_feed_version"] = version = _feed_version(call, wanted)
        if call.params.get("if_wholesale_feed_version") == version:
            return Reply({**body, "unchanged": True})
    body |= _listed(call, wanted, brief)
    if advisories := _advisories(call.params):
        body["errors"] = advisories
    if call.account and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _brief(call: Call, mode: str) -> str:
    brief = call.params.get("brief", "")
    if mode == "brief" and not brief.strip():
        raise AdcpError("INVALID_REQUEST", "brief: Say what to look for.", field="brief")
    if mode == "wholesale" and "brief" in call.params:
        raise AdcpError("INVALID_REQUEST", "A wholesale request takes no brief.", field="brief")
    return str(brief)


def _listed(call: Call, wanted: ProductFilter, brief: str) -> dict[str, Any]:
    page = _page(call, wanted, brief, after=cursor_decode(call), limit=page_size(call.params))
    pagination: dict[str, Any] = {"has_more": page.has_more, "total_count": page.total}
    if page.has_more:
        last = page.products[-1]
        pagination["cursor"] = cursor_encode(call, [_rank_of(last), last.pk])
    return {"products": _bodies(call, page, brief), "pagination": pagination}


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


def _rank_of(product: Any) -> int:
    return int(product.rank)


def _bodies(call: Call, page: ProductPage, brief: str) -> list[dict[str, Any]]:
    return [
        product_body(
            product,
            agent_url=settings.PUBLIC_URL,
            brief=brief,
            fields=call.params.get("fields") or (),
        )
        for product in page.products
    ]


def _feed_version(call: Call, wanted: ProductFilter) -> str:
    """Return a name of what the feed says now: it changes when any listed product changes."""
    page = _page(call, wanted, "", limit=FEED_LIMIT)
    return hashlib.sha256(dump_json(_bodies(call, page, ""))).hexdigest()[:32]


def _product_filter(filters: Mapping[str, Any]) -> ProductFilter:
    budget = filters.get("budget_range") or {}
    starts_on = filters.get("start_date")
    formats = [str(item["id"]) for item in filters.get("format_ids", []) if _is_ours(item)]
    return ProductFilter(
        delivery_type=filters.get("delivery_type", ""),
        channels=tuple(filters.get("channels", ())),
        countries=tuple(filters.get("countries", ())),
        # A format of another agent matches no product: the empty name is nobody's.
        format_keys=tuple(formats or [""]) if filters.get("format_ids") else (),
        currencies=tuple(filters.get("pricing_currencies", ())),
        is_fixed_price=filters.get("is_fixed_price"),
        budget_currency=budget.get("currency", ""),
        budget_max=Decimal(str(budget["max"])) if "max" in budget else None,
        starts_on=_midnight(starts_on) if starts_on else None,
    )


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.min, tzinfo=UTC)


def _is_ours(reference: Mapping[str, Any]) -> bool:
    return str(reference.get("agent_url", "")).rstrip("/") == settings.PUBLIC_URL


def _advisories(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say which filters did not narrow the list, so that nobody believes they did."""
    unheard = [
        f"filters.{name}"
        for name in sorted((params.get("filters") or {}).keys())
        if name not in SUPPORTED_FILTERS
    ]
    unheard += [
        name
        for name in ("catalog", "property_list", "required_policies", "time_budget")
        if params.get(name)
    ]
    return [
        AdcpError(
            "UNSUPPORTED_FEATURE",
            f"{name} was not applied: the list is wider than asked for.",
            field=name,
            suggestion="Check the products themselves for this property.",
        ).as_dict()
        for name in unheard
    ]


def list_creative_formats(call: Call) -> Reply:
    """List the formats that products take; a format asked for by reference keeps its spelling."""
    params = call.params
    asked = {str(ref["id"]): ref for ref in params.get("format_ids", []) if _is_ours(ref)}
    formats, has_more, total = formats_page(
        keys=list(asked) if "format_ids" in params else None,
        asset_types=params.get("asset_types", ()),
        name=params.get("name_search", ""),
        sizes=_sizes(params),
        after=cursor_decode(call),
        limit=page_size(params),
    )
    pagination: dict[str, Any] = {"has_more": has_more, "total_count": total}
    if has_more:
        pagination["cursor"] = cursor_encode(call, formats[-1].pk)
    bodies = [
        format_body(item, agent_url=settings.PUBLIC_URL, asked_as=asked.get(item.format_id))
        for item in formats
    ]
    return Reply({"formats": bodies, "source": "publisher", "pagination": pagination})


def _sizes(params: Mapping[str, Any]) -> Q:
    condition = Q()
    for dimension in ("width", "height"):
        if f"max_{dimension}" in params:
            condition &= Q(**{f"{dimension}__lte": params[f"max_{dimension}"]})
        if f"min_{dimension}" in params:
            condition &= Q(**{f"{dimension}__gte": params[f"min_{dimension}"]})
    return condition


TASKS = [
    TaskSpec(
        name="get_products",
        run=get_products,
        access="public",
        schema="get_products",
        summary="What is for sale, by brief or as a wholesale feed",
        account="optional",
        account_statuses=MANAGING,
        example={
            "buying_mode": "brief",
            "brief": "Connected TV and podcasts for people who plan a weekend outdoors",
            "filters": {"countries": ["US"], "pricing_currencies": ["USD"]},
        },
    ),
    TaskSpec(
        name="list_creative_formats",
        run=list_creative_formats,
        access="public",
        schema="list_creative_formats",
        summary="The creative formats that products take",
        example={"asset_types": ["video"]},
    ),
]
