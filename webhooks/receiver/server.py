"""The receiver's HTTP server: keeps every POST, answers as told, shows what it has."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from webhooks.receiver.page import STATIC, page
from webhooks.receiver.records import Inbox, Record
from webhooks.receiver.verification import Verifier

BODY_BYTES = 5_000_000
LONGEST_DELAY_SECONDS = 60.0
STATIC_TYPES = {"style.css": "text/css", "page.js": "text/javascript"}
CONTENT_POLICY = "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"


class Receiver(ThreadingHTTPServer):
    """One receiver with its inbox."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], inbox: Inbox, jwks_url: str, secret: str) -> None:
        super().__init__(address, Handler)
        self.inbox = inbox
        self.jwks_url = jwks_url
        self._verifier = Verifier(jwks_url, secret)
        self._checks = ThreadPoolExecutor(1, thread_name_prefix="check")

    def check_later(self, record: Record) -> None:
        """Check the signature apart: the SDK's import takes seconds, and no sender may wait."""
        self._checks.submit(self._check, record)

    def server_close(self) -> None:
        super().server_close()
        self._checks.shutdown(wait=False, cancel_futures=True)

    def _check(self, record: Record) -> None:
        self.inbox.verified(record, self._verifier.check(record))


class Handler(BaseHTTPRequestHandler):
    """POST anywhere to deliver; GET / to look, GET /received for JSON, DELETE it to clear."""

    protocol_version = "HTTP/1.1"
    server_version = "webhook-receiver"
    sys_version = ""
    timeout = 30
    server: Receiver

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        wanted = parse_qs(urlsplit(self.path).query)
        time.sleep(min(_number(wanted, "delay") or 0.0, LONGEST_DELAY_SECONDS))
        status = _number(wanted, "status")
        record = self.server.inbox.add(
            path=self.path,
            headers=dict(self.headers.items()),
            body=body,
            status=int(status) if status else None,
        )
        self._answer(record.status, {"received": record.status < 300})
        self.server.check_later(record)

    def do_GET(self) -> None:
        inbox = self.server.inbox
        parts = urlsplit(self.path)
        if parts.path == "/":
            html = page(inbox.records(), inbox.version(), self.server.jwks_url)
            self._write(HTTPStatus.OK, "text/html; charset=utf-8", html.encode())
        elif parts.path == "/received":
            subject = parse_qs(parts.query).get("subject", [""])[0]
            found = [record.as_json() for record in inbox.records(subject)]
            self._answer(HTTPStatus.OK, {"received": found})
        elif parts.path == "/version":
            self._answer(HTTPStatus.OK, {"version": inbox.version()})
        elif parts.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        elif parts.path.removeprefix("/static/") in STATIC_TYPES:
            name = parts.path.removeprefix("/static/")
            self._write(HTTPStatus.OK, STATIC_TYPES[name], (STATIC / name).read_bytes())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "Webhooks are delivered by POST."})

    def do_DELETE(self) -> None:
        if self.path != "/received":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "Only /received can be cleared."})
            return
        self.server.inbox.clear()
        self._answer(HTTPStatus.OK, {"cleared": True})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay quiet: what came is on the page and in the log file."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self._answer(HTTPStatus.LENGTH_REQUIRED, {"error": "Content-Length is required."})
        elif int(length) > BODY_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "The body is too large."})
        else:
            return self.rfile.read(int(length))
        self.close_connection = True
        return None

    def _answer(self, status: int, content: dict[str, object]) -> None:
        self._write(status, "application/json", json.dumps(content).encode())

    def _write(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", CONTENT_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)


def _number(wanted: dict[str, list[str]], name: str) -> float | None:
    value = wanted.get(name, [""])[0]
    return float(value) if value.replace(".", "", 1).isdigit() else None
