"""The kept schemas are the SDK's own, and nothing depends on their being kept."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from adcp.validation import schema_loader

from adcp_sales.protocol import sdk_schemas


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An environment in which nothing is kept yet."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    sdk_schemas._kept.cache_clear()
    sdk_schemas._path.cache_clear()


def of_the_sdk(task: str) -> dict[str, Any]:
    found = schema_loader.get_mcp_schema(task, "request", version=sdk_schemas.SCHEMA_VERSION)
    assert found is not None
    return found


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("The SDK was asked again.")


def test_a_second_start_reads_what_the_first_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of_the_sdk("create_media_buy")
    assert sdk_schemas.sdk_schema("create_media_buy", "request") == expected
    sdk_schemas.keep()
    forget()
    monkeypatch.setattr(schema_loader, "get_mcp_schema", refuse)

    assert sdk_schemas.sdk_schema("create_media_buy", "request") == expected
    assert [path.suffix for path in place.iterdir()] == [".json"]


def test_what_is_new_is_added(place: Path) -> None:
    sdk_schemas.sdk_schema("get_products", "request")
    sdk_schemas.keep()
    forget()
    sdk_schemas.sdk_schema("list_tasks", "request")
    sdk_schemas.keep()

    (kept,) = place.iterdir()
    assert sorted(orjson.loads(kept.read_bytes())) == ["get_products request", "list_tasks request"]


def test_each_caller_has_a_copy_of_its_own(place: Path) -> None:
    sdk_schemas.sdk_schema("get_products", "request").clear()

    assert sdk_schemas.sdk_schema("get_products", "request") == of_the_sdk("get_products")


@pytest.mark.parametrize("found", [b"", b"[1]", b"{half"])
def test_a_spoilt_file_is_made_again(place: Path, found: bytes) -> None:
    sdk_schemas._path().write_bytes(found)

    assert sdk_schemas.sdk_schema("get_products", "request") == of_the_sdk("get_products")


def test_a_place_that_cannot_be_written_is_no_failure(place: Path) -> None:
    sdk_schemas.sdk_schema("get_products", "request")
    place.rmdir()

    sdk_schemas.keep()

    assert not place.exists()
    place.mkdir()


def test_a_task_that_adcp_does_not_have(place: Path) -> None:
    with pytest.raises(LookupError):
        sdk_schemas.sdk_schema("no_such_task", "request")
