"""Who may call: the checks between a known caller and its request."""

from typing import Any

from adcp_sales.protocol.auth import missing_token
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import TaskSpec
from mediabuys.models.accounts import Account, Principal
from mediabuys.selectors.accounts import account_not_found
from mediabuys.states import AccountStatus, PrincipalStatus

STOPPED_AGENTS = {
    PrincipalStatus.SUSPENDED: ("AGENT_SUSPENDED", "This agent is suspended."),
    PrincipalStatus.BLOCKED: ("AGENT_BLOCKED", "This agent is blocked."),
}
STOPPED_ACCOUNTS = {
    AccountStatus.PENDING_APPROVAL: (
        "ACCOUNT_SETUP_REQUIRED",
        "The publisher has not approved this account yet.",
    ),
    AccountStatus.PAYMENT_REQUIRED: (
        "ACCOUNT_PAYMENT_REQUIRED",
        "This account has an outstanding balance.",
    ),
    AccountStatus.SUSPENDED: ("ACCOUNT_SUSPENDED", "This account is suspended."),
}
CREDENTIAL_KEYS = frozenset(
    {"api_key", "client_secret", "bearer", "authorization", "jwk", "jwks", "jwks_uri"}
)


def authorize(spec: TaskSpec, principal: Principal | None, params: dict[str, Any]) -> None:
    """Raise AdcpError unless this caller may call this task at all."""
    if principal is None:
        if spec.access != "public" or (params.get("account") and spec.account != "none"):
            raise missing_token()
        return
    refuse_stopped_agent(principal)


def refuse_stopped_agent(principal: Principal) -> None:
    """Raise AdcpError for an agent that staff suspended or blocked."""
    if principal.status in STOPPED_AGENTS:
        code, message = STOPPED_AGENTS[PrincipalStatus(principal.status)]
        raise AdcpError(code, message, details={"scope": "agent", "reason": principal.status})


def gate_account(spec: TaskSpec, account: Account) -> None:
    """Raise AdcpError unless an account in this status may run the task.

    Ended accounts answer like unknown ones.
    """
    if account.status in spec.account_statuses:
        return
    if account.status not in STOPPED_ACCOUNTS:
        raise account_not_found()
    code, message = STOPPED_ACCOUNTS[AccountStatus(account.status)]
    details = {"setup": {"message": message}} if code == "ACCOUNT_SETUP_REQUIRED" else None
    raise AdcpError(code, message, field="account", details=details)


def refuse_credentials(params: Any) -> None:
    """Raise AdcpError CREDENTIAL_IN_ARGS when a key of the request names a secret."""
    pending = [params]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key in value:
                if key in CREDENTIAL_KEYS or key.endswith("access_token"):
                    raise AdcpError(
                        "CREDENTIAL_IN_ARGS",
                        "The request carries a credential among its arguments.",
                        suggestion="Send credentials in the Authorization header only, and"
                        " replace the one that was exposed.",
                    )
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
