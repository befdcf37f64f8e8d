"""The one door to the network, against real sockets."""

import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.webhooks.conftest import Sink
from webhooks import addresses, transport
from webhooks.conf import Limits
from webhooks.errors import EgressRefused, TransportFailed, TransportTimedOut

PRIVATE_ALLOWED = addresses.counterparty(allow_private=True)
STRICT = addresses.counterparty(allow_private=False)


def post(
    url: str, *, policy: addresses.Policy = PRIVATE_ALLOWED, limits: Limits | None = None
) -> transport.Response:
    return transport.request(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json"},
        body=b"{}",
        policy=policy,
        limits=limits or Limits(connect_seconds=1, read_seconds=1, total_seconds=2),
    )


def read_request(peer: socket.socket) -> None:
    """Read all of it: closing a socket with unread bytes would take back what was written."""
    request = peer.recv(65536)
    while request.startswith(b"POST") and not request.endswith(b"{}"):
        request += peer.recv(65536)


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server that speaks exactly what a test makes it speak."""
    listeners = []

    def start(speak: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(peer,), daemon=True).start()

        def talk(peer: socket.socket) -> None:
            try:
                with peer:
                    read_request(peer)
                    speak(peer)
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for listener in listeners:
        listener.close()


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answer each look-up with the next of `answers`; the real resolver is the last resort."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: object, **options: int) -> list[tuple]:
        if not host.endswith(".example"):
            return real(host, port, **options)
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [entry for text in found for entry in real(text, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_private_address_is_refused_before_any_socket_opens(sink: Sink) -> None:
    with pytest.raises(EgressRefused):
        post(sink.url, policy=STRICT)
    assert sink.received == []


def test_a_name_that_resolves_to_loopback_is_refused(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, ["127.0.0.1"])
    port = sink.url.split(":")[2].split("/")[0]
    with pytest.raises(EgressRefused, match="not a public address"):
        post(f"https://buyer.example:{port}/", policy=STRICT)
    assert sink.received == []


def test_a_name_is_resolved_once_and_the_connection_goes_there(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a resolver that would lead elsewhere the second time
    asked = resolving_to(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    port = sink.url.split(":")[2].split("/")[0]
    # When a request is made
    assert post(f"http://buyer.example:{port}/hook").status == 200
    # Then the checked answer was the only one asked for, and the name is in the request
    assert asked == ["buyer.example"]
    assert sink.received[0].headers["host"] == f"buyer.example:{port}"


def test_a_kept_connection_does_not_outlive_a_changed_answer(
    make_sink: Callable[[], Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = make_sink()
    resolving_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    port = sink.url.split(":")[2].split("/")[0]
    assert post(f"http://buyer.example:{port}/").status == 200
    with pytest.raises(EgressRefused):
        post(f"http://buyer.example:{port}/")
    assert len(sink.received) == 1


def test_another_address_is_tried_when_the_first_does_not_connect(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    port = sink.url.split(":")[2].split("/")[0]
    assert post(f"http://buyer.example:{port}/").status == 200
    assert len(sink.received) == 1


def test_a_redirect_is_an_answer_and_is_not_followed(
    make_sink: Callable[[], Sink],
) -> None:
    trap, sink = make_sink(), make_sink()
    sink.answers = [(307, {"Location": trap.url}, b"")]
    assert post(sink.url).status == 307
    assert trap.received == []


def test_proxy_variables_are_ignored(
    make_sink: Callable[[], Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, sink = make_sink(), make_sink()
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    assert post(sink.url).status == 200
    assert (len(proxy.received), len(sink.received)) == (0, 1)


def test_an_endless_body_is_cut(sink: Sink) -> None:
    sink.answers = [(200, {}, b"x" * 10_000_000)]
    response = post(sink.url, limits=Limits(response_bytes=4096))
    assert (response.status, len(response.body)) == (200, 4096)
    assert post(sink.url).body == b"ok"


def test_a_packed_body_is_not_unpacked(sink: Sink) -> None:
    bomb = gzip.compress(b"\0" * 3_000_000)
    sink.answers = [(200, {"Content-Encoding": "gzip"}, bomb)]
    assert post(sink.url).body == bomb
    assert sink.received[0].headers["accept-encoding"] == "identity"


def test_a_silent_server_times_out(raw_server: Callable[..., str]) -> None:
    url = raw_server(lambda _peer: time.sleep(5))
    started = time.monotonic()
    with pytest.raises(TransportTimedOut, match="timed out"):
        post(url)
    assert time.monotonic() - started < 2


def drip_status(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 ")
    for _ in range(100):
        peer.sendall(b" ")
        time.sleep(0.2)


def drip_header(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        peer.sendall(b"a")
        time.sleep(0.2)


def drip_body(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        peer.sendall(b"a")
        time.sleep(0.2)


def test_a_dripping_answer_ends_at_the_deadline(raw_server: Callable[..., str]) -> None:
    started = time.monotonic()
    with pytest.raises(TransportTimedOut, match="timed out"):
        post(raw_server(drip_status))
    assert 1.9 < time.monotonic() - started < 3


@pytest.mark.parametrize("drip", [drip_header, drip_body])
def test_a_status_counts_even_if_the_rest_drips_past_the_deadline(
    raw_server: Callable[..., str], drip: Callable[[socket.socket], None]
) -> None:
    started = time.monotonic()
    assert post(raw_server(drip)).status == 200
    assert 1.9 < time.monotonic() - started < 3


def test_garbage_is_a_broken_connection(raw_server: Callable[..., str]) -> None:
    with pytest.raises(TransportFailed, match="the connection broke"):
        post(raw_server(lambda peer: peer.sendall(b"SSH-2.0-OpenSSH\r\n")))


def test_garbage_in_place_of_tls_is_a_tls_failure(raw_server: Callable[..., str]) -> None:
    url = raw_server(lambda peer: peer.sendall(b"not tls at all\r\n"))
    with pytest.raises(TransportFailed, match="TLS failed"):
        post(url.replace("http://", "https://"))


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TransportFailed, match="the name does not resolve"):
        post("https://buyer.example/hook", policy=STRICT)


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def tls_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A TLS server named buyer.example on loopback, whose authority this process trusts."""
    pem = certificate(tmp_path, "buyer.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(peer, server_side=True) as secure:
                    read_request(secure)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    transport.tls_context.cache_clear()
    transport._manager.cache_clear()
    yield listener.getsockname()[1]
    listener.close()
    transport.tls_context.cache_clear()
    transport._manager.cache_clear()


def test_tls_checks_the_name_although_the_connection_goes_to_an_address(
    tls_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, ["127.0.0.1"])
    assert post(f"https://buyer.example:{tls_port}/hook").status == 204
    with pytest.raises(TransportFailed, match="TLS failed"):
        post(f"https://other.example:{tls_port}/hook")


def test_an_unknown_authority_is_a_tls_failure(
    tls_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    transport.tls_context.cache_clear()
    transport._manager.cache_clear()
    resolving_to(monkeypatch, ["127.0.0.1"])
    with pytest.raises(TransportFailed, match="TLS failed"):
        post(f"https://buyer.example:{tls_port}/hook")


def test_resolved_addresses_are_parsed_with_their_zone() -> None:
    target = addresses.parse("http://127.0.0.1/")
    assert transport.resolve(target) == [ipaddress.ip_address("127.0.0.1")]
