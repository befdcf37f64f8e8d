"""Accounts as their agents read them; bank details never leave."""

from typing import Any

from mediabuys.models.accounts import Account
from mediabuys.states import AccountStatus

SETUP_MESSAGE = "The publisher is reviewing this account; nothing is needed from the agent."


def account_body(account: Account) -> dict[str, Any]:
    """Return the account's body, as list_accounts and sync_accounts show it."""
    body: dict[str, Any] = {
        "account_id": account.account_id,
        "name": account.name,
        "status": account.status,
        "brand": brand_body(account),
        "operator": account.operator_domain,
        "billing": account.billing,
        "billing_entity": account.billing_entity,
        "payment_terms": account.payment_terms,
        "account_scope": "operator_brand",
        "sandbox": account.sandbox,
        "governance_agents": account.governance_agents or None,
    }
    if account.credit_limit is not None:
        body["credit_limit"] = {"amount": account.credit_limit, "currency": account.currency}
    if account.status == AccountStatus.PENDING_APPROVAL:
        body["setup"] = {"message": SETUP_MESSAGE}
    return {key: value for key, value in body.items() if value is not None}


def brand_body(account: Account) -> dict[str, str]:
    """Return the brand reference of the account's natural key."""
    brand = {"domain": account.brand_domain}
    return brand | {"brand_id": account.brand_id} if account.brand_id else brand
