"""The Interchange surface as a buyer's agent reads it."""

from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import orjson
from django.test import Client

from adcp_sales.transports.interchange_schema import ACCOUNT, CAMPAIGN, ORDER

SCHEMAS = {"media-buys": ORDER, "campaigns": CAMPAIGN, "accounts": ACCOUNT}


@dataclass(frozen=True)
class Read:
    """What came back: status, body, headers and the very bytes."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    raw: bytes


def read(path: str, token: str | None = None, *, method: str = "get", **headers: str) -> Read:
    """Read one address under `/interchange/`; a success must fit its documented schema."""
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    response = getattr(Client(), method)(f"/interchange/{path}", headers=headers)
    body = orjson.loads(response.content) if response.content else {}
    if response.status_code == 200 and body:
        schema = {**SCHEMAS[path.split("/")[0]]}
        jsonschema_rs.validator_for(_without_references(schema)).validate(body)
    return Read(response.status_code, body, dict(response.items()), response.content)


def _without_references(schema: Any) -> Any:
    """The error's own schema lives in the OpenAPI document."""
    if isinstance(schema, dict):
        return {key: _without_references(value) for key, value in schema.items() if key != "$ref"}
    return [_without_references(item) for item in schema] if isinstance(schema, list) else schema
