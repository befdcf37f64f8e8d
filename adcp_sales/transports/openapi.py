"""OpenAPI from the registry: every task's path with the very schemas that validate it."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from adcp_sales.protocol.errors import standard_codes
from adcp_sales.protocol.registry import TaskSpec, task_specs
from adcp_sales.protocol.schemas import request_schema, response_schema

PAGE_LABEL = "3.0.3"
DEFINITION = re.compile(r"#/\$defs/(?P<name>.+)")
ERROR_STATUSES = {
    "400": "The request is malformed or does not fit its schema.",
    "401": "No token, or one that is not accepted.",
    "403": "The agent or its account may not do this now.",
    "404": "Something that the request names does not exist for this caller.",
    "409": "The request conflicts with the current state or an earlier request.",
    "413": "The body is too large.",
    "422": "A business rule refuses the request.",
    "503": "Temporarily unavailable; Retry-After says when to come back.",
}
ERROR_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["status", "errors", "adcp_error"],
    "properties": {
        "status": {"const": "failed"},
        "adcp_version": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
        "adcp_error": {"$ref": "#/components/schemas/Error"},
        "context": {"type": "object"},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["code", "message", "recovery"],
    "properties": {
        "code": {"type": "string", "maxLength": 64, "examples": sorted(standard_codes())},
        "message": {"type": "string"},
        "field": {"type": "string", "examples": ["packages[0].budget"]},
        "suggestion": {"type": "string"},
        "recovery": {"enum": ["transient", "correctable", "terminal"]},
        "retry_after": {"type": "integer"},
        "details": {"type": "object"},
        "issues": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    name: {"type": "string"}
                    for name in ("pointer", "message", "keyword", "schemaPath")
                },
            },
        },
    },
}


class TaskSchema(AutoSchema):
    """Describes a task's one operation from its `TaskSpec`."""

    def get_operation(
        self,
        path: str,
        path_regex: str,  # noqa: ARG002 (drf-spectacular's signature)
        path_prefix: str,  # noqa: ARG002
        method: str,  # noqa: ARG002
        registry: Any,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the operation; its components are added by `add_components`."""
        spec: TaskSpec = self.view.spec  # type: ignore[attr-defined]  # ours always has one
        name = path.rstrip("/").rpartition("/")[2]
        is_alias = name in spec.aliases or path.startswith("/legacy/")
        return {
            "operationId": path.strip("/").replace("/", "_"),
            "summary": spec.summary,
            "description": _description(spec, name),
            "tags": ["legacy" if spec.is_legacy else spec.protocol],
            **({"deprecated": True} if is_alias else {}),
            "security": [] if spec.access == "public" else [{"bearer": []}],
            "requestBody": {"required": True, "content": _request_content(spec)},
            "responses": described_responses(
                {"$ref": f"#/components/schemas/{spec.name}.response"},
                says="Done.",
                refusals=ERROR_STATUSES,
            ),
        }


def _description(spec: TaskSpec, name: str) -> str:
    sentences = [f"{spec.summary.rstrip('.')}."]
    if name in spec.aliases:
        sentences.append(f"Another name of `{spec.name}`.")
    if spec.idempotent:
        sentences.append("Repeating the request with its `idempotency_key` changes nothing.")
    return " ".join(sentences)


def _request_content(spec: TaskSpec) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{spec.name}.request"}
    return {"application/json": {"schema": schema, "example": dict(spec.example)}}


def described_responses(
    schema: Mapping[str, Any], *, says: str, refusals: Mapping[str, str]
) -> dict[str, Any]:
    """Return an operation's `responses`: its success, and each refusal with our error body."""
    failure = {"$ref": "#/components/schemas/ErrorBody"}
    return {
        "200": _response(says, dict(schema)),
        **{status: _response(why, failure) for status, why in refusals.items()},
    }


def _response(says: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def add_components(
    result: dict[str, Any],
    generator: Any,  # noqa: ARG001 (drf-spectacular's signature)
    request: Any,  # noqa: ARG001
    public: bool,  # noqa: ARG001, FBT001
) -> dict[str, Any]:
    """Add every task's schemas to the document; drf-spectacular calls this last."""
    components = result.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **_components()}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return result


@cache
def _components() -> dict[str, Any]:
    components: dict[str, Any] = {"Error": ERROR, "ErrorBody": ERROR_BODY}
    for spec in task_specs().values():
        for side, schema in (
            ("request", request_schema(spec)),
            ("response", response_schema(spec)),
        ):
            name = f"{spec.name}.{side}"
            for key, definition in schema.pop("$defs", {}).items():
                components[_component_name(key, name)] = _referring(definition, name)
            schema.pop("$schema", None)
            components[name] = _referring(schema, name)
    return dict(sorted(components.items()))


def _component_name(key: str, owner: str) -> str:
    """Shared definitions keep the protocol's own name; a task's private ones get its name."""
    shared, _, path = key.partition(":")
    if shared == "external":
        return path.removesuffix(".json").replace("/", ".")
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{owner}.{key}")


def _referring(value: Any, owner: str) -> Any:
    """Return the schema with its local references pointing at components."""
    if isinstance(value, list):
        return [_referring(item, owner) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _reference(item, owner) if key == "$ref" else _referring(item, owner)
        for key, item in value.items()
    }


def _reference(target: Any, owner: str) -> Any:
    match = DEFINITION.fullmatch(target) if isinstance(target, str) else None
    if match is None:
        return target
    raw, slash, rest = match["name"].partition("/")
    key = raw.replace("~1", "/").replace("~0", "~")
    return f"#/components/schemas/{_component_name(key, owner)}{slash}{rest}"


class OpenApiView(SpectacularAPIView):
    """Serves the document as JSON to anybody; it names no secret and no buyer."""

    authentication_classes = []
    renderer_classes = [OpenApiJsonRenderer]


class PageSchemaView(OpenApiView):
    """The same document under an older label, for the browsable page alone.

    The page's viewer takes 15 s to open create_media_buy through its OpenAPI 3.1 resolver, and 3 s
    through the older one, which shows our schemas as well.
    """

    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the document, relabelled."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.data = {**response.data, "openapi": PAGE_LABEL}
        return response
