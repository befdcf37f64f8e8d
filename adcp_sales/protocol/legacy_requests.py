"""The older surface's parameters as AdCP has them."""

from typing import Any

from adcp_sales.protocol.errors import AdcpError
from mediabuys.models import Principal
from mediabuys.selectors.accounts import only_account

ACCOUNT_ID_LIMIT = 255


def with_account(
    params: dict[str, Any], principal: Principal | None, *, infer: bool = False
) -> dict[str, Any]:
    """Return the parameters with `account` for `account_id`, and without those that are null.

    With `infer` an account that is not named is the caller's only one; one query then. Raises
    AdcpError INVALID_REQUEST at `account_id`, and what `only_account` raises.
    """
    adapted = {name: value for name, value in params.items() if value is not None}
    account_id = adapted.pop("account_id", None)
    if account_id is not None:
        adapted["account"] = _reference(account_id, adapted)
    elif infer and principal is not None and "account" not in adapted:
        adapted["account"] = {"account_id": only_account(principal=principal).account_id}
    return adapted


def _reference(account_id: Any, params: dict[str, Any]) -> dict[str, str]:
    if not isinstance(account_id, str) or not 0 < len(account_id) <= ACCOUNT_ID_LIMIT:
        raise AdcpError(
            "INVALID_REQUEST",
            f"account_id is not a text of 1 to {ACCOUNT_ID_LIMIT} characters.",
            field="account_id",
            suggestion="Send an account_id of list_accounts.",
        )
    reference = {"account_id": account_id}
    if params.get("account", reference) != reference:
        raise AdcpError(
            "INVALID_REQUEST",
            "account and account_id name different accounts.",
            field="account_id",
            suggestion="Send one of the two.",
        )
    return reference
