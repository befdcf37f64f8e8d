"""JSON Schema validators of every request and answer, compiled once in each process.

The schemas are those of the `adcp` package. Forked web workers share what `compile_all` made.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from adcp_sales.protocol import sdk_schemas
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.issues import field_of, issues_of
from adcp_sales.protocol.registry import TaskSpec, task_specs
from adcp_sales.protocol.sdk_schemas import Direction

# Fields of the envelope that every task accepts, also where the task's own schema is silent.
ENVELOPE_FIELDS: dict[str, Any] = {
    "context": {"type": "object"},
    "context_id": {"type": "string"},
    "idempotency_key": {"type": "string"},
    "ext": {"type": "object"},
}


class ResponseInvalid(Exception):
    """Our own answer breaks its schema; `issues` says where."""

    def __init__(self, task: str, issues: list[dict[str, str]]) -> None:
        super().__init__(f"The answer of {task} breaks its schema: {issues}")
        self.issues = issues


def request_schema(spec: TaskSpec) -> dict[str, Any]:
    """Return the self-contained JSON Schema of the task's request."""
    return _materialized(spec.schema, "request")


def response_schema(spec: TaskSpec) -> dict[str, Any]:
    """Return the self-contained JSON Schema of the task's answer."""
    return _materialized(spec.response_schema or spec.schema, "sync")


def _materialized(schema: str | Mapping[str, Any], direction: Direction) -> dict[str, Any]:
    if not isinstance(schema, str):
        return dict(schema)
    return sdk_schemas.sdk_schema(schema, direction)


@cache
def _request_validator(name: str) -> jsonschema_rs.Draft7Validator:
    return _compiled(request_schema(task_specs()[name]))


@cache
def _response_validator(name: str) -> jsonschema_rs.Draft7Validator:
    return _compiled(response_schema(task_specs()[name]))


@cache
def _envelope_validator() -> jsonschema_rs.Draft7Validator:
    return _compiled({"type": "object", "properties": ENVELOPE_FIELDS})


def _compiled(schema: dict[str, Any]) -> jsonschema_rs.Draft7Validator:
    # The mask keeps the request's values, secrets among them, out of every message.
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True, mask="the value")


def compile_all() -> None:
    """Compile every validator now, so that forked workers share them and no call waits."""
    _envelope_validator()
    for name in task_specs():
        _request_validator(name)
        _response_validator(name)
    sdk_schemas.keep()


def validate_request(spec: TaskSpec, params: dict[str, Any]) -> None:
    """Raise AdcpError INVALID_REQUEST with `issues` unless the request fits its schema."""
    validator = _request_validator(spec.name)
    envelope = _envelope_validator()
    if validator.is_valid(params) and envelope.is_valid(params):
        return
    issues = issues_of(validator.iter_errors(params)) or issues_of(envelope.iter_errors(params))
    first = issues[0]
    field = field_of(first["pointer"])
    raise AdcpError(
        "INVALID_REQUEST",
        f"{field or 'The request'}: {first['message']}",
        field=field or None,
        issues=issues,
        suggestion="Correct the fields that issues names and send the request again.",
    )


def validate_response(spec: TaskSpec, body: dict[str, Any]) -> None:
    """Raise ResponseInvalid unless `body`, as plain JSON, fits the answer's schema."""
    validator = _response_validator(spec.name)
    if not validator.is_valid(body):
        raise ResponseInvalid(spec.name, issues_of(validator.iter_errors(body)))
