"""list_creative_formats: what creatives products take, to anybody who asks."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Q

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.registry import Call, Reply, TaskSpec
from mediabuys.creative_validation import is_ours
from mediabuys.selectors.catalog import formats_page
from mediabuys.wire.formats import format_body


def list_creative_formats(call: Call) -> Reply:
    """List the formats that products take; a format asked for by reference keeps its spelling."""
    params = call.params
    references = params.get("format_ids", [])
    asked = {str(ref["id"]): ref for ref in references if is_ours(ref, settings.PUBLIC_URL)}
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
        name="list_creative_formats",
        run=list_creative_formats,
        access="public",
        schema="list_creative_formats",
        summary="The creative formats that products take",
        example={"asset_types": ["video"]},
    ),
]
