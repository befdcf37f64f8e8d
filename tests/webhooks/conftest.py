"""People of these tests: receivers that really listen, and a buyer's destination."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import transaction

from tests import wakeups
from webhooks import services, signing
from webhooks.models import Delivery, Destination


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Sink:
    """An endpoint on loopback that remembers what it got and answers as it is told."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    hang: threading.Event | None = None
    open_now: int = 0
    most_open: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        with self.lock:
            return self.answers.pop(0) if self.answers else (200, {}, b"ok")

    def enter(self) -> None:
        with self.lock:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)

    def leave(self) -> None:
        with self.lock:
            self.open_now -= 1


def serve(sink: Sink) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sink.enter()
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            sink.received.append(Received(self.path, headers, body))
            if sink.hang is not None:
                sink.hang.wait(30)
            status, extra, content = sink.answer()
            sink.leave()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink.url = f"http://127.0.0.1:{server.server_port}/hooks/buyer"
    return server


@pytest.fixture
def make_sink() -> Iterator[Callable[[], Sink]]:
    # As a worker's first sweep does: the SDK's import takes seconds, and tests measure time.
    signing.warm_up()
    servers = []

    def make() -> Sink:
        sink = Sink()
        servers.append(serve(sink))
        return sink

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def sink(make_sink: Callable[[], Sink]) -> Sink:
    return make_sink()


@pytest.fixture(autouse=True)
def _no_wakeups_left() -> None:
    wakeups.sent.clear()


@pytest.fixture
def enqueue() -> Callable[..., Delivery]:
    """Write one message to the outbox in a transaction of its own."""
    count = iter(range(1, 10_000))

    def write(destination: Destination, **changes: object) -> Delivery:
        number = next(count)
        key = services.new_idempotency_key()
        arguments = {
            "owner_key": "buyer",
            "subject_key": "task_1",
            "destination_id": destination.pk,
            "kind": "task",
            "sequence": number,
            "body": {"idempotency_key": key, "status": "completed", "number": number},
            "idempotency_key": key,
        } | changes
        with transaction.atomic():
            return services.delivery_enqueue(**arguments)  # type: ignore[arg-type]

    return write


@pytest.fixture
def destination_for() -> Callable[..., Destination]:
    def upsert(url: str, **changes: str) -> Destination:
        arguments = {"owner_key": "buyer", "kind": "signed_http", "url": url} | changes
        return services.destination_upsert(**arguments)

    return upsert
