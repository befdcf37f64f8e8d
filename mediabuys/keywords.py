"""Keyword lists of a targeting overlay, changed entry by entry; a keyword is one with its match."""

from collections.abc import Mapping, Sequence
from typing import Any

from mediabuys.errors import InvalidRequest

Entry = Mapping[str, Any]
LISTS = {
    "keyword_targets": ("keyword_targets_add", "keyword_targets_remove"),
    "negative_keywords": ("negative_keywords_add", "negative_keywords_remove"),
}
CHANGING_FIELDS = tuple(name for names in LISTS.values() for name in names)
KEYWORDS_LIMIT = 5000


def overlay_after(
    line: Mapping[str, Any], path: str, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the overlay once a package update is applied to the one `before`.

    A whole overlay replaces; added keywords replace their own entry, removed ones that are not
    there change nothing. Raises `InvalidRequest` where a list is both replaced and changed.
    """
    replaced = line.get("targeting_overlay")
    after = dict(before or {}) if replaced is None else dict(replaced)
    for name, (adding, removing) in LISTS.items():
        added, removed = line.get(adding) or [], line.get(removing) or []
        if not (added or removed):
            continue
        if replaced is not None and name in replaced:
            raise InvalidRequest(
                f"{name} is replaced and changed at once.",
                field=f"{path}.{adding if added else removing}",
                suggestion=f"Send either targeting_overlay.{name}, or what to add and remove.",
            )
        after[name] = _merged(after.get(name) or [], added, removed)
        if len(after[name]) > KEYWORDS_LIMIT:
            raise InvalidRequest(
                f"A package has at most {KEYWORDS_LIMIT:,} entries in {name}.",
                field=f"{path}.{adding}",
                suggestion="Remove some, or use another package.",
            )
        if not after[name]:
            del after[name]
    return after


def _merged(
    before: Sequence[Entry], added: Sequence[Entry], removed: Sequence[Entry]
) -> list[Entry]:
    entries = {_identity(entry): entry for entry in before}
    for entry in added:
        entries[_identity(entry)] = {**entries.get(_identity(entry), {}), **entry}
    for entry in removed:
        entries.pop(_identity(entry), None)
    return list(entries.values())


def _identity(entry: Entry) -> tuple[str, str]:
    return entry["keyword"], entry["match_type"]
