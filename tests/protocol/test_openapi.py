"""The OpenAPI document: valid, complete, and changed only on purpose.

A deliberate change: `UPDATE_SNAPSHOTS=1 ./run test tests/protocol/test_openapi.py`, then read the
diff of `openapi.json`. There, each component is a digest: most are the protocol's own schemas.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.validation import validate_schema

from adcp_sales.protocol.registry import task_names, task_specs
from adcp_sales.protocol.schemas import request_schema

SNAPSHOT = Path(__file__).parent / "openapi.json"
READS = {f"/interchange/{kind}/{{name}}" for kind in ("media-buys", "campaigns", "accounts")}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(json.loads(Client().get("/api/schema/").content))


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate_schema(document)  # type: ignore[no-untyped-call]  # ships no types

    assert document["openapi"].startswith("3.1")


def test_every_name_of_every_task_has_a_path(document: dict[str, Any]) -> None:
    expected = {f"/{path}" for spec in task_specs().values() for path in spec.rest_paths}
    older = {"legacy_create_media_buy", "legacy_get_media_buys"}
    assert {f"/adcp/{name}" for name in set(task_names()) - older} <= expected

    assert set(document["paths"]) == expected | READS


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    targets = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))

    assert len(targets) > 100
    for target in targets:
        place: Any = document
        for part in target.removeprefix("#/").split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        assert place, target


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", sorted(READS))
def test_a_read_is_described_wholly(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][path]["get"]

    assert set(document["paths"][path]) == {"get"}
    assert operation["security"] == [{"bearer": []}]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["name"]
    assert {"200", "401", "404"} < set(operation["responses"])
    jsonschema_rs.meta.validate(answer_schema(document, path))


@pytest.mark.parametrize("name", task_specs())
def test_every_example_fits_the_schema_that_validates(document: dict[str, Any], name: str) -> None:
    path = f"/{task_specs()[name].rest_paths[0]}"
    content = document["paths"][path]["post"]["requestBody"]["content"]
    example = content["application/json"]["example"]

    jsonschema_rs.Draft7Validator(request_schema(task_specs()[name])).validate(example)


@pytest.mark.parametrize("name", task_specs())
def test_public_tasks_need_no_token(document: dict[str, Any], name: str) -> None:
    operation = document["paths"][f"/{task_specs()[name].rest_paths[0]}"]["post"]

    assert operation["security"] == (
        [] if task_specs()[name].access == "public" else [{"bearer": []}]
    )
    assert operation["summary"]


def test_the_document_is_the_reviewed_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {name: digest(body) for name, body in schemas.items()}
    current = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(current, encoding="utf-8")

    assert current == SNAPSHOT.read_text(encoding="utf-8")


def test_the_page_shows_the_same_document(document: dict[str, Any]) -> None:
    shown = json.loads(Client().get("/api/docs/schema.json").content)

    assert shown.pop("openapi") == "3.0.3"
    assert shown["paths"] == document["paths"]
    assert set(shown["components"]["schemas"]) == set(document["components"]["schemas"])


def test_the_page_fetches_nothing_from_outside() -> None:
    page = Client().get("/api/docs/").content.decode()

    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) >= 4
    assert [asset for asset in assets if not asset.startswith("/static/")] == []
    for asset in assets:
        assert finders.find(asset.removeprefix("/static/")), asset
    assert re.findall(r"https?://[^\s\"']+", page) == []


def answer_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the schema of a read's success."""
    answer = document["paths"][path]["get"]["responses"]["200"]
    return dict(answer["content"]["application/json"]["schema"])


def digest(schema: Any) -> str:
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]
