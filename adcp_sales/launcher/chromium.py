"""Finds a Chromium for the browser tests, or installs one; they never skip silently."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from adcp_sales.launcher.errors import LauncherError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return CHROMIUM_PATH, else a browser on PATH, else Playwright's own, else None."""
    chosen = os.environ.get("CHROMIUM_PATH")
    if chosen:
        if os.access(chosen, os.X_OK):
            return chosen
        raise LauncherError(f"CHROMIUM_PATH names no program: {chosen}")
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return playwright_chromium()


def playwright_chromium() -> str | None:
    """Return the browser that Playwright downloaded for itself, if it did."""
    program = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    path = finished.stdout.strip()
    return path if path and Path(path).exists() else None


def install_chromium() -> None:
    """Install one: Debian's package as root, else Playwright's download."""
    print("run: no Chromium found, installing one for the browser tests", file=sys.stderr)
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        attempts.insert(
            0, ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        )
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in attempts:
        finished = subprocess.run(
            command,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        if finished.returncode == 0 and find_chromium():
            return


def require_chromium() -> str:
    """Return a Chromium's path, installing one where there is none.

    Raises LauncherError when that fails too.
    """
    found = find_chromium()
    if found is None:
        install_chromium()
        found = find_chromium()
    if found is None:
        raise LauncherError(
            "The browser tests need a Chromium, and none could be installed: "
            "install one and set CHROMIUM_PATH to its program."
        )
    return found
