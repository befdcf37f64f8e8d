"""run_task: the one way from a named request to its answer, for every transport.

version → caller → credentials → schema → account → idempotency → use case → envelope → schema
"""

import logging
import random
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.utils import OperationalError
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from adcp_sales.protocol import access, idempotency
from adcp_sales.protocol.envelope import Outcome, answered, buyers_context, refused
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.registry import Call, Reply, TaskSpec, task_spec
from adcp_sales.protocol.rendering import dump_json, load_json
from adcp_sales.protocol.schemas import ResponseInvalid, validate_request, validate_response
from adcp_sales.protocol.versions import negotiate
from mediabuys.models.accounts import Account, Principal
from mediabuys.selectors.accounts import account_for

logger = logging.getLogger(__name__)

SAMPLED_RESPONSES = 0.01


@dataclass(frozen=True, slots=True)
class _Result:
    reply: Reply
    replayed: bool = False


def run_task(
    name: str, params: dict[str, Any], principal: Principal | None, *, transport: str = "rest"
) -> Outcome:
    """Run the task and return its answer, success or refusal; never raises a refusal.

    An idempotent task runs in one transaction with its idempotency record, so that a refusal
    leaves nothing behind.
    """
    context = buyers_context(params)
    spec = task_spec(name)
    if spec is None:
        return refused(_unknown_task(), context=context)
    try:
        version = negotiate(params)
        access.authorize(spec, principal, params)
        access.refuse_credentials(params)
        if spec.adapt is not None:
            params = spec.adapt(params, principal)
        validate_request(spec, params)
        call = _call(spec, name, params, principal, transport)
        result = _run_once(spec, call) if spec.idempotent else _run(spec, call)
    except Exception as error:  # noqa: BLE001 (the boundary: nothing else may reach a buyer)
        return refused(as_adcp_error(error), context=context, error_body=spec.error_body)
    outcome = answered(result.reply, version=version, context=context, replayed=result.replayed)
    _check_response(spec, outcome)
    return outcome


def _call(
    spec: TaskSpec, name: str, params: dict[str, Any], principal: Principal | None, transport: str
) -> Call:
    key = params.get("idempotency_key")
    if spec.idempotent and not key:
        raise AdcpError(
            "INVALID_REQUEST",
            "idempotency_key: This field is required.",
            field="idempotency_key",
        )
    return Call(
        task=spec.name,
        called_as=name,
        params=params,
        principal=principal,
        account=None,
        now=timezone.now(),
        transport=transport,
        idempotency_key=key,
        context=buyers_context(params),
    )


def _run(spec: TaskSpec, call: Call) -> _Result:
    return _Result(spec.run(_with_account(spec, call, lock=False)))


def _run_once(spec: TaskSpec, call: Call) -> _Result:
    try:
        with transaction.atomic():
            call_on_account = _with_account(spec, call, lock=spec.locks_account)
            claim = idempotency.idempotency_claim(call_on_account)
            if isinstance(claim, Reply):
                return _Result(claim, replayed=True)
            reply = spec.run(call_on_account)
            idempotency.idempotency_settle(claim, reply)
            return _Result(reply)
    except OperationalError as error:
        # A twin may hold the account's row and not only the key: tell the two cases apart.
        if isinstance(error.__cause__, LockNotAvailable) and idempotency.key_is_in_flight(
            _with_account(spec, call, lock=False)
        ):
            raise idempotency.in_flight() from None
        raise


def _with_account(spec: TaskSpec, call: Call, *, lock: bool) -> Call:
    reference = call.params.get("account")
    if spec.account == "none" or (spec.account == "optional" and reference is None):
        return call
    account = _account(call, reference, lock=lock)
    access.gate_account(spec, account)
    return replace(call, account=account)


def _account(call: Call, reference: Any, *, lock: bool) -> Account:
    if not isinstance(reference, dict):
        raise AdcpError("INVALID_REQUEST", "account: This field is required.", field="account")
    return account_for(principal=call.require_principal(), ref=reference, lock=lock)


def _check_response(spec: TaskSpec, outcome: Outcome) -> None:
    """Failure policy: a broken answer fails the tests; in production it is sent and logged."""
    mode = settings.RESPONSE_VALIDATION
    if mode != "always" and random.random() > SAMPLED_RESPONSES:  # noqa: S311 (a sample)
        return
    try:
        validate_response(spec, load_json(dump_json(outcome.body)))
    except ResponseInvalid:
        if mode == "always":
            raise
        logger.exception("An answer of %s breaks its schema.", spec.name)


def _unknown_task() -> AdcpError:
    return AdcpError(
        "UNSUPPORTED_FEATURE",
        "There is no such task.",
        suggestion="Call get_adcp_capabilities, or see the API's documentation for the tasks.",
        http_status=404,
    )
