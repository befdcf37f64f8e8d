"""The sales agent's older get_media_buys: the same buys, under the older names and statuses."""

from dataclasses import replace
from typing import Any

from adcp_sales.protocol.cursors import PAGE_SIZE_LIMIT, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.legacy_errors import listing_refusal
from adcp_sales.protocol.legacy_requests import with_account
from adcp_sales.protocol.legacy_schemas import BUYS_REQUEST, BUYS_RESPONSE
from adcp_sales.protocol.registry import READING, Call, Reply, TaskSpec
from adcp_sales.protocol.usecases.get_media_buys import (
    buy_bodies,
    not_found,
    page_after,
    page_info,
    unknown_ids,
)
from mediabuys.models import Principal
from mediabuys.selectors.accounts import filters_by_account
from mediabuys.selectors.buyer_refs import buys_referred_to, known_references
from mediabuys.selectors.buys import BuyPage, media_buy_page, page_of
from mediabuys.wire.legacy import legacy_buy_body, statuses_of

DEFAULT_WORDS = ("active",)


def legacy_get_media_buys(call: Call) -> Reply:
    """Return the buys that match; `errors` is always a list and says what is missing or left."""
    page = _page(call)
    shown = replace(call, params={"include_snapshot": call.params.get("include_snapshot", False)})
    bodies = zip(page.buys, buy_bodies(page.buys, shown), strict=True)
    body: dict[str, Any] = {
        "media_buys": [legacy_buy_body(buy, entry) for buy, entry in bodies],
        "errors": [*unknown_ids(call, page), *_unknown_references(call, page), *_advice(page)],
        "pagination": page_info(call, page),
    }
    return Reply(body)


def _page(call: Call) -> BuyPage:
    params, statuses = call.params, _statuses(call.params)
    references, ids = params.get("buyer_refs"), params.get("media_buy_ids")
    limit = page_size(params) if _sizes_its_page(params) else PAGE_SIZE_LIMIT
    if references is None:
        return media_buy_page(
            principal=call.require_principal(),
            account=call.account,
            media_buy_ids=ids,
            statuses=statuses,
            after=page_after(call),
            limit=limit,
        )
    buys = buys_referred_to(
        principal=call.require_principal(),
        account=call.account,
        buyer_refs=references,
        media_buy_ids=ids,
        statuses=statuses,
        after=page_after(call),
    )
    return page_of(buys, limit=limit)


def _sizes_its_page(params: dict[str, Any]) -> bool:
    return "max_results" in (params.get("pagination") or {})


def _statuses(params: dict[str, Any]) -> list[str] | None:
    """Return the protocol's statuses that are asked for; None for all, where buys are named."""
    asked = params.get("status_filter")
    if asked is None:
        named = "media_buy_ids" in params or "buyer_refs" in params
        return None if named else statuses_of(DEFAULT_WORDS)
    return statuses_of([asked] if isinstance(asked, str) else asked)


def _unknown_references(call: Call, page: BuyPage) -> list[dict[str, Any]]:
    """Name the references that are nobody's or somebody else's; both read the same."""
    references = call.params.get("buyer_refs") or []
    found = {buy.buyer_ref for buy in page.buys}
    found |= {package.buyer_ref for buy in page.buys for package in buy.packages.all()}
    if set(references) - found:
        found |= known_references(principal=call.require_principal(), buyer_refs=references)
    return not_found("buyer_ref", references, found, "There is no media buy with this buyer_ref.")


def _advice(page: BuyPage) -> list[dict[str, Any]]:
    if not page.buys:
        return [
            {
                "code": "CONTEXT_REQUIRED",
                "message": "No media buys found for the requested scope",
                "suggestion": "Provide valid IDs/refs or broaden status_filter/pagination scope",
                "recovery": "correctable",
            }
        ]
    if page.next_after is not None:
        return [
            {
                "code": "MORE_RESULTS",
                "message": f"These are the newest {len(page.buys)} of more media buys.",
                "field": "pagination.cursor",
                "suggestion": "Send the same request with pagination.cursor for the next ones.",
                "recovery": "correctable",
            }
        ]
    return []


def listing_from_legacy(params: dict[str, Any], principal: Principal | None) -> dict[str, Any]:
    """Return the request with `account` for `account_id`, where the publisher lets it be narrowed.

    Raises AdcpError account_id_filtering_not_supported where it does not.
    """
    if params.get("account_id") is not None and not filters_by_account():
        raise AdcpError(
            "account_id_filtering_not_supported",
            "The account_id filter is not supported for this tenant configuration.",
            field="account_id",
            suggestion="Leave account_id out: all accounts that you may use are listed.",
            recovery="correctable",
            http_status=400,
        )
    return with_account(params, principal)


TASKS = [
    TaskSpec(
        name="legacy_get_media_buys",
        run=legacy_get_media_buys,
        access="read",
        summary="Read media buys in the sales agent's older shape (legacy).",
        schema=BUYS_REQUEST,
        response_schema=BUYS_RESPONSE,
        account="optional",
        account_statuses=READING,
        paths=("legacy/get_media_buys",),
        adapt=listing_from_legacy,
        error_body=listing_refusal,
        example={"status_filter": "active", "include_snapshot": True},
    )
]
