"""The older create_media_buy: the same order, answered as create_media_buy_status answers."""

import hashlib
from typing import Any
from uuid import uuid4

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.legacy_errors import order_refusal
from adcp_sales.protocol.legacy_requests import with_account
from adcp_sales.protocol.legacy_schemas import STATUS_RESPONSE
from adcp_sales.protocol.registry import BUYING, Call, Reply, TaskSpec
from adcp_sales.protocol.usecases.create_media_buy import EXAMPLE_ORDER, place_order
from adcp_sales.protocol.usecases.create_media_buy_status import operation_reply
from mediabuys.models import Principal
from mediabuys.order_fields import buyer_reference
from mediabuys.selectors.buyer_refs import order_named
from tasks_hitl.operations import operation_of

# A key that was made of a buyer_ref begins so.
DERIVED_KEY = "buyer-ref:"


def legacy_create_media_buy(call: Call) -> Reply:
    """Order a media buy, and answer where its creation stands."""
    principal = call.require_principal()
    if (call.idempotency_key or "").startswith(DERIVED_KEY) and "context_id" not in call.params:
        _refuse_second(call)
    placed = place_order(
        principal=principal, account=call.require_account(), params=call.params, now=call.now
    )
    context_id = placed.drafted.buy.context_id
    operation = operation_of(principal=principal, context_id=context_id, now=call.now)
    if operation is None:
        raise RuntimeError("The order that was just placed cannot be read.")
    return operation_reply(operation, call.now)


def _refuse_second(call: Call) -> None:
    """Refuse an order whose only name already names one.

    Its key is forgotten after a week, and its name is not: a late repetition orders nothing.
    """
    reference = buyer_reference(call.params)
    first = order_named(
        principal=call.require_principal(), account=call.require_account(), buyer_ref=reference
    )
    if first is None:
        return
    raise AdcpError(
        "CONFLICT",
        "This buyer_ref already names an order of the account.",
        field="buyer_ref",
        suggestion=f"Ask create_media_buy_status for {first.context_id}, or send another "
        "buyer_ref or an idempotency_key for a new order.",
        recovery="correctable",
    )


def order_from_legacy(params: dict[str, Any], principal: Principal | None) -> dict[str, Any]:
    """Return the AdCP request that an older one means: with its account and an idempotency_key.

    A key that is missing is made of the `buyer_ref`, so that the same order twice is one order.
    """
    adapted = with_account(params, principal, infer=True)
    if "idempotency_key" not in adapted:
        adapted["idempotency_key"] = _key_of(buyer_reference(adapted), adapted.get("context_id"))
    return adapted


def _key_of(buyer_ref: str, context_id: Any) -> str:
    """Return the key of an order; a corrected one also names the operation that it corrects."""
    if not buyer_ref:
        return str(uuid4())
    named = f"{buyer_ref}\n{context_id if isinstance(context_id, str) else ''}"
    return DERIVED_KEY + hashlib.sha256(named.encode()).hexdigest()


TASKS = [
    TaskSpec(
        name="legacy_create_media_buy",
        run=legacy_create_media_buy,
        access="write",
        summary="Order a media buy; answers `processing` or `pending_manual` (legacy).",
        schema="create_media_buy",
        response_schema=STATUS_RESPONSE,
        account="required",
        account_statuses=BUYING,
        idempotent=True,
        locks_account=True,
        paths=("legacy/create_media_buy",),
        adapt=order_from_legacy,
        error_body=order_refusal,
        example={**EXAMPLE_ORDER, "buyer_ref": "spring-2027"},
    )
]
