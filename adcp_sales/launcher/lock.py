"""`./run lock`: pins every package that pyproject.toml asks for, with hashes."""

import subprocess
import sys
from pathlib import Path

from adcp_sales.launcher.bootstrap import REQUIREMENTS, ROOT

UV = Path(sys.executable).parent / "uv"
OPTIONS = [
    *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    # No header, no index: the file must not depend on who made it, where, or with which registry.
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
]


def run_lock(arguments: list[str]) -> int:
    """Refresh both lock files; `--upgrade` takes new versions, else only what must change does."""
    base, dev = REQUIREMENTS / "base.txt", REQUIREMENTS / "dev.txt"
    REQUIREMENTS.mkdir(parents=True, exist_ok=True)
    commands = [
        ["-o", str(base)],
        ["--extra", "dev", "--constraint", str(base), "-o", str(dev)],
    ]
    for command in commands:
        finished = subprocess.run(
            [str(UV), "pip", "compile", "pyproject.toml", *OPTIONS, *command, *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if finished.returncode != 0:
            return finished.returncode
    return 0
