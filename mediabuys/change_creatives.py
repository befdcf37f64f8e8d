"""Creatives that a change puts on packages, or takes off them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mediabuys.creative_placement import (
    AssignmentWish,
    deadline_passed,
    is_closed,
    placement_of,
)
from mediabuys.errors import TradeError
from mediabuys.models import Creative, Package
from mediabuys.package_validation import assignments_of
from mediabuys.requests import AssignmentRequest
from mediabuys.states import CreativeStatus

Assignments = tuple[AssignmentRequest, ...]


def creative_ids_of(params: Mapping[str, Any]) -> list[str]:
    """Return the ids of all creatives that a schema-valid change assigns."""
    lines = [*(params.get("packages") or []), *(params.get("new_packages") or [])]
    wishes = [wish for line in lines for wish in line.get("creative_assignments") or []]
    return sorted({wish["creative_id"] for wish in wishes})


def assignments_after(
    line: Mapping[str, Any],
    path: str,
    *,
    package: Package,
    creatives: Mapping[str, Creative],
    now: datetime,
) -> Assignments | None:
    """Return what the package's creatives become; None where they stay as they are.

    The list replaces the present one, and an empty one clears it. `package` comes with its buy,
    formats and assignments, `creatives` are the account's by their id. Raises a `TradeError` at
    the assignment: no such creative, a rejected one, another format, after the deadline.
    """
    if "creative_assignments" not in line:
        return None
    where = f"{path}.creative_assignments"
    asked = assignments_of(line, path)
    present = {row.creative_ref: row for row in package.assignments.all()}
    if {wish.creative_id: wish.weight for wish in asked} == {
        ref: row.weight for ref, row in present.items()
    }:
        return None
    for index, wish in enumerate(asked):
        if wish.creative_id not in present:
            _refuse_misplaced(wish, f"{where}[{index}]", package, creatives, now)
    _refuse_late_removal(asked, where, package, now)
    return asked


def _refuse_misplaced(
    asked: AssignmentRequest,
    path: str,
    package: Package,
    creatives: Mapping[str, Creative],
    now: datetime,
) -> None:
    wish = AssignmentWish(
        creative_id=asked.creative_id,
        creative=creatives.get(asked.creative_id),
        package_id=package.package_id,
        weight=None,
        has_placements=False,
        path=path,
    )
    try:
        placement_of(wish, packages={package.package_id: package}, now=now)
    except TradeError as refusal:
        # The entry has no package_id of its own here, as it has in sync_creatives.
        refusal.field = f"{path}.creative_id"
        raise


def _refuse_late_removal(asked: Assignments, path: str, package: Package, now: datetime) -> None:
    kept = {wish.creative_id for wish in asked}
    removes_approved = any(
        row.creative is not None and row.creative.status == CreativeStatus.APPROVED
        for row in package.assignments.all()
        if row.creative_ref not in kept
    )
    if removes_approved and is_closed(package, now):
        raise deadline_passed(path)
