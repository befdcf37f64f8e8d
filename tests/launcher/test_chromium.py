"""The browser tests find a Chromium, or get one, or fail in one line; they never skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adcp_sales.launcher.chromium import find_chromium
from adcp_sales.launcher.errors import LauncherError
from tests.launcher.support import ROOT, clean_environment

# Nobody listens there, so that Playwright's download fails on a machine with a network too.
NOWHERE = "http://127.0.0.1:9"


def program(directory: Path, name: str, script: str = "exit 0") -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run_tests_without_browser(place: Path) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(
        PATH=str(place),
        PYTHONPATH=str(ROOT),
        PLAYWRIGHT_BROWSERS_PATH=str(place / "browsers"),
        PLAYWRIGHT_DOWNLOAD_HOST=NOWHERE,
    )
    environment.pop("CHROMIUM_PATH", None)
    return subprocess.run(
        [sys.executable, "-m", "adcp_sales.launcher", "test", "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=120,
        check=False,
    )


def test_a_named_browser_comes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(place, "chromium")
    named = program(place, "my-browser")
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setenv("CHROMIUM_PATH", str(named))

    assert find_chromium() == str(named)

    monkeypatch.delenv("CHROMIUM_PATH")
    assert find_chromium() == str(place / "chromium")


def test_a_named_browser_that_is_not_there_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMIUM_PATH", str(place / "missing"))

    with pytest.raises(LauncherError) as refused:
        find_chromium()

    assert str(refused.value) == f"CHROMIUM_PATH names no program: {place / 'missing'}"


def test_without_any_browser_the_tests_fail_in_one_line(place: Path) -> None:
    # Given a machine without a browser whose package manager fails
    program(place, "apt-get", "exit 100")

    finished = run_tests_without_browser(place)

    assert finished.returncode == 1
    assert finished.stderr.splitlines()[0] == (
        "run: no Chromium found, installing one for the browser tests"
    )
    assert finished.stderr.splitlines()[-1] == (
        "run: The browser tests need a Chromium, and none could be installed: "
        "install one and set CHROMIUM_PATH to its program."
    )
    assert finished.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_as_root_the_package_is_installed(place: Path) -> None:
    # Given a package manager that installs a browser when asked for it
    browser = place / "chromium"
    program(
        place,
        "apt-get",
        f'[ "$1" = install ] || exit 0\necho "$@" > {place}/asked\n'
        f'printf "#!/bin/sh\\n" > {browser}\n/bin/chmod 755 {browser}',
    )

    finished = run_tests_without_browser(place)

    assert finished.returncode == 0, finished.stderr
    assert (place / "asked").read_text() == "install -y -qq --no-install-recommends chromium\n"
    assert finished.stdout.startswith("pytest ")
