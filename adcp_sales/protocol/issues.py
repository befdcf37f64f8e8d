"""What a JSON Schema validator found, told as AdCP's `issues[]`."""

from collections.abc import Iterable, Sequence
from typing import Any

from jsonschema_rs import ValidationError

ISSUE_LIMIT = 10
TEXT_LIMIT = 200
BRANCH_DEPTH_LIMIT = 4

Path = Sequence[str | int]


def issues_of(errors: Iterable[ValidationError]) -> list[dict[str, str]]:
    """Return at most ISSUE_LIMIT issues; no text of theirs repeats a value of the request."""
    issues: list[dict[str, str]] = []
    for error in errors:
        for leaf in _most_telling(error, 0):
            issue = _issue(leaf)
            if issue not in issues:
                issues.append(issue)
        if len(issues) >= ISSUE_LIMIT:
            break
    return issues[:ISSUE_LIMIT]


def pointer_of(path: Path) -> str:
    """Return the RFC 6901 pointer: `/packages/0/budget`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def field_of(pointer: str) -> str:
    """Return the pointer as AdCP's `field` spells it: `packages[0].budget`."""
    field = ""
    for raw in pointer.split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if part.isdecimal():
            field += f"[{part}]"
        else:
            field += f".{part}" if field else part
    return field


def _issue(error: ValidationError) -> dict[str, str]:
    keyword = error.kind.name
    path = [*error.instance_path]
    if keyword == "required":
        path.append(getattr(error.kind, "property", ""))
    return {
        "pointer": _short(pointer_of(path)),
        "message": _short(_message(error, keyword)),
        "keyword": keyword,
        "schemaPath": _short(pointer_of(error.schema_path)),
    }


def _message(error: ValidationError, keyword: str) -> str:
    if keyword == "required":
        return "This field is required."
    text = error.message
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _short(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _most_telling(error: ValidationError, depth: int) -> list[ValidationError]:
    """Replace "matches none of the variants" by what is wrong with the nearest variant."""
    branches: list[list[ValidationError]] = getattr(error.kind, "context", None) or []
    candidates = [branch for branch in branches if branch]
    if not candidates or depth >= BRANCH_DEPTH_LIMIT:
        return [error]
    depth_here = len(error.instance_path)
    nearest = min(candidates, key=lambda branch: _distance(branch, depth_here))
    return [leaf for inner in nearest for leaf in _most_telling(inner, depth + 1)]


def _distance(branch: list[ValidationError], depth: int) -> tuple[Any, ...]:
    wrong_type = any(
        error.kind.name == "type" and len(error.instance_path) == depth for error in branch
    )
    wrong_variant = any(error.kind.name in {"const", "enum"} for error in branch)
    missing = sum(error.kind.name in {"required", "additionalProperties"} for error in branch)
    return (
        wrong_type,
        wrong_variant,
        missing,
        len(branch),
        -max(len(error.instance_path) for error in branch),
    )
