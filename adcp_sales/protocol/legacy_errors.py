"""Errors in the words of the older surface; the envelope beside them keeps the protocol's."""

from collections.abc import Mapping
from typing import Any

# AdCP's word for an order that cannot be delivered, and the older one with its advice.
INVENTORY_CODES = frozenset({"PRODUCT_UNAVAILABLE"})
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


def order_error(spoken: Mapping[str, str]) -> dict[str, str]:
    """Return code, message and suggestion of a failed order, all three always there."""
    if spoken["code"] in INVENTORY_CODES:
        return {
            "code": INSUFFICIENT_INVENTORY,
            "message": spoken["message"],
            "suggestion": INVENTORY_ADVICE,
        }
    if spoken["code"] == REUSED:
        return {"code": REUSED, "message": REUSED_MESSAGE, "suggestion": REUSED_ADVICE}
    return {"suggestion": ADVICE, **spoken}


def order_refusal(spoken: Mapping[str, str]) -> dict[str, Any]:
    """Return what a refused legacy order answers beside the protocol's own errors."""
    error = order_error(spoken)
    return {"message": failure_message(error), "error": error}


def failure_message(error: Mapping[str, str]) -> str:
    """Return the sentence at the root of a failed operation."""
    if error["code"] == INSUFFICIENT_INVENTORY:
        return "Media buy creation failed due to insufficient inventory"
    return f"Media buy creation failed: {error['message']}"


def caller_refusal(spoken: Mapping[str, str]) -> dict[str, Any]:
    """Return what a refused legacy read answers: a list of no buys, and a caller's error renamed.

    Other errors stay as they are, with their field.
    """
    empty: dict[str, Any] = {"media_buys": []}
    code = CALLER_CODES.get(spoken["code"])
    if code is None:
        return empty
    return {**empty, "errors": [{**spoken, "code": code, "message": CALLER_MESSAGES[code]}]}
