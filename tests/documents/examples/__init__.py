"""The documents' own examples, word for word, and how an answer is held against one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Fields around every answer, which no document shows.
ENVELOPE = frozenset({"adcp_version", "context"})


def example(document: str, name: str) -> dict[str, Any]:
    """Return one example of a document, as it is printed there."""
    examples = json.loads((HERE / f"{document}.json").read_text(encoding="utf-8"))
    return dict(examples[name])


def differences(answer: Any, shown: Any, path: str = "") -> list[str]:
    """Return where the answer lacks a key of the example, or has a value of another type.

    Lists are compared entry by entry with the example's first.
    """
    return list(_differences(answer, shown, path))


def _differences(answer: Any, shown: Any, path: str) -> Iterator[str]:
    if _type(answer) != _type(shown):
        yield f"{path}: {_type(answer)} and not {_type(shown)}"
    elif isinstance(shown, dict):
        for key in shown:
            if key in answer:
                yield from _differences(answer[key], shown[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: missing"
    elif isinstance(shown, list):
        if bool(answer) != bool(shown):
            yield f"{path}: {len(answer)} entries and not {len(shown)}"
        for position, entry in enumerate(answer if shown else []):
            yield from _differences(entry, shown[0], f"{path}[{position}]")


def _type(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def added(answer: dict[str, Any], shown: dict[str, Any]) -> set[str]:
    """Return the keys at the root of the answer that neither example nor envelope has."""
    return set(answer) - set(shown) - ENVELOPE
