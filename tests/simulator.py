"""The simulated ad server as tests have it: its real process, and a hand on its world."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from adcp_sales.launcher.privileges import ORDINARY
from adcp_sales.launcher.processes import leash

TOKEN = "simulator-token-of-the-tests"
PATIENCE_SECONDS = 30
# Every weekday alike and no chance: what a test says of capacity is what there is.
FLAT: dict[str, Any] = {"weekdays": [1.0] * 7, "noise": 0}


@dataclass(frozen=True)
class Answered:
    """What the simulator answered; `body` is None where that is not JSON."""

    status: int
    body: Any
    headers: dict[str, str]
    content: bytes


@dataclass
class Simulator:
    """A running simulator; the methods are the calls of its API that tests make themselves."""

    port: int
    token: str = TOKEN

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """Send one request and return the answer, whatever it is."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        wire_headers = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        try:
            connection.request(method, path, body=content, headers=wire_headers)
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        try:
            body = json.loads(found) if found else None
        except ValueError:
            body = None
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(answer.status, body, named, found)

    def ask(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        """Send JSON and return the JSON of an answer that must be a good one."""
        content = None if body is None else json.dumps(body).encode()
        query_string = f"?{urlencode(query, doseq=True)}" if query else ""
        answer = self.send(method, path + query_string, content)
        assert answer.status < 300, (method, path, answer.status, answer.content)
        return answer.body

    def reset(self) -> None:
        """Forget everything: its machine's time, creatives reviewed at once, no faults."""
        self.ask("POST", "/simulation/reset")

    def now(self) -> datetime:
        """Return what its clock says."""
        return datetime.fromisoformat(self.ask("GET", "/simulation/clock")["now"])

    def set_clock(self, now: datetime) -> None:
        """Set its clock, forward or back."""
        self.ask("POST", "/simulation/clock", {"now": now.astimezone(UTC).isoformat()})

    def let_pass(self, elapsed: timedelta) -> None:
        """Let time pass at once."""
        seconds = elapsed.total_seconds()
        self.ask("POST", "/simulation/clock", {"advance_seconds": seconds})

    def stock(self, product_id: str, daily: int, **values: Any) -> None:
        """Give a product exactly so many impressions on every day, unless the values say more."""
        described = {**FLAT, "daily": daily, **values}
        self.ask("POST", "/simulation/inventory", {"products": {product_id: described}})

    def contend(
        self, product_id: str, impressions_per_day: int, *, first: date, last: date
    ) -> None:
        """Have others book so much of a product."""
        body = {"product_id": product_id, "first": f"{first}", "last": f"{last}", "country": ""}
        self.ask(
            "POST", "/simulation/contention", body | {"impressions_per_day": impressions_per_day}
        )

    def under_deliver(self, product_id: str, share: float) -> None:
        """Let a product's lines reach only this share of their goals."""
        self.ask("POST", "/simulation/delivery", {"under_delivery": {product_id: share}})

    def fail(self, method: str, path: str, kind: str, **values: Any) -> None:
        """Let calls go wrong; once, unless `times` says more."""
        body = {"method": method, "path": path, "kind": kind, **values}
        self.ask("POST", "/simulation/faults", body)

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.ask("DELETE", "/simulation/faults")

    def robot(self, policy: str, *, delay_seconds: float = 0) -> None:
        """Say what the review robot does: approve, reject or hold."""
        body = {"policy": policy, "delay_seconds": delay_seconds}
        self.ask("POST", "/simulation/creatives", body)

    def decide(self, reference: str, review: str, reason: str = "") -> None:
        """Decide about a creative as a person there would."""
        path = f"/simulation/creatives/{quote(reference, safe='')}"
        self.ask("POST", path, {"review": review, "reason": reason})

    def report(self, *rows: dict[str, Any]) -> None:
        """Put rows into its delivery report, whatever they say."""
        self.ask("POST", "/simulation/rows", {"rows": list(rows)})

    def orders(self) -> dict[str, Any]:
        """Return every order by its reference."""
        return {
            order["reference"]: order for order in self.ask("GET", "/simulation/orders")["orders"]
        }

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the calls of the API so far, without those to /simulation."""
        return list(self.ask("GET", "/simulation/calls", after=after)["calls"])


@contextmanager
def running(
    database: Path, *flags: str, token: str = TOKEN
) -> Iterator[tuple[Simulator, subprocess.Popen[str]]]:
    """Run a simulator on a free port; it is killed at the end, and where we die."""
    command = [sys.executable, "-m", "mediabuys.adservers.simulated", "--port", "0"]
    with database.with_suffix(".log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--database", str(database), "--review-delay", "0", *flags],
            cwd=settings.BASE_DIR,
            env=os.environ | {"ADSERVER_TOKEN": token},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Safe: tests start it from their main thread.
            preexec_fn=leash(os.getpid(), signal.SIGKILL, ORDINARY),  # noqa: PLW1509
        )
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        assert announced, database.with_suffix(".log").read_text()
        yield Simulator(int(announced.rstrip("/\n").rpartition(":")[2]), token), process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
