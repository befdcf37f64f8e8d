"""list_accounts and sync_accounts."""

from typing import Any

from django.db import transaction

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.registry import ANY_STATUS, Call, Reply, TaskSpec
from mediabuys.errors import AccountNotFound, TradeError
from mediabuys.models.accounts import Publisher
from mediabuys.selectors.accounts import account_for, accounts_page
from mediabuys.selectors.catalog import the_publisher
from mediabuys.services.accounts import SyncedAccount, account_sync
from mediabuys.states import AccountStatus
from mediabuys.wire.accounts import account_body, brand_body

# The protocol wants a brand in every entry's answer, also where the entry named none that exists.
UNKNOWN_DOMAIN = "unknown.invalid"


def list_accounts(call: Call) -> Reply:
    """List the accounts that the caller may use; an unknown one filters to nothing."""
    principal, params = call.require_principal(), call.params
    account = None
    if params.get("account"):
        try:
            account = account_for(principal=principal, ref=params["account"])
        except AccountNotFound:
            return Reply({"accounts": [], "pagination": {"has_more": False}})
    accounts, has_more = accounts_page(
        principal=principal,
        status=params.get("status"),
        sandbox=params.get("sandbox"),
        account=account,
        after=cursor_decode(call),
        limit=page_size(params),
    )
    pagination: dict[str, Any] = {"has_more": has_more}
    if has_more:
        pagination["cursor"] = cursor_encode(call, accounts[-1].pk)
    bodies = [account_body(item) for item in accounts]
    return Reply({"accounts": bodies, "pagination": pagination})


def sync_accounts(call: Call) -> Reply:
    """Declare accounts one by one; an entry that fails leaves the others as they are.

    A dry run does the same work and takes it back.
    """
    _refuse_whole(call)
    publisher = the_publisher()
    is_dry_run = call.params.get("dry_run", False)
    with transaction.atomic():
        results = [_synced(call, entry, publisher) for entry in call.params["accounts"]]
        if is_dry_run:
            transaction.set_rollback(True)
    body: dict[str, Any] = {"accounts": results}
    if is_dry_run:
        body["dry_run"] = True
    return Reply(body)


def _refuse_whole(call: Call) -> None:
    if call.params.get("delete_missing"):
        raise AdcpError(
            "UNSUPPORTED_FEATURE",
            "Accounts are not removed by leaving them out.",
            field="delete_missing",
            suggestion="Leave delete_missing out; ask the publisher to close an account.",
        )
    if call.params.get("push_notification_config"):
        raise AdcpError(
            "UNSUPPORTED_FEATURE",
            "Accounts are decided in the answer itself; no notification follows.",
            field="push_notification_config",
        )


def _synced(call: Call, entry: dict[str, Any], publisher: Publisher) -> dict[str, Any]:
    try:
        synced = account_sync(principal=call.require_principal(), entry=entry, publisher=publisher)
    except TradeError as error:
        return _failed(call, entry, error)
    return _succeeded(synced, is_dry_run=call.params.get("dry_run", False))


def _succeeded(synced: SyncedAccount, *, is_dry_run: bool) -> dict[str, Any]:
    body = {**account_body(synced.account), "action": synced.action}
    if is_dry_run and synced.action == "created":
        # The id was taken back with the row; nobody may remember it.
        del body["account_id"]
    if synced.warnings:
        body["warnings"] = list(synced.warnings)
    return body


def _failed(call: Call, entry: dict[str, Any], error: TradeError) -> dict[str, Any]:
    described = as_adcp_error(error).as_dict()
    return {
        **_named(call, entry),
        "action": "failed",
        "status": AccountStatus.REJECTED,
        "errors": [described],
    }


def _named(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the brand and operator of an entry, also of one that names its account by id."""
    reference = entry.get("account") or entry
    if "brand" in reference and "operator" in reference:
        return {"brand": reference["brand"], "operator": reference["operator"]}
    if "account_id" in reference:
        try:
            account = account_for(principal=call.require_principal(), ref=reference)
        except AccountNotFound:
            return {"brand": {"domain": UNKNOWN_DOMAIN}, "operator": UNKNOWN_DOMAIN}
        return {"brand": brand_body(account), "operator": account.operator_domain}
    brand = reference.get("brand", {"domain": UNKNOWN_DOMAIN})
    return {"brand": brand, "operator": reference.get("operator", brand["domain"])}


TASKS = [
    TaskSpec(
        name="list_accounts",
        run=list_accounts,
        access="read",
        schema="list_accounts",
        summary="The accounts that the agent may use",
        account_statuses=ANY_STATUS,
        example={"status": "active"},
    ),
    TaskSpec(
        name="sync_accounts",
        run=sync_accounts,
        access="write",
        schema="sync_accounts",
        summary="Declare the accounts that the agent buys for",
        idempotent=True,
        example={
            "idempotency_key": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "accounts": [
                {
                    "brand": {"domain": "acmeoutdoor.example"},
                    "operator": "pinnacle-agency.example",
                    "billing": "operator",
                }
            ],
        },
    ),
]
