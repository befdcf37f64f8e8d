"""DRF's exceptions, and all others, as AdCP bodies."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from adcp_sales.protocol.envelope import Outcome, buyers_context, refused
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.schemas import ResponseInvalid


def adcp_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer every exception of an API view as a typed AdCP body.

    An answer of ours that breaks its schema is a defect that only tests raise: it stays an error.
    """
    if isinstance(error, ResponseInvalid):
        return None
    spec = getattr(context["view"], "spec", None)
    outcome = refused(
        _described(error, context["view"].allowed_methods),
        context=_context_of(context["request"]),
        error_body=spec.error_body if spec is not None else None,
    )
    return respond(outcome)


def respond(outcome: Outcome) -> Response:
    """Return the outcome as a DRF response."""
    return Response(outcome.body, status=outcome.http_status, headers=outcome.headers)


def _described(error: Exception, allowed: list[str]) -> AdcpError:
    if isinstance(error, exceptions.MethodNotAllowed):
        post = "POST" in allowed
        return AdcpError(
            "INVALID_REQUEST",
            "Tasks are called by POST." if post else "This is only read, by GET.",
            suggestion="Send it by POST." if post else "Send it by GET.",
            http_status=405,
            headers={"Allow": ", ".join(allowed)},
        )
    if isinstance(error, exceptions.UnsupportedMediaType):
        return AdcpError(
            "INVALID_REQUEST",
            "The body must be application/json.",
            suggestion="Send Content-Type: application/json.",
            http_status=415,
        )
    if isinstance(error, exceptions.ParseError | RequestDataTooBig):
        return AdcpError("INVALID_REQUEST", "The body could not be read.")
    if isinstance(error, Http404 | exceptions.NotFound):
        return AdcpError("REFERENCE_NOT_FOUND", "There is nothing at this address.")
    return as_adcp_error(error)


def _context_of(request: Request) -> dict[str, Any] | None:
    """Return the buyer's context even when the caller was refused before its body was read."""
    try:
        return buyers_context(request.data)
    except Exception:  # noqa: BLE001 (an unreadable body has no context, and is no new failure)
        return None
