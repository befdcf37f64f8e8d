"""A server that says whatever a test puts in its mouth."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DRIP_SECONDS = 0.05


@dataclass
class Liar:
    """It answers every call alike, after so many seconds, and remembers who asked what.

    `asked` has the method, path and authorization of each call.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    def says(self, answer: object, status: int = 200) -> None:
        """Answer with this JSON from now on."""
        self.status, self.body = status, json.dumps(answer).encode()


@contextmanager
def lying() -> Iterator[Liar]:
    """Serve a liar on loopback."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            liar.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            time.sleep(liar.seconds)
            self.send_response(liar.status)
            for name, value in liar.headers.items():
                self.send_header(name, value)
            self.end_headers()
            # Who has heard enough hangs up.
            with suppress(ConnectionError):
                self.wfile.write(liar.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 (the library's names)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield liar
        server.shutdown()
        thread.join()


@contextmanager
def never_done(*, drips: bool) -> Iterator[str]:
    """Accept one connection and answer nothing on it, or a byte now and then; yield the URL."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                letters = iter(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 1000 if drips else b"")
                while not over.wait(DRIP_SECONDS):
                    letter = next(letters, None)
                    if letter is not None:
                        try:
                            connection.send(bytes([letter]))
                        except OSError:
                            return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


def closed_port() -> str:
    """Return the URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
