"""The demo receiver as a process: what it keeps, what it says of signatures, how it answers."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from webhooks import addresses, signing, transport
from webhooks.conf import Limits

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parent.parent.parent
BODY = b'{"idempotency_key":"whk_1","task_type":"create_media_buy","status":"completed"}'


@dataclass
class Running:
    url: str
    log: Path

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def received(self, query: str = "") -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = json.loads(self.get("/received" + query))["received"]
        return records

    def checked(self) -> list[dict[str, Any]]:
        """Return what was received once every signature is checked."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            records = self.received()
            if all(record["verification"]["state"] != "checking" for record in records):
                return records
            time.sleep(0.1)
        raise AssertionError("a signature was never checked")

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        return transport.request(
            method="POST",
            url=self.url + path,
            headers=headers or {"Content-Type": "application/json"},
            body=body,
            policy=addresses.counterparty(allow_private=True),
            limits=Limits(),
        ).status

    def post_signed(self, path: str, body: bytes, *, sent: bytes | None = None) -> int:
        proof = signing.proof_headers(
            url=self.url + path,
            body=body,
            content_type="application/json",
            scheme="none",
            credentials="",
        )
        return self.post(path, sent or body, {"Content-Type": "application/json", **proof})


@pytest.fixture
def jwks_url() -> Iterator[str]:
    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(signing.public_jwks()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
    server.shutdown()
    server.server_close()


@pytest.fixture
def receiver(jwks_url: str, tmp_path: Path) -> Iterator[Running]:
    log = tmp_path / "received.jsonl"
    command = [sys.executable, "-m", "webhooks.receiver", "--port", "0", "--jwks-url", jwks_url]
    command += ["--hmac-secret", "s" * 32, "--log", str(log), "--status-script", "503,200,200"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    yield Running(line.split()[-1].rstrip("/"), log)
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


def test_each_message_is_kept_checked_shown_and_logged(receiver: Running) -> None:
    # Given a signed message that is answered 503 and sent again
    assert receiver.post_signed("/hooks/acme", BODY) == 503
    assert receiver.post_signed("/hooks/acme", BODY) == 200
    # And one that was changed on its way, one with HMAC, and one without any proof
    other = b'{"task_id":"task_2","message":"<b>bold</b>"}'
    assert receiver.post_signed("/hooks/acme", other, sent=other + b" ") == 200
    hmac = signing.hmac_headers(secret="s" * 32, body=BODY, timestamp=int(time.time()))
    assert receiver.post("/hooks/legacy", BODY, hmac) == 200
    assert receiver.post("/anywhere?status=418", b"not json") == 418
    # Then each is kept, newest first, with the verdict on its sender
    records = receiver.checked()
    seen = [(r["path"], r["status"], r["verification"]["state"], r["repeat"]) for r in records]
    assert seen == [
        ("/anywhere?status=418", 418, "unsigned", 0),
        ("/hooks/legacy", 200, "verified", 2),
        ("/hooks/acme", 200, "refused", 0),
        ("/hooks/acme", 200, "verified", 1),
        ("/hooks/acme", 503, "verified", 0),
    ]
    refused = records[2]["verification"]["detail"]
    assert refused.startswith("webhook_signature_digest_mismatch")
    assert signing.key_id() in records[4]["verification"]["detail"]
    # And shown, escaped, and found by subject
    page = receiver.get("/")
    assert page.count("Signature verified") == 3
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page
    assert [record["number"] for record in receiver.received("?subject=task_2")] == [3]
    # And the log has the exact bytes
    lines = [json.loads(line) for line in receiver.log.read_text().splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5]


def test_the_same_signature_twice_is_refused(receiver: Running) -> None:
    proof = signing.proof_headers(
        url=receiver.url + "/h", body=BODY, content_type="application/json", scheme="none",
        credentials="",
    )  # fmt: skip
    for _ in range(2):
        receiver.post("/h", BODY, {"Content-Type": "application/json", **proof})
    second, first = receiver.checked()
    assert first["verification"]["state"] == "verified"
    assert second["verification"]["detail"].startswith("webhook_signature_replayed")


def test_it_can_be_cleared_and_says_that_it_lives(receiver: Running) -> None:
    receiver.post("/h?status=200", b"{}")
    assert json.loads(receiver.get("/healthz")) == {"status": "ok"}
    request = urllib.request.Request(receiver.url + "/received", method="DELETE")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    assert receiver.received() == []
    assert "Nothing has arrived yet" in receiver.get("/")
