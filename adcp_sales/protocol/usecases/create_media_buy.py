"""create_media_buy: validate, ask the rules, and either accept at once or wait for a person."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from adcp_sales.protocol.channels import buyer_channel
from adcp_sales.protocol.registry import BUYING, Call, Reply, TaskSpec
from mediabuys.models import Account, Principal
from mediabuys.order_fields import check_plan
from mediabuys.pricing import in_words
from mediabuys.proposal_execution import check_orderable
from mediabuys.requests import OrderRequest
from mediabuys.selectors.orders import buyer_standing, catalog_for_order, catalog_of_proposal
from mediabuys.services.bookings import booking_enqueue
from mediabuys.services.drafts import DraftedOrder, order_draft
from mediabuys.services.events import agent_actor
from mediabuys.services.proposal_orders import proposal_take
from mediabuys.validation import order_from_request
from mediabuys.wire.buys import create_success
from tasks_hitl.inventory_rule import inventory_checked
from tasks_hitl.models import Task
from tasks_hitl.rules import evaluate, order_facts
from tasks_hitl.selectors import current_rules
from tasks_hitl.services import book_at_once, order_supersede, task_submit
from tasks_hitl.services.submissions import answer_until
from tasks_hitl.wire import submitted_body

# Parts of the request that only concern this one transmission, or are secret.
NOT_THE_ORDER = (
    "idempotency_key",
    "context_id",
    "context",
    "push_notification_config",
    "governance_context",
)
SHOWN_OF_WEBHOOKS = {
    "reporting_webhook": ("reporting_frequency", "requested_metrics"),
    "artifact_webhook": ("delivery_mode", "batch_frequency", "sampling_rate"),
}

EXAMPLE_ORDER = {
    "idempotency_key": "3f6b2c1e-3c52-4a2f-9a5e-0d1f2a3b4c5d",
    "account": {"account_id": "acc_…"},
    "brand": {"domain": "acmeoutdoor.example"},
    "start_time": "2027-03-01T00:00:00Z",
    "end_time": "2027-03-31T23:59:59Z",
    "packages": [
        {
            "product_id": "homepage-takeover",
            "pricing_option_id": "cpm-fixed-usd",
            "budget": 50000,
        }
    ],
}


@dataclass(frozen=True)
class PlacedOrder:
    """An order as it was written; `task` is there when it waits for a person."""

    drafted: DraftedOrder
    task: Task | None


def create_media_buy(call: Call) -> Reply:
    """Answer `submitted` when a person must look, else `completed` with the media buy."""
    placed = place_order(
        principal=call.require_principal(),
        account=call.require_account(),
        params=call.params,
        now=call.now,
    )
    buy = placed.drafted.buy
    if placed.task is not None:
        return Reply(submitted_body(placed.task), status="submitted")
    body = create_success(buy, placed.drafted.packages, placed.drafted.assignments)
    words = in_words(buy.total_budget, buy.currency)
    state = "booked" if buy.confirmed_at else "accepted and being booked"
    return Reply({**body, "context_id": buy.context_id, "message": f"{words} media buy {state}."})


def place_order(
    *, principal: Principal, account: Account, params: Mapping[str, Any], now: datetime
) -> PlacedOrder:
    """Place a schema-valid order, in the caller's transaction.

    Everything that can be checked is checked before the first row is written. Then the draft is
    parked as a task, or accepted and its booking queued (a sandbox account's is booked at once).
    With the `context_id` of an order that was sent back for a change, it takes that one's place.
    Raises a `TradeError` with the field at fault.
    """
    superseded = corrected_task(principal=principal, account=account, params=params, now=now)
    check_plan(params, account=account, is_required=settings.GOVERNANCE_REQUIRE_PLAN_ID)
    request = order_asked_for(principal=principal, account=account, params=params, now=now)
    standing = buyer_standing(principal=principal, account=account)
    evaluation = inventory_checked(
        evaluation=evaluate(
            facts=order_facts(request=request, account=account, standing=standing, now=now),
            rules=current_rules(),
            now=now,
        ),
        request=request,
        account=account,
        now=now,
    )
    channel = buyer_channel(principal=principal, params=params)
    drafted = order_draft(
        request=request,
        principal=principal,
        account=account,
        policy=evaluation.trace(),
        channel=channel,
        now=now,
        accepted_by="" if evaluation.must_wait else agent_actor(principal),
        held_until=_held_until(request, account, now),
    )
    if evaluation.must_wait:
        task = task_submit(
            buy=drafted.buy,
            request=request_snapshot(params),
            reason=evaluation.buyer_reason,
            channel=channel,
            now=now,
            supersedes=superseded,
        )
        return PlacedOrder(drafted, task)
    if account.sandbox:
        book_at_once(buy=drafted.buy, now=now)
    else:
        booking_enqueue(buy=drafted.buy, now=now)
    return PlacedOrder(drafted, None)


def _held_until(request: OrderRequest, account: Account, now: datetime) -> datetime | None:
    """Return until when the order holds its inventory if it must wait; a sandbox one holds none."""
    if account.sandbox:
        return None
    return answer_until(publisher=account.publisher, end_time=request.end_time, now=now)


def order_asked_for(
    *, principal: Principal, account: Account, params: Mapping[str, Any], now: datetime
) -> OrderRequest:
    """Return the checked order; the proposal that it executes stays locked."""
    lines = params.get("packages") or []
    with_formats = any(line.get("format_ids") for line in lines)
    if not params.get("proposal_id"):
        catalog = catalog_for_order(
            product_ids=[line["product_id"] for line in lines],
            agent_url=settings.PUBLIC_URL,
            with_formats=with_formats,
        )
        return order_from_request(params, catalog=catalog, now=now)
    chosen = proposal_take(principal=principal, account=account, proposal_id=params["proposal_id"])
    check_orderable(chosen.proposal, now)
    catalog = catalog_of_proposal(chosen, agent_url=settings.PUBLIC_URL, with_formats=with_formats)
    return order_from_request(params, catalog=catalog, now=now, chosen=chosen)


def corrected_task(
    *, principal: Principal, account: Account, params: Mapping[str, Any], now: datetime
) -> Task | None:
    """Cancel the order that this one corrects, and return its task; None where it corrects none.

    First of all, so that what the old order held is free for the new one.
    """
    context_id = params.get("context_id")
    if not isinstance(context_id, str) or not context_id:
        return None
    return order_supersede(principal=principal, account=account, context_id=context_id, now=now)


def request_snapshot(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request as the desk keeps it: the order, without envelope and secrets.

    Of a webhook only what is sent and how often: its address may hold a secret too, and the desk
    has it from the destination.
    """
    kept = {key: deepcopy(value) for key, value in params.items() if key not in NOT_THE_ORDER}
    for key, fields in SHOWN_OF_WEBHOOKS.items():
        if key in kept:
            kept[key] = {name: kept[key][name] for name in fields if name in kept[key]}
    if "invoice_recipient" in kept:
        kept["invoice_recipient"].pop("bank", None)
    return kept


TASKS = [
    TaskSpec(
        name="create_media_buy",
        run=create_media_buy,
        access="write",
        summary="Order a media buy; answers at once, or `submitted` when a person must look.",
        schema="create_media_buy",
        account="required",
        account_statuses=BUYING,
        idempotent=True,
        locks_account=True,
        example=EXAMPLE_ORDER,
    )
]
