"""One measured row, the table of them, and the machine they were measured on."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

BUILD = Path(__file__).resolve().parent.parent.parent / "build"


@dataclass(frozen=True)
class Row:
    """What was measured against what; `holds` says whether the goal is met."""

    id: int
    name: str
    value: float
    goal: str
    holds: bool
    baseline: str = ""
    detail: str = ""


def at_most(
    number: int, name: str, value: float, limit: float, *, baseline: str = "", detail: str = ""
) -> Row:
    """Return a row whose goal is `value <= limit`."""
    return Row(
        id=number,
        name=name,
        value=round(value, 3),
        goal=f"≤ {limit:g}",
        holds=value <= limit,
        baseline=baseline,
        detail=detail,
    )


def machine() -> str:
    """Return one line about the machine, the versions and the load."""
    one, five, _ = os.getloadavg()
    memory = psutil.virtual_memory().total / 2**30
    packages = " ".join(f"{name} {version(name)}" for name in ("Django", "psycopg", "gunicorn"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB · {platform.system()} {platform.release()} · "
        f"Python {platform.python_version()} {packages} · load {one:.1f} {five:.1f}"
    )


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text, in columns."""
    cells = [("id", "measured", "value", "goal", "", "against; detail")]
    cells += [
        (
            str(row.id),
            row.name,
            f"{row.value:g}",
            row.goal,
            "holds" if row.holds else "MISSED",
            "; ".join(text for text in (row.baseline, row.detail) if text),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return "\n".join(
        "  ".join([*(line[column].ljust(widths[column]) for column in range(5)), line[5]]).rstrip()
        for line in cells
    )


def write_report(rows: list[Row]) -> None:
    """Print the table and write `build/bench.json`, and the table as text beside it."""
    BUILD.mkdir(exist_ok=True)
    listed: list[dict[str, Any]] = [asdict(row) for row in rows]
    encoded = json.dumps(listed, indent=2, ensure_ascii=False)
    (BUILD / "bench.json").write_text(f"{encoded}\n", encoding="utf-8")
    text = f"{machine()}\n\n{table(rows)}\n"
    (BUILD / "bench.txt").write_text(text, encoding="utf-8")
    print(text)
