"""A buy's health as the protocol's body has it."""

from collections.abc import Sequence
from typing import Any

from mediabuys.selectors.impairments import Impairment
from mediabuys.states import CreativeStatus, ReviewOutcome

REMEDY = "Send a corrected version with sync_creatives, or assign another creative."


def health_fields(impairments: Sequence[Impairment]) -> dict[str, Any]:
    """Return `health` and, where it is impaired, `impairments`."""
    if not impairments:
        return {"health": "ok"}
    return {"health": "impaired", "impairments": [_body(one) for one in impairments]}


def _body(impairment: Impairment) -> dict[str, Any]:
    refusal = impairment.refusal
    transition = {"to": impairment.creative.status}
    if refusal.outcome == ReviewOutcome.REVOKED:
        transition["from"] = CreativeStatus.APPROVED.value
    return {
        "impairment_id": impairment.impairment_id,
        "resource_type": "creative",
        "resource_id": impairment.creative.creative_id,
        "package_ids": list(impairment.package_ids),
        "transition": transition,
        "reason_code": "content_rejected",
        "reason": refusal.reason,
        "observed_at": refusal.at.isoformat(),
        "remediation": REMEDY,
    }
