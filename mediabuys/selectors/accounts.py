"""Reads of accounts, always scoped by what the agent may use."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from mediabuys.errors import AccountAmbiguous, AccountNotFound
from mediabuys.models.accounts import Account, Principal


def accounts_of(*, principal: Principal) -> QuerySet[Account]:
    """Return the accounts that this agent may use."""
    return Account.objects.filter(accesses__principal=principal)


def account_for(*, principal: Principal, ref: Mapping[str, Any], lock: bool = False) -> Account:
    """Return the account that an AdCP account reference names, with its publisher; one query.

    With `lock` its row stays locked until the transaction ends. Raises AccountNotFound, the same
    for unknown and foreign accounts, and AccountAmbiguous.
    """
    accounts = accounts_of(principal=principal).select_related("publisher")
    if lock:
        accounts = accounts.select_for_update(of=("self",))
    found = list(accounts.filter(_named(ref)).order_by("pk")[:2])
    if not found:
        raise account_not_found()
    if len(found) == 1:
        return found[0]
    owned = [account for account in found if account.owner_id == principal.pk]
    if len(owned) == 1:
        return owned[0]
    raise AccountAmbiguous(
        "Several accounts have this brand and operator.",
        field="account",
        suggestion="Name the account by its account_id; list_accounts has it.",
    )


def account_not_found() -> AccountNotFound:
    """Return the one answer for accounts that do not exist, ended, or belong to others."""
    return AccountNotFound(
        "No such account.",
        field="account",
        suggestion="Check the reference against list_accounts, or declare it by sync_accounts.",
    )


def _named(ref: Mapping[str, Any]) -> Q:
    if "account_id" in ref:
        return Q(account_id=ref["account_id"])
    return natural_key(ref)


def natural_key(entry: Mapping[str, Any]) -> Q:
    """Return the condition on brand, operator and sandbox that an entry names."""
    brand = entry["brand"]
    return Q(
        brand_domain=brand["domain"],
        brand_id=brand.get("brand_id", ""),
        operator_domain=entry["operator"],
        sandbox=bool(entry.get("sandbox", False)),
    )


def accounts_page(
    *,
    principal: Principal,
    status: str | None = None,
    sandbox: bool | None = None,
    account: Account | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[list[Account], bool]:
    """Return up to `limit` accounts in order of creation, and whether more follow; one query."""
    accounts = accounts_of(principal=principal).order_by("pk")
    if status is not None:
        accounts = accounts.filter(status=status)
    if sandbox is not None:
        accounts = accounts.filter(sandbox=sandbox)
    if account is not None:
        accounts = accounts.filter(pk=account.pk)
    if after is not None:
        accounts = accounts.filter(pk__gt=after)
    found = list(accounts[: limit + 1])
    return found[:limit], len(found) > limit
