"""update_media_buy: apply a change at once, or park it until a person has looked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from adcp_sales.protocol.channels import buyer_channel
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import MANAGING, Call, Reply, TaskSpec
from adcp_sales.protocol.usecases.create_media_buy import request_snapshot
from mediabuys.change_creatives import creative_ids_of
from mediabuys.change_gates import change_admit
from mediabuys.change_request import ChangeRequest
from mediabuys.change_validation import change_request
from mediabuys.errors import Conflict, MediaBuyNotFound
from mediabuys.locks import creatives_locked, media_buys_locked
from mediabuys.models import Account, MediaBuy, Principal
from mediabuys.pricing import in_words
from mediabuys.requests import Channel
from mediabuys.selectors.changes import catalog_of_change, packages_to_change
from mediabuys.selectors.orders import buyer_standing
from mediabuys.services.changes import AppliedChange, change_apply
from mediabuys.services.parked_changes import change_park
from mediabuys.states import WIRE_BUY_STATUSES, AccountStatus
from mediabuys.wire.changes import update_success
from tasks_hitl.models import Task
from tasks_hitl.rules import Evaluation, change_facts, evaluate
from tasks_hitl.selectors import current_rules, open_change_task
from tasks_hitl.services import change_submit, change_supersede
from tasks_hitl.wire import submitted_body

IMMUTABLE_PACKAGE_FIELDS = (
    "product_id",
    "pricing_option_id",
    "format_ids",
    "format_option_refs",
    "format_kind",
    "params",
    "capability_ids",
)


def update_media_buy(call: Call) -> Reply:
    """Answer `completed` with the buy as it is now, or `submitted` when a person must look."""
    placed = place_change(
        principal=call.require_principal(),
        account=call.require_account(),
        params=call.params,
        now=call.now,
    )
    if isinstance(placed, AppliedChange):
        body = update_success(placed.buy, placed.packages)
        return Reply({**body, "context_id": placed.buy.context_id, "message": _message(placed)})
    return Reply(submitted_body(placed), status="submitted")


def place_change(
    *, principal: Principal, account: Account, params: Mapping[str, Any], now: datetime
) -> AppliedChange | Task:
    """Change a buy as a schema-valid request asks, in the caller's transaction.

    Everything that can be checked is checked before the first row is written, in the contract's
    order. A change by which the publisher would owe more, or something else, is put to the approval
    rules, and parked as a task where they say so; every other change is the buyer's own to make.
    Raises a `TradeError` with the field at fault.

    Locks the creatives that it assigns and then the buy; the caller holds the account.
    """
    _refuse_growth_unpaid(params, account)
    creative_ids = creative_ids_of(params)
    creatives = creatives_locked(account=account, creative_ids=creative_ids) if creative_ids else []
    buy = _buy_locked(account, params["media_buy_id"])
    packages = packages_to_change(buy, with_formats=bool(creative_ids))
    change_admit(params, buy=buy, packages=packages)
    channel = None if params.get("canceled") else buyer_channel(principal=principal, params=params)
    request = change_request(
        params,
        buy=buy,
        packages=packages,
        catalog=catalog_of_change(params, agent_url=settings.PUBLIC_URL),
        now=now,
        creatives={creative.creative_id: creative for creative in creatives},
        # Another agent of the account hears of its own call, and leaves the buyer's webhook alone.
        channel=channel if buy.principal_id == principal.pk else None,
    )
    if request.adds_exposure:
        evaluation = _evaluation(request, principal, account, now)
        if evaluation.must_wait:
            return _park(request, params, principal, evaluation, channel, now)
    return change_apply(buy=buy, request=request, principal=principal, now=now)


def _message(applied: AppliedChange) -> str:
    buy = applied.buy
    words = in_words(buy.total_budget, buy.currency)
    state = buy.get_status_display().lower()
    return f"{words} media buy is {state}, at revision {buy.revision}."


def _refuse_growth_unpaid(params: Mapping[str, Any], account: Account) -> None:
    if params.get("new_packages") and account.status == AccountStatus.PAYMENT_REQUIRED:
        raise AdcpError(
            "ACCOUNT_PAYMENT_REQUIRED",
            "This account has an outstanding balance, so it adds no packages.",
            field="new_packages",
        )


def _buy_locked(account: Account, media_buy_id: str) -> MediaBuy:
    """Return the account's buy; unknown, another account's and a draft read the same."""
    buy = (
        media_buys_locked()
        .filter(account=account, media_buy_id=media_buy_id, status__in=WIRE_BUY_STATUSES)
        .first()
    )
    if buy is None:
        raise MediaBuyNotFound(
            "There is no such media buy.",
            field="media_buy_id",
            suggestion="Use a media_buy_id of this account from get_media_buys.",
        )
    return buy


def _evaluation(
    request: ChangeRequest, principal: Principal, account: Account, now: datetime
) -> Evaluation:
    standing = buyer_standing(principal=principal, account=account)
    facts = change_facts(request=request, account=account, standing=standing, now=now)
    return evaluate(facts=facts, rules=current_rules(), now=now)


def _park(
    request: ChangeRequest,
    params: Mapping[str, Any],
    principal: Principal,
    evaluation: Evaluation,
    channel: Channel | None,
    now: datetime,
) -> Task:
    superseded = change_supersede(buy=request.buy, principal=principal, now=now)
    waiting = open_change_task(request.buy)
    if waiting is not None:
        raise _already_waiting(waiting, principal)
    change = change_park(
        buy=request.buy,
        principal=principal,
        request=request,
        params=params,
        policy=evaluation.trace(),
    )
    return change_submit(
        change=change,
        request=request_snapshot(params),
        reason=evaluation.buyer_reason,
        channel=channel,
        now=now,
        context=params.get("context"),
        supersedes=superseded,
    )


def _already_waiting(waiting: Task, principal: Principal) -> Conflict:
    """Return the refusal of a second change; it names the task only to the agent that has it."""
    is_own = waiting.principal_id == principal.pk
    named = f" Its task is {waiting.task_id}." if is_own else ""
    return Conflict(
        f"Another change of this media buy waits for the publisher's answer.{named}",
        field="media_buy_id",
        suggestion="Wait until it has ended, then send this change again.",
        details={"task_id": waiting.task_id} if is_own else None,
    )


def refuse_immutable(params: dict[str, Any], _principal: Principal | None) -> dict[str, Any]:
    """Name the exact field that a package update may not have; the schema only says "not".

    Runs before the schema has looked, so it takes whatever comes. Returns `params` as they are.
    """
    lines = params.get("packages")
    for index, line in enumerate(lines if isinstance(lines, list) else []):
        for name in IMMUTABLE_PACKAGE_FIELDS:
            if isinstance(line, dict) and name in line:
                raise AdcpError(
                    "INVALID_REQUEST",
                    f"{name} of a package does not change.",
                    field=f"packages[{index}].{name}",
                    suggestion="Cancel the package and add another one with new_packages.",
                )
    return params


TASKS = [
    TaskSpec(
        name="update_media_buy",
        run=update_media_buy,
        access="write",
        summary="Change a media buy: pause, budgets, dates, packages, creatives, cancel.",
        schema="update_media_buy",
        account="required",
        account_statuses=MANAGING,
        idempotent=True,
        locks_account=True,
        adapt=refuse_immutable,
        example={
            "idempotency_key": "7d1f8b62-5c0e-4f0c-8f60-2f4f8f4f0a11",
            "account": {"account_id": "acc_…"},
            "media_buy_id": "mb_…",
            "revision": 3,
            "packages": [{"package_id": "pkg_…", "budget": 7500}],
        },
    )
]
