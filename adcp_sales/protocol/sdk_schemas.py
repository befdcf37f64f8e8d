"""The SDK's JSON Schemas, made self-contained once for each installed version of the SDK.

Making them takes the SDK a third of a web server's start, and reading them back a hundredth, so
that they are kept beside what is installed, like bytecode.
"""

import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import orjson

SCHEMA_VERSION = "3.1"
Direction = Literal["request", "sync"]


def sdk_schema(task: str, direction: Direction) -> dict[str, Any]:
    """Return the schema of a task's request or answer, a copy of the caller's own.

    Raises LookupError for a task that AdCP does not have.
    """
    kept, key = _kept(), f"{task} {direction}"
    if key not in kept:
        kept[key] = _made(task, direction)
    schema: dict[str, Any] = orjson.loads(kept[key])
    return schema


def keep() -> None:
    """Keep what was made since the start, for the next one.

    Failure policy: where nothing can be kept, each start makes the schemas again.
    """
    if len(_kept()) == len(_read()) or sys.prefix == sys.base_prefix:
        return
    waiting = _path().with_suffix(".waiting")
    try:
        waiting.write_bytes(orjson.dumps(_kept()))
        waiting.replace(_path())
    except OSError:
        return


def _made(task: str, direction: Direction) -> str:
    # A start that finds everything kept need not even import the SDK.
    from adcp.validation.schema_loader import get_mcp_schema

    found = get_mcp_schema(task, direction, version=SCHEMA_VERSION)
    if found is None:
        raise LookupError(f"AdCP {SCHEMA_VERSION} has no {direction} schema for {task}.")
    return orjson.dumps(found).decode()


@cache
def _kept() -> dict[str, str]:
    return _read()


def _read() -> dict[str, str]:
    try:
        found = orjson.loads(_path().read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


@cache
def _path() -> Path:
    return Path(sys.prefix) / f"schemas-{SCHEMA_VERSION}-of-adcp-{version('adcp')}.json"
