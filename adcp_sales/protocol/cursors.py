"""Opaque page cursors: signed, and bound to the task, the filters and the caller."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core import signing

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import Call

SALT = "adcp.cursor"
DEFAULT_PAGE_SIZE = 50
PAGE_SIZE_LIMIT = 100
# What may differ between two pages of one walk.
UNBOUND_FIELDS = frozenset(
    {
        "pagination",
        "context",
        "context_id",
        "ext",
        "idempotency_key",
        "governance_context",
        "adcp_version",
        "adcp_major_version",
    }
)


def page_size(params: Mapping[str, Any]) -> int:
    """Return how many rows the caller wants on a page, 50 unless told."""
    wanted = (params.get("pagination") or {}).get("max_results", DEFAULT_PAGE_SIZE)
    return min(int(wanted), PAGE_SIZE_LIMIT)


def cursor_encode(call: Call, position: Any) -> str:
    """Return the cursor after `position`, a JSON value that the task's selector understands."""
    return signing.dumps([_binding(call), position], salt=SALT, compress=True)


def cursor_decode(call: Call) -> Any:
    """Return the position that the request's cursor names, or None without a cursor.

    Raises AdcpError INVALID_REQUEST for a cursor that is forged, or of another task, filter or
    caller.
    """
    token = (call.params.get("pagination") or {}).get("cursor")
    if token is None:
        return None
    try:
        binding, position = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise _refusal() from None
    if binding != _binding(call):
        raise _refusal()
    return position


def _binding(call: Call) -> str:
    filters = {key: value for key, value in call.params.items() if key not in UNBOUND_FIELDS}
    caller = call.principal.principal_id if call.principal else ""
    text = json.dumps([call.task, caller, filters], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refusal() -> AdcpError:
    return AdcpError(
        "INVALID_REQUEST",
        "The cursor is not one of this listing.",
        field="pagination.cursor",
        suggestion="Start again without a cursor, and keep the filters while paging.",
    )
