"""The fields around every answer: status, version, context, and errors in both places."""

from dataclasses import dataclass, field
from typing import Any

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import ErrorBody, Reply
from adcp_sales.protocol.versions import DEFAULT_VERSION


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transport sends back."""

    body: dict[str, Any]
    http_status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    failed: bool = False


def buyers_context(params: Any) -> dict[str, Any] | None:
    """Return the context to echo: the buyer's own object, untouched."""
    context = params.get("context") if isinstance(params, dict) else None
    return context if isinstance(context, dict) else None


def answered(
    reply: Reply, *, version: str, context: dict[str, Any] | None, replayed: bool = False
) -> Outcome:
    """Return the outcome of a call that succeeded."""
    body = {"status": reply.status, "adcp_version": version, **reply.body}
    if replayed:
        body["replayed"] = True
    if context is not None:
        body["context"] = context
    return Outcome(body, headers=_retry_header(reply.retry_after))


def refused(
    error: AdcpError,
    *,
    context: dict[str, Any] | None = None,
    error_body: ErrorBody | None = None,
) -> Outcome:
    """Return the outcome of a call that failed: `errors[0]` and `adcp_error` are the same.

    `error_body` gives what an older surface's callers read instead.
    """
    described = error.as_dict()
    body: dict[str, Any] = {
        "status": "failed",
        "adcp_version": DEFAULT_VERSION,
        "errors": [described],
        "adcp_error": described,
    }
    if error_body is not None:
        body |= error_body(described)
    if context is not None:
        body["context"] = context
    headers = {**_retry_header(error.retry_after), **error.headers}
    return Outcome(body, error.http_status, headers, failed=True)


def _retry_header(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(seconds)}
