"""A package's delivery as the protocol's snapshot, or the reason why there is none."""

from typing import Any

from mediabuys.pricing import to_wire
from mediabuys.snapshots import Snapshot, Unavailable


def snapshot_fields(found: Snapshot | Unavailable, *, currency: str) -> dict[str, Any]:
    """Return the one field of the package that says it: `snapshot`, or the reason.

    `currency` is the package's own; the snapshot names one only where it differs.
    """
    if isinstance(found, Unavailable):
        return {"snapshot_unavailable_reason": found.value}
    return {"snapshot": snapshot_body(found, currency=currency)}


def snapshot_body(found: Snapshot, *, currency: str) -> dict[str, Any]:
    """Return the snapshot object; what is not known is absent."""
    figures = found.figures
    body: dict[str, Any] = {
        "as_of": figures.as_of.isoformat(),
        "staleness_seconds": found.staleness_seconds,
        "impressions": figures.impressions,
        "spend": to_wire(figures.spend),
    }
    if figures.currency != currency:
        body["currency"] = figures.currency
    if figures.clicks is not None:
        body["clicks"] = figures.clicks
    if found.pacing_index is not None:
        body["pacing_index"] = to_wire(found.pacing_index)
    if found.delivery_status is not None:
        body["delivery_status"] = found.delivery_status.value
    return body
