"""`run` before its virtual environment exists: one line for whatever is missing."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.launcher.support import ROOT

OLD = """
import runpy, sys
sys.version_info = {version}
runpy.run_path({path!r}, run_name="__main__")
"""
WITHOUT = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == {module!r} else find(name, *more)
runpy.run_path({path!r}, run_name="__main__")
"""


def run_program(program: str, virtual_environment: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"ADCP_VENV": str(virtual_environment)},
        check=False,
    )


@pytest.mark.parametrize(
    ("version", "words"), [((2, 7, 18), "2.7.18"), ((3, 9, 2), "3.9.2"), ((3, 10, 13), "3.10.13")]
)
def test_an_old_python_gets_one_line(
    place: Path, version: tuple[int, int, int], words: str
) -> None:
    finished = run_program(OLD.format(version=version, path=str(ROOT / "run")), place / "venv")

    assert finished.returncode == 1
    assert finished.stderr == (
        f"run: needs Python 3.11 or later, and this is Python {words}. "
        "Start it with a newer one, for example: python3.12 ./run\n"
    )
    assert not (place / "venv").exists()


def test_an_old_python_can_read_the_script() -> None:
    # f-strings came with 3.6, annotations of variables too: neither may be in this file.
    tree = ast.parse((ROOT / "run").read_text(), feature_version=(3, 5))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.AnnAssign)]


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_module_gets_one_line(place: Path, module: str) -> None:
    program = WITHOUT.format(module=module, path=str(ROOT / "run"))

    finished = run_program(program, place / "venv")

    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert finished.returncode == 1
    assert finished.stderr == (
        f"run: this Python has no module {module}: install the package python{version}-venv "
        f"(Debian, Ubuntu: apt-get install python{version}-venv), then start again.\n"
    )
    assert not (place / "venv").exists()


def test_the_lock_files_name_no_host_and_carry_hashes() -> None:
    for name in ("base", "dev"):
        text = (ROOT / "deploy" / "requirements" / f"{name}.txt").read_text()
        assert "://" not in text
        packages = [line for line in text.splitlines() if "==" in line]
        assert len(packages) > 50
        assert text.count("--hash=sha256:") >= len(packages)


def test_every_declared_package_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {
        "base": project["dependencies"],
        "dev": [*project["dependencies"], *project["optional-dependencies"]["dev"]],
    }
    for group, declared in groups.items():
        text = (ROOT / "deploy" / "requirements" / f"{group}.txt").read_text()
        pinned = {line.split("==")[0].split("[")[0] for line in text.splitlines() if "==" in line}
        names = {re.split(r"[^A-Za-z0-9_.-]", wanted)[0].lower() for wanted in declared}
        assert names - pinned == set()
