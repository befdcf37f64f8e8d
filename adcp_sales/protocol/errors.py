"""The one error of the wire, and how every exception of the apps becomes it."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

# What AdCP 3.1 does not list but buyers may still meet; the rest comes from the published enum.
EXTRA_RECOVERY = {"INTERNAL_ERROR": "transient"}

HTTP_STATUS = {
    "INVALID_REQUEST": 400,
    "VALIDATION_ERROR": 400,
    "VERSION_UNSUPPORTED": 400,
    "CREDENTIAL_IN_ARGS": 400,
    "UNSUPPORTED_FEATURE": 400,
    "AUTH_REQUIRED": 401,
    "AUTH_MISSING": 401,
    "AUTH_INVALID": 401,
    "ACCOUNT_PAYMENT_REQUIRED": 403,
    "ACCOUNT_SETUP_REQUIRED": 403,
    "ACCOUNT_SUSPENDED": 403,
    "AGENT_BLOCKED": 403,
    "AGENT_SUSPENDED": 403,
    "FIELD_NOT_PERMITTED": 403,
    "GOVERNANCE_DENIED": 403,
    "PERMISSION_DENIED": 403,
    "READ_ONLY_SCOPE": 403,
    "SCOPE_INSUFFICIENT": 403,
    "ACTION_NOT_ALLOWED": 409,
    "CONFLICT": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "IDEMPOTENCY_EXPIRED": 409,
    "IDEMPOTENCY_IN_FLIGHT": 409,
    "INVALID_CONTEXT": 404,
    "INVALID_STATE": 409,
    "NOT_CANCELLABLE": 409,
    "RATE_LIMITED": 429,
    "CONFIGURATION_ERROR": 503,
    "GOVERNANCE_UNAVAILABLE": 503,
    "SERVICE_UNAVAILABLE": 503,
}
BUSINESS_RULE_STATUS = 422

MESSAGE_LIMIT = 1000


class AdcpError(Exception):
    """A refusal that the buyer sees: an AdCP error object with its HTTP status.

    `recovery` and `suggestion` default to what AdCP publishes for the code.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        suggestion: str | None = None,
        recovery: str | None = None,
        details: Mapping[str, Any] | None = None,
        issues: Sequence[Mapping[str, Any]] | None = None,
        retry_after: int | None = None,
        http_status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message[:MESSAGE_LIMIT]
        self.field = field
        self.suggestion = suggestion or standard_suggestion(code)
        self.recovery = recovery or standard_recovery(code)
        self.details = dict(details) if details else None
        self.issues = [dict(issue) for issue in issues] if issues else None
        self.retry_after = retry_after
        self.http_status = http_status or standard_http_status(code)
        self.headers = dict(headers or {})

    def as_dict(self) -> dict[str, Any]:
        """Return the AdCP error object; what is absent is left out, never null."""
        body: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "suggestion": self.suggestion,
            "recovery": self.recovery,
            "details": self.details,
            "issues": self.issues,
            "retry_after": self.retry_after,
        }
        return {name: value for name, value in body.items() if value is not None}


@cache
def _published() -> dict[str, dict[str, str]]:
    path = files("adcp") / "_schemas" / "3.1" / "enums" / "error-code.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))["enumMetadata"]
    return {code: entry for code, entry in metadata.items() if isinstance(entry, dict)}


def standard_codes() -> frozenset[str]:
    """Return the codes of the AdCP vocabulary."""
    return frozenset(_published())


def standard_recovery(code: str) -> str:
    """Return transient, correctable or terminal as AdCP says for the code."""
    entry = _published().get(code)
    return entry["recovery"] if entry else EXTRA_RECOVERY.get(code, "correctable")


def standard_suggestion(code: str) -> str | None:
    """Return AdCP's own hint for the code as a sentence."""
    entry = _published().get(code)
    if not entry or not entry.get("suggestion"):
        return None
    hint = entry["suggestion"]
    return f"{hint[0].upper()}{hint[1:].rstrip('.')}."


def standard_http_status(code: str) -> int:
    """Return the HTTP status of the code: 404 for what is unknown, 422 for business rules."""
    if code in HTTP_STATUS:
        return HTTP_STATUS[code]
    return 404 if code.endswith("_NOT_FOUND") else BUSINESS_RULE_STATUS
