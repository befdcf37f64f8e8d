"""The protocol's webhook body, frozen when the change that it tells of is committed."""

from datetime import datetime
from typing import Any

from mediabuys.models.channels import BuyerChannel


def notification_body(
    *,
    channel: BuyerChannel,
    idempotency_key: str,
    task_id: str,
    task_type: str,
    status: str,
    now: datetime,
    result: dict[str, Any],
    message: str = "",
    context_id: str = "",
    context: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an `mcp-webhook-payload`; what the buyer registered is echoed verbatim.

    A registration without `operation_id` gets the task's id, so that the payload stays valid.
    """
    optional = {
        "message": message,
        "context_id": context_id,
        "token": channel.push_token,
        "context": context,
    }
    return {
        "idempotency_key": idempotency_key,
        "operation_id": channel.operation_id or task_id,
        "task_id": task_id,
        "task_type": task_type,
        "protocol": "media-buy",
        "status": status,
        "timestamp": now.isoformat(),
        **{name: value for name, value in optional.items() if value},
        "result": result,
    }
