"""Creative formats as buyers read them."""

from collections.abc import Mapping
from typing import Any

from mediabuys.models.catalog import CreativeFormat


def format_reference(format_key: str, *, agent_url: str) -> dict[str, str]:
    """Return the reference by which requests and products name a format."""
    return {"agent_url": agent_url, "id": format_key}


def format_body(
    item: CreativeFormat, *, agent_url: str, asked_as: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the format's body; `asked_as` is the buyer's own reference, repeated verbatim."""
    body: dict[str, Any] = {
        "format_id": dict(asked_as or format_reference(item.format_id, agent_url=agent_url)),
        "name": item.name,
        "description": item.description,
        "renders": _renders(item),
        "assets": item.assets,
    }
    return {key: value for key, value in body.items() if value}


def _renders(item: CreativeFormat) -> list[dict[str, Any]]:
    if item.width is None or item.height is None:
        return []
    dimensions = {"width": item.width, "height": item.height, "unit": "px"}
    return [{"role": "primary", "dimensions": dimensions}]
