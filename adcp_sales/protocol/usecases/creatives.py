"""sync_creatives and list_creatives: the buyer's creative library."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.registry import MANAGING, READING, Call, Reply, TaskSpec
from mediabuys.creative_validation import is_ours
from mediabuys.errors import AccountNotFound
from mediabuys.models import Account, Principal
from mediabuys.selectors.accounts import account_for
from mediabuys.selectors.creatives import (
    CreativeFilter,
    CreativeOrder,
    CreativePage,
    creative_page,
)
from mediabuys.services.creatives import creatives_sync
from mediabuys.times import parse_time
from mediabuys.wire.creatives import creative_body, synced_body

ASSIGNMENTS_LIMIT = 1000
ACCOUNTS_LIMIT = 20
DATES = ("created_after", "created_before", "updated_after", "updated_before")
# Filters that narrow the list; any other one is refused, because its answer would be too wide.
FILTERS = frozenset(
    {
        "accounts",
        "creative_ids",
        "statuses",
        "tags",
        "tags_any",
        "name_contains",
        *DATES,
        "format_ids",
        "assigned_to_packages",
        "media_buy_ids",
        "unassigned",
        "concept_ids",
        "has_variables",
        "ext",
    }
)
NO_SNAPSHOT = "SNAPSHOT_UNSUPPORTED"


def sync_creatives(call: Call) -> Reply:
    """Create, update and assign creatives; each item tells what became of it."""
    params, account = call.params, call.require_account()
    _refuse_whole(params)
    is_dry_run = bool(params.get("dry_run", False))
    synced = creatives_sync(
        account=account,
        principal=call.require_principal(),
        items=params["creatives"],
        assignments=params.get("assignments", ()),
        only=params.get("creative_ids"),
        dry_run=is_dry_run,
        strict=params.get("validation_mode", "strict") == "strict",
        agent_url=settings.PUBLIC_URL,
        now=call.now,
    )
    body: dict[str, Any] = {
        "creatives": [
            synced_body(one, errors=[as_adcp_error(error).as_dict() for error in one.errors])
            for one in synced
        ]
    }
    if is_dry_run:
        body["dry_run"] = True
    if account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _refuse_whole(params: Mapping[str, Any]) -> None:
    if params.get("delete_missing"):
        raise AdcpError(
            "UNSUPPORTED_FEATURE",
            "Creatives are not archived by leaving them out.",
            field="delete_missing",
            suggestion="Leave delete_missing out; a creative that is not assigned does not serve.",
        )
    if len(params.get("assignments") or []) > ASSIGNMENTS_LIMIT:
        raise AdcpError(
            "INVALID_REQUEST",
            f"A request has at most {ASSIGNMENTS_LIMIT} assignments.",
            field="assignments",
            suggestion="Split it into several requests.",
        )


def list_creatives(call: Call) -> Reply:
    """Return one page of the creatives of the accounts that the agent may use."""
    params = call.params
    order = _order(params.get("sort") or {})
    page = creative_page(
        principal=call.require_principal(),
        wanted=_wanted(call),
        order=order,
        after=cursor_decode(call),
        limit=page_size(params),
    )
    body: dict[str, Any] = {
        "query_summary": _query_summary(params, page, order),
        "pagination": _pagination(call, page),
        "creatives": _bodies(page, params),
        "format_summary": dict(page.by_format),
        "status_summary": dict(page.by_status),
    }
    if call.account is not None and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _order(sort: Mapping[str, Any]) -> CreativeOrder:
    return CreativeOrder(
        field=sort.get("field", "created_date"),
        is_descending=sort.get("direction", "desc") == "desc",
    )


def _wanted(call: Call) -> CreativeFilter:
    filters = call.params.get("filters") or {}
    for name in sorted(filters.keys() - FILTERS):
        raise AdcpError(
            "UNSUPPORTED_FEATURE",
            "This filter is not offered.",
            field=f"filters.{name}",
            suggestion="Leave it out, and choose from the list.",
        )
    unassigned = filters.get("unassigned")
    return CreativeFilter(
        accounts=_accounts(call, filters),
        creative_ids=filters.get("creative_ids"),
        statuses=filters.get("statuses", ()),
        tags=filters.get("tags", ()),
        tags_any=filters.get("tags_any", ()),
        name_contains=filters.get("name_contains", ""),
        format_keys=_format_keys(filters),
        package_ids=filters.get("assigned_to_packages"),
        media_buy_ids=filters.get("media_buy_ids"),
        is_assigned=None if unassigned is None else not unassigned,
        # No creative of this library has a concept or variables.
        matches_nothing=bool(filters.get("concept_ids") or filters.get("has_variables")),
        **{name: parse_time(filters[name], f"filters.{name}") for name in DATES if name in filters},
    )


def _accounts(call: Call, filters: Mapping[str, Any]) -> list[Account] | None:
    """Return the accounts to list; one that is unknown or foreign adds nothing."""
    if "accounts" not in filters:
        return None if call.account is None else [call.account]
    if len(filters["accounts"]) > ACCOUNTS_LIMIT:
        raise AdcpError(
            "INVALID_REQUEST",
            f"At most {ACCOUNTS_LIMIT} accounts can be named.",
            field="filters.accounts",
            suggestion="Leave the filter out to list the creatives of every account.",
        )
    named = _resolved(call.require_principal(), filters["accounts"])
    return [one for one in named if call.account is None or one.pk == call.account.pk]


def _resolved(principal: Principal, references: Sequence[Mapping[str, Any]]) -> list[Account]:
    found = []
    for reference in references:
        try:
            found.append(account_for(principal=principal, ref=reference))
        except AccountNotFound:
            continue
    return found


def _format_keys(filters: Mapping[str, Any]) -> list[str] | None:
    if "format_ids" not in filters:
        return None
    return [ref["id"] for ref in filters["format_ids"] if is_ours(ref, settings.PUBLIC_URL)]


def _query_summary(
    params: Mapping[str, Any], page: CreativePage, order: CreativeOrder
) -> dict[str, Any]:
    return {
        "total_matching": page.total,
        "returned": len(page.creatives),
        "filters_applied": sorted((params.get("filters") or {}).keys() - {"ext"}),
        "sort_applied": {
            "field": order.field,
            "direction": "desc" if order.is_descending else "asc",
        },
    }


def _pagination(call: Call, page: CreativePage) -> dict[str, Any]:
    pagination: dict[str, Any] = {
        "has_more": page.next_after is not None,
        "total_count": page.total,
    }
    if page.next_after is not None:
        pagination["cursor"] = cursor_encode(call, page.next_after)
    return pagination


def _bodies(page: CreativePage, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    with_assignments = params.get("include_assignments", True)
    bodies = [
        creative_body(
            creative,
            assignments=page.assignments[creative.pk] if with_assignments else None,
            fields=params.get("fields") or (),
        )
        for creative in page.creatives
    ]
    if params.get("include_snapshot"):
        for body in bodies:
            body["snapshot_unavailable_reason"] = NO_SNAPSHOT
    return bodies


TASKS = [
    TaskSpec(
        name="sync_creatives",
        run=sync_creatives,
        access="write",
        summary="Upload creatives to the library and assign them to packages",
        schema="sync_creatives",
        account="required",
        account_statuses=MANAGING,
        idempotent=True,
        # An order that promises a creative and the sync that brings it must see each other.
        locks_account=True,
        protocol="creative",
        example={
            "idempotency_key": "9b2f6a0e-1d7c-4a53-8f3e-6c5d4b3a2f10",
            "account": {"account_id": "acc_…"},
            "creatives": [
                {
                    "creative_id": "summer-rectangle",
                    "name": "Summer, rectangle",
                    "format_id": {
                        "agent_url": "https://sales.publisher.example",
                        "id": "display_300x250",
                    },
                    "assets": {
                        "banner_image": {
                            "asset_type": "image",
                            "url": "https://assets.acmeoutdoor.example/summer.jpg",
                            "width": 300,
                            "height": 250,
                        },
                        "landing_page_url": {
                            "asset_type": "url",
                            "url": "https://acmeoutdoor.example/summer",
                        },
                    },
                }
            ],
            "assignments": [{"creative_id": "summer-rectangle", "package_id": "pkg_…"}],
        },
    ),
    TaskSpec(
        name="list_creatives",
        run=list_creatives,
        access="read",
        summary="The creative library, with review states and assignments",
        schema="list_creatives",
        account="optional",
        account_statuses=READING,
        protocol="creative",
        example={"filters": {"statuses": ["approved"]}, "sort": {"field": "updated_date"}},
    ),
]
