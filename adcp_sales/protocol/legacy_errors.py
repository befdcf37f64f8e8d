"""Errors in the words of the older surface; `adcp_error` beside them keeps the protocol's."""

from collections.abc import Mapping
from typing import Any

# AdCP's word for an order that cannot be delivered, and the older one with its advice.
UNAVAILABLE = "PRODUCT_UNAVAILABLE"
INSUFFICIENT_INVENTORY = "INSUFFICIENT_INVENTORY"
INVENTORY_ADVICE = "Try adjusting your flight dates or selecting different products"
ADVICE = "Start a new create_media_buy operation"

REUSED = "IDEMPOTENCY_CONFLICT"
REUSED_MESSAGE = "This buyer_ref or idempotency_key was used for another order."
REUSED_ADVICE = "Use a new one for a new order, or repeat the first order unchanged."

CALLER_CODES = {
    "AUTH_REQUIRED": "principal_id_missing",
    "AUTH_MISSING": "principal_id_missing",
    "AUTH_INVALID": "principal_not_found",
}
CALLER_MESSAGES = {
    "principal_id_missing": (
        "No principal ID was found in the request context. Authentication is required."
    ),
    "principal_not_found": "The authenticated principal does not exist in the system.",
}
# Parameters by their older names.
FIELDS = {"account": "account_id", "account.account_id": "account_id"}


def spoken(error: Mapping[str, Any]) -> dict[str, str]:
    """Return code, message and suggestion of an error object, all three always there."""
    return {
        "code": error["code"],
        "message": error["message"],
        "suggestion": error.get("suggestion") or ADVICE,
    }


def order_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Return why an order failed, in the older words."""
    if error["code"] == UNAVAILABLE:
        return {
            "code": INSUFFICIENT_INVENTORY,
            "message": error["message"],
            "suggestion": INVENTORY_ADVICE,
        }
    if error["code"] == REUSED:
        return {"code": REUSED, "message": REUSED_MESSAGE, "suggestion": REUSED_ADVICE}
    return spoken(error)


def order_refusal(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a refused legacy order answers beside the protocol's own error."""
    told = order_error(error)
    return {"message": failure_message(told), "error": told, "errors": [_renamed(error)]}


def failure_message(error: Mapping[str, str]) -> str:
    """Return the sentence at the root of a failed operation."""
    if error["code"] == INSUFFICIENT_INVENTORY:
        return "Media buy creation failed due to insufficient inventory"
    return f"Media buy creation failed: {error['message']}"


def listing_refusal(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a refused legacy read answers: no buys, and the error in the older words."""
    told = _renamed(error)
    if code := CALLER_CODES.get(error["code"]):
        told |= {"code": code, "message": CALLER_MESSAGES[code]}
    return {"media_buys": [], "errors": [told]}


def _renamed(error: Mapping[str, Any]) -> dict[str, Any]:
    if error.get("field") not in FIELDS:
        return dict(error)
    return {**error, "field": FIELDS[error["field"]]}
