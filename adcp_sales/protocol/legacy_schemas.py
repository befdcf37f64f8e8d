"""JSON Schemas of the older surface: what it is asked and what it answers."""

from typing import Any

from adcp_sales.protocol.cursors import PAGE_SIZE_LIMIT
from mediabuys.wire.legacy import LEGACY_STATUSES

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
NAMES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 255},
    "minItems": 1,
    "maxItems": PAGE_SIZE_LIMIT,
}
CONTEXT: dict[str, Any] = {"type": "object"}
ORDER_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {"code": TEXT, "message": TEXT, "suggestion": TEXT},
    "required": ["code", "message", "suggestion"],
    "additionalProperties": False,
}
PROGRESS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "current_step": TEXT,
        "completed": {"type": "integer", "minimum": 1},
        "total": {"type": "integer", "minimum": 1},
        "unit_type": {"const": "steps"},
        "responsible_party": {"const": "system"},
        "action_detail": TEXT,
    },
    "required": ["current_step", "completed", "total", "unit_type", "responsible_party"],
}

STATUS_REQUEST: dict[str, Any] = {
    "type": "object",
    "properties": {"context_id": {"type": "string", "minLength": 1, "maxLength": 255}},
    "required": ["context_id"],
}


def _answer(status: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "status": {"const": status},
            "message": TEXT,
            "context_id": TEXT,
            **properties,
        },
        "required": ["status", "message", "context_id", *required],
    }


STATUS_RESPONSE: dict[str, Any] = {
    "type": "object",
    "oneOf": [
        _answer("processing", ["progress"], progress=PROGRESS),
        _answer(
            "completed",
            ["media_buy_id", "media_buy_status", "adcp_status", "detail", "next_steps"],
            media_buy_id=TEXT,
            media_buy_status={
                "enum": [
                    "pending_activation",
                    "active",
                    "paused",
                    "completed",
                    "rejected",
                    "canceled",
                ]
            },
            adcp_status=TEXT,
            creative_deadline={"type": "string", "format": "date-time"},
            detail=TEXT,
            next_steps={"type": "array", "items": TEXT},
        ),
        _answer("failed", ["error"], error=ORDER_ERROR),
        _answer(
            "pending_manual",
            [
                "task_id",
                "estimated_approval_time",
                "reason",
                "responsible_party",
                "action_detail",
            ],
            task_id=TEXT,
            estimated_approval_time=TEXT,
            reason=TEXT,
            responsible_party={"enum": ["publisher", "buyer"]},
            action_detail=TEXT,
            suggestion=TEXT,
        ),
    ],
}

STATUS_WORD: dict[str, Any] = {"type": "string", "enum": sorted(LEGACY_STATUSES)}
BUYS_REQUEST: dict[str, Any] = {
    "type": "object",
    "properties": {
        "media_buy_ids": NAMES,
        "buyer_refs": NAMES,
        "status_filter": {
            "oneOf": [STATUS_WORD, {"type": "array", "items": STATUS_WORD, "minItems": 1}]
        },
        "include_snapshot": {"type": "boolean", "default": False},
        "account_id": {"type": "string", "minLength": 1, "maxLength": 255},
        "context": CONTEXT,
        "pagination": {
            "type": "object",
            "properties": {
                "max_results": {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_LIMIT},
                "cursor": TEXT,
            },
        },
    },
}
AMOUNT: dict[str, Any] = {"type": "number", "minimum": 0}
SNAPSHOT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "impressions_delivered": {"type": "integer", "minimum": 0},
        "spend_to_date": AMOUNT,
        "pacing_percentage": AMOUNT,
    },
    "required": ["impressions_delivered", "spend_to_date"],
}
PACKAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "package_id": TEXT,
        "buyer_ref": TEXT,
        "product_id": TEXT,
        "budget": AMOUNT,
        "creative_status": {"enum": ["approved", "pending_review", "rejected", "missing"]},
        "creative_assignments": {"type": "array", "items": {"type": "object"}},
        "delivery_snapshot": SNAPSHOT,
        "snapshot_unavailable_reason": TEXT,
    },
    "required": ["package_id", "product_id", "creative_status", "creative_assignments"],
}
BUY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "media_buy_id": TEXT,
        "buyer_ref": TEXT,
        "account_id": TEXT,
        "status": STATUS_WORD,
        "adcp_status": TEXT,
        "currency": TEXT,
        "total_budget": AMOUNT,
        "packages": {"type": "array", "items": PACKAGE},
    },
    "required": ["media_buy_id", "status", "adcp_status", "packages"],
}
BUYS_RESPONSE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "media_buys": {"type": "array", "items": BUY},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"code": TEXT, "message": TEXT},
                "required": ["code", "message"],
            },
        },
        "pagination": {"type": "object"},
    },
    "required": ["media_buys", "errors"],
}
