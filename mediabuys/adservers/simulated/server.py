"""The HTTP server: reads calls, lets faults happen, answers JSON, and shows one page."""

import hmac
import json
import logging
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs

from mediabuys.adservers.simulated import api, page, world
from mediabuys.adservers.simulated.calling import Answer, Call, find
from mediabuys.adservers.simulated.faults import Fault
from mediabuys.adservers.simulated.moments import spell
from mediabuys.adservers.simulated.problems import (
    Problem,
    Refused,
    TooLarge,
    Unauthorized,
)
from mediabuys.adservers.simulated.simulator import Simulator

ROUTES = api.ROUTES + world.ROUTES
BODY_LIMIT = 8 * 1024 * 1024
# A body somewhat over the limit is read and thrown away, so that its sender can read the answer.
DISCARDED_LIMIT = 4 * BODY_LIMIT
CHUNK = 64 * 1024
IDLE_SECONDS = 300
QUERY_FIELDS = 1_000
RUBBISH = b'{"reference": [[["\x00\xff<html>not an answer'
# Codes of the faults that answer with a status.
CODES = {401: "unauthorized", 404: "not_found", 409: "declined", 422: "refused"}
FOREIGN = "somebody-elses-order"

logger = logging.getLogger("simulated")


class Server(ThreadingHTTPServer):
    """Listens on this machine only; every connection has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, simulator: Simulator, token: str) -> None:
        self.simulator = simulator
        self.token = token.encode()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind without asking a resolver for our own name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let callers go who went away in the middle of a call."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection, with one call after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "SimulatedAdServer/1", ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer, or show the page."""
        if self.path.partition("?")[0] == "/":
            self._send(200, page.render(self.server.simulator).encode(), "text/html; charset=utf-8")
        else:
            self._take()

    def do_POST(self) -> None:
        """Answer."""
        self._take()

    def do_PUT(self) -> None:
        """Answer."""
        self._take()

    def do_DELETE(self) -> None:
        """Answer."""
        self._take()

    def _take(self) -> None:
        started, path = time.monotonic(), self.path.partition("?")[0]
        fault: Fault | None = None
        try:
            content = self._content()
            self._check_token()
            fault = self._befallen(path)
            answer = self._refused_by(fault) or self._work(path, content)
        except Problem as problem:
            answer = _spelled(problem)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            logger.exception("A call failed")
            answer = _spelled(Problem("The simulated ad server has failed."))
        is_lost = fault is not None and fault.kind in ("hang", "drop_answer")
        # A call that hangs is noted when it begins to.
        if not path.startswith("/simulation/"):
            self.server.simulator.calls.note(
                at=spell(self.server.simulator.clock.now()),
                method=self.command,
                path=path,
                status=0 if is_lost else answer.status,
                fault=fault.kind if fault else "",
                seconds=round(time.monotonic() - started, 4),
            )
        if not is_lost:
            self._answer(answer, fault)
            return
        self.close_connection = True
        if fault is not None and fault.kind == "hang":
            self.server.simulator.faults.wait(fault.seconds)

    def _check_token(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        sent = token.strip().encode(errors="replace")
        if scheme.lower() != "bearer" or not hmac.compare_digest(sent, self.server.token):
            raise Unauthorized("The token is missing or another.")

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            raise Refused("The body needs a Content-Length.")
        if len(length) > len(str(DISCARDED_LIMIT)) or int(length) > DISCARDED_LIMIT:
            self.close_connection = True
            raise TooLarge(f"The body is larger than {BODY_LIMIT:,} bytes.")
        if int(length) > BODY_LIMIT:
            left = int(length)
            while left > 0 and (read := self.rfile.read(min(CHUNK, left))):
                left -= len(read)
            self.close_connection = True
            raise TooLarge(f"The body is larger than {BODY_LIMIT:,} bytes.")
        return self.rfile.read(int(length))

    def _befallen(self, path: str) -> Fault | None:
        """Let the call's delays pass, and return what else happens to it."""
        if not path.startswith("/v1/"):
            return None
        faults = self.server.simulator.faults
        found = faults.befalling(self.command, path)
        for fault in found:
            if fault.kind == "delay":
                faults.wait(fault.seconds)
        return next((fault for fault in found if fault.kind != "delay"), None)

    def _refused_by(self, fault: Fault | None) -> Answer | None:
        """Return the answer of a fault before which nothing is done."""
        if fault is None or fault.kind not in ("error", "hang"):
            return None
        code = CODES.get(fault.status, "unavailable")
        return Answer(fault.status, _error(code, "The simulated ad server was told to fail."))

    def _work(self, path: str, content: bytes) -> Answer:
        handler, names = find(ROUTES, self.command, path)
        try:
            query = parse_qs(
                self.path.partition("?")[2], keep_blank_values=True, errors="strict",
                max_num_fields=QUERY_FIELDS,
            )  # fmt: skip
        except ValueError as error:
            raise Refused("The query is not readable.") from error
        return handler(self.server.simulator, Call(names, query, content))

    def _answer(self, answer: Answer, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "garbage":
            self._send(200, RUBBISH)
        elif answer.body is None:
            self._send(answer.status, b"")
        else:
            self._send(answer.status, json.dumps(_distorted(answer.body, kind)).encode())

    def _send(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("X-Simulated", "1")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if kind.startswith("text/html"):
            self.send_header("Content-Security-Policy", page.POLICY)
        if status != NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no HTTP, or no method of ours, as everything else is answered."""
        # What is no HTTP at all is answered with a whole answer too.
        self.request_version, self.close_connection = self.protocol_version, True
        body = _error("refused", message or explain or "The request was not understood.")
        self._send(code, json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent: the log of calls has it."""


NO_CONTENT = 204


def _spelled(problem: Problem) -> Answer:
    return Answer(problem.status, _error(problem.code, problem.message))


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _distorted(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return an answer as a fault makes it wrong."""
    if kind == "duplicate_rows" and "rows" in body:
        return {**body, "rows": [row for row in body["rows"] for _ in range(2)]}
    if kind == "foreign_reference" and "rows" in body:
        foreign = [{**row, "order_reference": FOREIGN} for row in body["rows"][:1]]
        return {**body, "rows": body["rows"] + foreign}
    if kind == "foreign_reference" and "reference" in body:
        return {**body, "reference": FOREIGN}
    return body
