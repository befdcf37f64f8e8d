"""docs/compatibility.md: every requirement of the five documents has a test that exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = ROOT / "docs" / "compatibility.md"
DOCUMENTS = ("000", "001", "002", "003", "004")
ROW = re.compile(r"^\| (?P<number>\d{3}-\d+) \| (?P<requirement>.+) \| (?P<tests>[^|]*) \|$")
REFERENCE = re.compile(r"(?P<path>tests/[\w/]+\.py)::(?P<name>test_\w+)")


def rows_of(page: str) -> list[dict[str, str]]:
    """Return the rows of the tables; a line that looks like one and is none is an error."""
    rows = []
    for line in page.splitlines():
        if not re.match(r"^\|\s*\d{3}-", line):
            continue
        match = ROW.match(line)
        assert match, f"not a row: {line}"
        rows.append(match.groupdict())
    return rows


def unshown(rows: list[dict[str, str]]) -> list[str]:
    """Return what is wrong with the rows' tests: none named, or one that does not exist."""
    problems = []
    for row in rows:
        named = row["tests"].replace("`", "").split("<br>")
        for reference in named:
            match = REFERENCE.fullmatch(reference.strip())
            if match is None or match["name"] not in names_in(match["path"]):
                problems.append(f"{row['number']}: {reference.strip() or 'no test'}")
    return problems


@cache
def names_in(path: str) -> frozenset[str]:
    source = ROOT / path
    if not source.is_file():
        return frozenset()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_requirement_has_a_test_that_exists() -> None:
    assert unshown(rows_of(page())) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_requirements_are_numbered_without_gaps(document: str) -> None:
    numbers = [row["number"] for row in rows_of(page()) if row["number"].startswith(document)]

    assert numbers == [f"{document}-{position}" for position in range(1, len(numbers) + 1)]
    assert len(numbers) >= 20


def test_no_requirement_is_written_twice() -> None:
    requirements = [row["requirement"] for row in rows_of(page())]

    assert len(requirements) == len(set(requirements))
    assert len(requirements) >= 280


@pytest.mark.parametrize(
    "tests",
    [
        "",
        "tests/documents/test_compatibility.py",
        "tests/documents/test_compatibility.py::test_nothing_of_the_kind",
        "tests/documents/test_nowhere.py::test_every_requirement_has_a_test_that_exists",
        "by hand",
    ],
)
def test_a_row_without_a_real_test_is_found(tests: str) -> None:
    rows = rows_of(f"| 004-1 | A field | {tests} |")

    assert [problem.partition(":")[0] for problem in unshown(rows)] == ["004-1"]
