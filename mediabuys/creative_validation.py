"""Everything about a creative that can be checked before it is written."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediabuys.errors import InvalidRequest, TradeError, UnsupportedFeature
from mediabuys.models import CreativeFormat, Package

ID_LIMIT = 255
NAME_LIMIT = 500
# For a repeatable group whose format names no maximum.
ENTRIES_LIMIT = 100
FORMAT_PARAMETERS = ("width", "height", "duration_ms")
# Where a card carries what the slots of a repeatable group ask for.
CARD_PARTS = {"text": "headline", "url": "landing_page_url"}
# What an item may carry and the library does not keep; the buyer is told, item by item.
NOT_KEPT = {
    "status": "status is decided by review; the one that was sent was not applied.",
    "inputs": "inputs are for generative formats; they were not kept.",
    "industry_identifiers": "industry_identifiers were not kept.",
    "provenance": "provenance was not kept.",
}


@dataclass(frozen=True)
class CreativeRequest:
    """A creative as the buyer wants it to be; `digest` names its content."""

    creative_id: str
    name: str
    format_id: dict[str, Any]
    assets: dict[str, Any]
    tags: list[str]
    digest: str
    warnings: tuple[str, ...] = ()

    @property
    def format_key(self) -> str:
        """The format's own id, without its agent."""
        return str(self.format_id["id"])


def creative_from_item(
    item: Mapping[str, Any],
    *,
    path: str,
    formats: Mapping[str, CreativeFormat],
    agent_url: str,
) -> CreativeRequest:
    """Return the creative that a schema-valid item of `sync_creatives` asks for.

    `formats` are ours by their id. Raises a `TradeError` whose field begins with `path`.
    """
    _check_names(item, path)
    creative_format = _format_of(item, path, formats, agent_url)
    assets = item["assets"]
    for slot in creative_format.assets:
        _check_slot(slot, assets, f"{path}.assets")
    tags = list(dict.fromkeys(item.get("tags") or []))
    return CreativeRequest(
        creative_id=item["creative_id"],
        name=item["name"],
        format_id=item["format_id"],
        assets=assets,
        tags=tags,
        digest=content_digest(item["name"], item["format_id"], assets, tags),
        warnings=tuple(_warnings(item, creative_format)),
    )


def content_digest(
    name: str, format_id: Mapping[str, Any], assets: Mapping[str, Any], tags: Sequence[str]
) -> str:
    """Return SHA-256 over what makes a creative what it is; the order of tags does not count."""
    reference = {key: format_id[key] for key in ("id", *FORMAT_PARAMETERS) if key in format_id}
    content = [name, reference, assets, sorted(tags)]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_ours(reference: Mapping[str, Any], agent_url: str) -> bool:
    """Whether a format reference names one of this agent's formats."""
    return str(reference.get("agent_url", "")).rstrip("/") == agent_url.rstrip("/")


def _check_names(item: Mapping[str, Any], path: str) -> None:
    for name, limit in (("creative_id", ID_LIMIT), ("name", NAME_LIMIT)):
        if not item[name].strip() or len(item[name]) > limit:
            raise InvalidRequest(
                f"{name} has between 1 and {limit} characters.",
                field=f"{path}.{name}",
                suggestion="Send a shorter one." if item[name].strip() else "Send one.",
            )


def _format_of(
    item: Mapping[str, Any],
    path: str,
    formats: Mapping[str, CreativeFormat],
    agent_url: str,
) -> CreativeFormat:
    if "format_id" not in item:
        raise UnsupportedFeature(
            "Creatives are taken by format_id only.",
            field=f"{path}.format_kind",
            suggestion="Send format_id with a format from list_creative_formats.",
        )
    reference = item["format_id"]
    found = formats.get(reference["id"]) if is_ours(reference, agent_url) else None
    if found is None:
        raise TradeError(
            "There is no such format.",
            code="REFERENCE_NOT_FOUND",
            field=f"{path}.format_id",
            suggestion="Use a format_id from list_creative_formats, with its agent_url.",
        )
    for name in FORMAT_PARAMETERS:
        if name in reference and reference[name] != getattr(found, name):
            raise _invalid(
                f"This format does not have this {name}.",
                f"{path}.format_id.{name}",
                "Leave it out, or choose another format from list_creative_formats.",
            )
    return found


def _check_slot(slot: Mapping[str, Any], assets: Mapping[str, Any], path: str) -> None:
    is_group = slot.get("item_type") == "repeatable_group"
    name = slot["asset_group_id" if is_group else "asset_id"]
    value = assets.get(name)
    if value is None:
        if slot.get("required"):
            raise _invalid(
                "The format requires this asset.",
                f"{path}.{name}",
                f"Send it as {_expected(slot)}.",
            )
        return
    if is_group:
        _check_group(slot, value, f"{path}.{name}")
    else:
        _check_asset(value, (slot["asset_type"],), f"{path}.{name}")


def _expected(slot: Mapping[str, Any]) -> str:
    if slot.get("item_type") == "repeatable_group":
        least, most = _counts(slot)
        return f"a list of {least} to {most} cards"
    return f"one asset with asset_type {slot['asset_type']}"


def _check_asset(value: Any, accepted: Sequence[str], path: str) -> None:
    if not isinstance(value, dict):
        raise _invalid("This slot takes one asset.", path, "Send one object, not a list.")
    if value.get("asset_type") not in accepted:
        raise _invalid(
            "The format takes another type of asset here.",
            f"{path}.asset_type",
            f"Send an asset with asset_type {' or '.join(accepted)}.",
        )


def _check_group(slot: Mapping[str, Any], value: Any, path: str) -> None:
    entries = value if isinstance(value, list) else [value]
    least, most = _counts(slot)
    if not least <= len(entries) <= most:
        raise _invalid(
            f"The format takes {least} to {most} of these.",
            path,
            "Send as many as the format says.",
        )
    types = sorted({part["asset_type"] for part in slot["assets"]})
    for index, entry in enumerate(entries):
        where = f"{path}[{index}]"
        if len(types) == 1:
            _check_asset(entry, (*types, "card"), where)
        else:
            _check_asset(entry, ("card",), where)
        if entry["asset_type"] == "card":
            _check_card(slot, entry, where)


def _counts(slot: Mapping[str, Any]) -> tuple[int, int]:
    return slot.get("min_count", 1), slot.get("max_count", ENTRIES_LIMIT)


def _check_card(slot: Mapping[str, Any], card: Mapping[str, Any], path: str) -> None:
    types = {part["asset_type"] for part in slot["assets"]}
    pictures = sorted(types & {"image", "video"})
    if pictures:
        _check_asset(card.get("media"), pictures, f"{path}.media")
    required = {part["asset_type"] for part in slot["assets"] if part.get("required")}
    for asset_type, name in CARD_PARTS.items():
        if asset_type in required and not card.get(name):
            raise _invalid(
                "The format requires this part of a card.", f"{path}.{name}", f"Send {name}."
            )


def _warnings(item: Mapping[str, Any], creative_format: CreativeFormat) -> Iterable[str]:
    names = ("asset_id", "asset_group_id")
    known = {slot.get(name) for slot in creative_format.assets for name in names}
    unserved = sorted(set(item["assets"]) - known)
    if unserved:
        yield f"{len(unserved)} of the assets fit no slot of the format; they will not be served."
    for name, warning in NOT_KEPT.items():
        if item.get(name):
            yield warning


def _invalid(message: str, field: str, suggestion: str) -> TradeError:
    return InvalidRequest(message, code="VALIDATION_ERROR", field=field, suggestion=suggestion)


def package_takes(package: Package, format_key: str) -> bool:
    """Whether the package takes this format: one that the buyer chose, else the product's."""
    if package.format_ids:
        return any(reference["id"] == format_key for reference in package.format_ids)
    return any(row.format_id == format_key for row in package.product.formats.all())
