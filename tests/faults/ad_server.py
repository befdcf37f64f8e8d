"""The simulated ad server of the fault suite: a process that is killed and started again."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.launcher.support import ROOT, free_port

START_SECONDS = 20
# Of every call that it answers.
LATENCY_SECONDS = 0.01
# So many of its answers are lost on their way, after the work was done.
LOST_ANSWERS = 0.03


class AdServerProcess:
    """One simulator on one port and one file, whatever happens to its process."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_urlsafe(24)
        self._database, self._log = folder / "ad-server.sqlite3", folder / "ad-server.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers; it finds what it has answered before."""
        command = [sys.executable, "-m", "mediabuys.adservers.simulated"]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port), "--database", str(self._database)],
                cwd=ROOT,
                env=os.environ | {"ADSERVER_TOKEN": self.token},
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                self.ask("GET", "/v1/health")
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
            else:
                self.trouble("*", kind="delay", seconds=LATENCY_SECONDS)
                self.trouble("*", kind="drop_answer", probability=LOST_ANSWERS)
                return
        raise AssertionError(f"It does not answer: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it at whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def trouble(self, path: str, **fault: Any) -> None:
        """Let calls of this path go wrong, until it is started again."""
        self.tell("faults", path=path, times=None, **fault)

    def tell(self, subject: str, **body: Any) -> None:
        """Change the world around it: `inventory`, `faults`, `clock` and so on."""
        self.ask("POST", f"/simulation/{subject}", body)

    def states(self) -> dict[str, str]:
        """Return the state of every order by its reference; two of one reference are refused."""
        orders = self.ask("GET", "/simulation/orders")["orders"]
        found = {order["reference"]: order["state"] for order in orders}
        assert len(found) == len(orders), "one reference has two orders"
        return found

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON that it answers with."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None
