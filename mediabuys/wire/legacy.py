"""Buys in the words of the older surface, made from the protocol's own bodies."""

from collections.abc import Iterable, Mapping
from typing import Any

from mediabuys.models import MediaBuy
from mediabuys.states import BuyStatus
from mediabuys.wire.buys import present

# The older word of each status. Output and filter both go by it; `adcp_status` has the protocol's.
LEGACY_STATUS: Mapping[str, str] = {
    BuyStatus.PENDING_CREATIVES: "pending",
    BuyStatus.PENDING_START: "approved",
    BuyStatus.ACTIVE: "active",
    BuyStatus.PAUSED: "paused",
    BuyStatus.COMPLETED: "completed",
    BuyStatus.REJECTED: "failed",
    BuyStatus.CANCELED: "failed",
}
LEGACY_STATUSES = frozenset(LEGACY_STATUS.values())

# The first of these that any creative of a package has is the package's.
CREATIVE_STATUSES = ("rejected", "pending_review", "approved")
NO_CREATIVE = "missing"

# What the strict surface does not have: parameter, and what to send instead.
REPLACEMENTS = {
    "buyer_refs": (
        "Name the buys by media_buy_ids, or call /legacy/get_media_buys, which knows buyer_refs."
    ),
    "account_id": 'Send account: {"account_id": "…"} instead.',
}


def statuses_of(words: Iterable[str]) -> list[str]:
    """Return the protocol's statuses that older words stand for; all words must be known."""
    wanted = set(words)
    return [status for status, word in LEGACY_STATUS.items() if word in wanted]


def creative_status(approvals: Iterable[Mapping[str, Any]]) -> str:
    """Return the one word for all creatives of a package, from its `creative_approvals`."""
    found = {approval["approval_status"] for approval in approvals}
    return next((status for status in CREATIVE_STATUSES if status in found), NO_CREATIVE)


def legacy_buy_body(buy: MediaBuy, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return one buy of the older listing; `body` is the same buy's entry of `get_media_buys`."""
    packages = zip(buy.packages.all(), body["packages"], strict=True)
    return {
        "media_buy_id": body["media_buy_id"],
        "status": LEGACY_STATUS[body["status"]],
        "adcp_status": body["status"],
        "account_id": body["account"]["account_id"],
        "currency": body["currency"],
        "total_budget": body["total_budget"],
        "start_time": body["start_time"],
        "end_time": body["end_time"],
        "packages": [_package(package.buyer_ref, entry) for package, entry in packages],
        **present(buyer_ref=buy.buyer_ref),
    }


def _package(buyer_ref: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "package_id": entry["package_id"],
        "product_id": entry["product_id"],
        "budget": entry["budget"],
        "creative_status": creative_status(entry["creative_approvals"]),
        "creative_assignments": [dict(approval) for approval in entry["creative_approvals"]],
        **present(
            buyer_ref=buyer_ref,
            delivery_snapshot=_snapshot(entry.get("snapshot")),
            snapshot_unavailable_reason=entry.get("snapshot_unavailable_reason"),
        ),
    }


def _snapshot(snapshot: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the older snapshot; its `pacing_percentage` is a ratio, as its example shows."""
    if snapshot is None:
        return None
    told = {
        "impressions_delivered": snapshot["impressions"],
        "spend_to_date": snapshot["spend"],
    }
    pacing = snapshot.get("pacing_index")
    return told if pacing is None else {**told, "pacing_percentage": pacing}


def legacy_advisories(params: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one advisory for each parameter that only the older surface understands."""
    return [
        {
            "code": "UNSUPPORTED_FEATURE",
            "message": f"{name} is no parameter of this task, and narrowed nothing.",
            "field": name,
            "suggestion": instead,
            "recovery": "correctable",
        }
        for name, instead in REPLACEMENTS.items()
        if name in params
    ]
