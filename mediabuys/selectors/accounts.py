"""Reads of accounts, always scoped by what the agent may use."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from mediabuys.errors import AccountAmbiguous, AccountNotFound
from mediabuys.models.accounts import Account, Principal, Publisher
from mediabuys.selectors.handwritten import columns, rows
from mediabuys.states import ENDED_ACCOUNT_STATUSES

ACCOUNT = f"""
    SELECT {columns(Account, "account")}, {columns(Publisher, "publisher")}
    FROM mediabuys_account account
    JOIN mediabuys_accountaccess access ON access.account_id = account.id
    JOIN mediabuys_publisher publisher ON publisher.id = account.publisher_id
    WHERE access.principal_id = %s AND {{named}}
    ORDER BY account.id LIMIT 2 {{lock}}
"""  # noqa: S608 (made of column names)
NATURAL_KEY = (
    "account.brand_domain = %s AND account.brand_id = %s"
    " AND account.operator_domain = %s AND account.sandbox = %s"
)


def accounts_of(*, principal: Principal) -> QuerySet[Account]:
    """Return the accounts that this agent may use."""
    return Account.objects.filter(accesses__principal=principal)


def account_for(*, principal: Principal, ref: Mapping[str, Any], lock: bool = False) -> Account:
    """Return the account that an AdCP account reference names, with its publisher; one query.

    With `lock` its row stays locked until the transaction ends. Raises AccountNotFound, the same
    for unknown and foreign accounts, and AccountAmbiguous.
    """
    named, parameters = _named(ref)
    sql = ACCOUNT.format(named=named, lock="FOR UPDATE OF account" if lock else "")
    found = []
    for account, publisher in rows(sql, [principal.pk, *parameters], Account, Publisher):
        account.publisher = publisher
        found.append(account)
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


def only_account(*, principal: Principal) -> Account:
    """Return the one account that the agent may use, for callers that name none; one query.

    Ended accounts do not count. Raises AccountNotFound without one, and AccountAmbiguous.
    """
    found = (
        accounts_of(principal=principal)
        .exclude(status__in=ENDED_ACCOUNT_STATUSES)
        .order_by("pk")[:2]
    )
    match list(found):
        case [account]:
            return account
        case []:
            raise account_not_found()
        case _:
            raise AccountAmbiguous(
                "The agent may use several accounts, and the request names none.",
                field="account",
                suggestion="Name the account by its account_id; list_accounts has it.",
            )


def filters_by_account() -> bool:
    """Whether the publisher lets the older listing be narrowed to an account; one query."""
    return Publisher.objects.filter(allows_legacy_account_filter=True).exists()


def account_not_found() -> AccountNotFound:
    """Return the one answer for accounts that do not exist, ended, or belong to others."""
    return AccountNotFound(
        "No such account.",
        field="account",
        suggestion="Check the reference against list_accounts, or declare it by sync_accounts.",
    )


def _named(ref: Mapping[str, Any]) -> tuple[str, list[Any]]:
    if "account_id" in ref:
        return "account.account_id = %s", [ref["account_id"]]
    brand = ref["brand"]
    return NATURAL_KEY, [
        brand["domain"],
        brand.get("brand_id", ""),
        ref["operator"],
        bool(ref.get("sandbox", False)),
    ]


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
