"""Creatives as the protocol's bodies."""

from collections.abc import Collection, Sequence
from typing import Any

from mediabuys.creative_results import SyncedCreative
from mediabuys.models import Creative, CreativeAssignment
from mediabuys.states import CreativeStatus
from mediabuys.wire.accounts import account_body
from mediabuys.wire.buys import present

# Always there, whatever `fields` asks for: the protocol requires them.
REQUIRED_FIELDS = frozenset(
    {"creative_id", "name", "format_id", "status", "created_date", "updated_date"}
)


def synced_body(synced: SyncedCreative, *, errors: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one result of `sync_creatives`; `errors` are the refusals as the wire tells them."""
    return {
        "creative_id": synced.creative_id,
        "action": synced.action,
        **present(
            status=synced.status,
            changes=synced.changes,
            warnings=synced.warnings,
            errors=list(errors),
            assigned_to=synced.outcome.assigned_to,
            assignment_errors=synced.outcome.errors,
        ),
    }


def creative_body(
    creative: Creative, *, assignments: Sequence[CreativeAssignment] | None, fields: Collection[str]
) -> dict[str, Any]:
    """Return one entry of `list_creatives`; no `fields` means all of them.

    `assignments` None leaves them out.
    """
    body: dict[str, Any] = {
        "creative_id": creative.creative_id,
        "account": account_body(creative.account),
        "name": creative.name,
        "format_id": creative.format_id,
        "status": creative.status,
        "created_date": creative.created_at.isoformat(),
        "updated_date": creative.updated_at.isoformat(),
        "assets": creative.assets,
        **present(tags=creative.tags, rejection_reason=_refused_why(creative)),
    }
    if assignments is not None:
        body["assignments"] = _assignments_body(assignments)
    if not fields:
        return body
    return {name: value for name, value in body.items() if name in {*fields, *REQUIRED_FIELDS}}


def _refused_why(creative: Creative) -> str | None:
    """Return the reason as `creative_approvals` has it; beside the protocol's own fields."""
    return creative.rejection_reason if creative.status == CreativeStatus.REJECTED else None


def _assignments_body(assignments: Sequence[CreativeAssignment]) -> dict[str, Any]:
    packages = [
        {"package_id": row.package.package_id, "assigned_date": row.assigned_at.isoformat()}
        for row in assignments
    ]
    return {"assignment_count": len(packages), **present(assigned_packages=packages)}
