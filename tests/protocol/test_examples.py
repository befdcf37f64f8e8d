"""The protocol by example: each JSON file is a walk, played over every transport that exists.

`expect` is a subset of the answer; lists are compared item by item; `capture` names values for
later steps, `absent` what must not be there. `$names` stand for values of the fixtures.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from adcp.validation.schema_validator import validate_response
from django.utils import timezone

from adcp_sales.protocol.registry import task_spec
from tests.protocol.conftest import KEY, Answer, Buyer, ask, row_counts

HERE = Path(__file__).parent
WALKS = sorted([*HERE.glob("exemplary/*.json"), *HERE.glob("supplemental/*.json")])
ERROR = jsonschema_rs.Draft7Validator(
    json.loads((files("adcp") / "_schemas/3.1/core/error.json").read_text(encoding="utf-8"))
)
TRANSPORTS: Mapping[str, Callable[..., Answer]] = {"rest": ask}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("path", WALKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_walk(
    path: Path, transport: str, buyer: Buyer, stranger: Buyer, sandbox_buyer: Buyer
) -> None:
    people = {"buyer": buyer, "stranger": stranger, "sandbox_buyer": sandbox_buyer}
    names: dict[str, Any] = {
        "$key": KEY.format(1),
        "$buyers_account": buyer.account.account_id,
        "$in_7_days": (timezone.now() + timedelta(days=7)).isoformat(),
        "$in_37_days": (timezone.now() + timedelta(days=37)).isoformat(),
    }
    for step in json.loads(path.read_text(encoding="utf-8"))["steps"]:
        caller = people.get(step["as"])
        if caller is not None:
            names["$account_id"] = caller.account.account_id
        before = row_counts()

        answer = TRANSPORTS[transport](
            step["task"], filled(step["request"], names), caller.token if caller else None
        )

        assert answer.status == step["http"], answer.body
        assert_holds(answer.body, filled(step["expect"], names), step["task"])
        assert not set(step.get("absent", ())) & answer.body.keys()
        for name, place in step.get("capture", {}).items():
            names[f"${name}"] = found(answer.body, place)
        assert_wire(step["task"], answer)
        if answer.body["status"] == "failed":
            assert row_counts() == before


def assert_wire(task: str, answer: Answer) -> None:
    """Check what holds for every answer, by the protocol's own validator where it has a schema."""
    assert answer.body["adcp_version"] == "3.1"
    if "adcp_error" in answer.body:
        ERROR.validate(answer.body["adcp_error"])
    assert b":null" not in answer.raw.replace(b'"confirmed_at":null', b"")
    spec = task_spec(task)
    if spec is None or not isinstance(spec.schema, str) or answer.status >= 400:
        return
    outcome = validate_response(spec.schema, answer.body, version="3.1")
    assert outcome.valid, outcome.issues


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Return the JSON value with the `$names` replaced."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def found(body: Any, place: str) -> Any:
    """Return the value at a dotted place such as `accounts.0.account_id`."""
    for part in place.split("."):
        body = body[int(part)] if part.isdecimal() else body[part]
    return body


def assert_holds(actual: Any, expected: Any, place: str) -> None:
    """Assert that `expected` is contained in `actual`."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), place
        for key, value in expected.items():
            assert key in actual, f"{place}.{key} is missing"
            assert_holds(actual[key], value, f"{place}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), place
        assert len(actual) == len(expected), f"{place}: {actual}"
        for position, value in enumerate(expected):
            assert_holds(actual[position], value, f"{place}[{position}]")
    else:
        assert actual == expected, place
