"""The one door to the network: every outgoing HTTP request of the product passes here.

A name is resolved once, every address is checked, and the connection goes to a checked address:
what a resolver says a moment later cannot change where it goes. Redirects and proxy variables
are not followed, and time and bytes are bounded. TLS still checks the name.
"""

import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as SlowError,
)

from webhooks.addresses import Address, Policy, Target, parse
from webhooks.conf import Limits
from webhooks.errors import DestinationRefused, EgressRefused, TransportFailed, TransportTimedOut

USER_AGENT = "adcp-sales-agent/1"
POOLED_HOSTS = 200
KEPT_CONNECTIONS_PER_HOST = 32
ADDRESSES_TRIED = 3
_CHUNK_BYTES = 16_384
_current = threading.local()


@dataclass(frozen=True)
class Response:
    """A complete answer: header names are lower-case, the body is cut at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    policy: Policy,
    limits: Limits,
) -> Response:
    """Send one request to a checked address and return the answer, whatever its status.

    Raises EgressRefused before any socket opens when the policy forbids it, TransportTimedOut or
    TransportFailed with a short classification when there is no answer.
    """
    started = time.monotonic()
    try:
        target = parse(url)
    except DestinationRefused as error:
        raise EgressRefused("not a usable URL") from error
    addresses = resolve(target)
    policy.check_addresses(target, addresses)
    wire_headers = {"Host": target.authority, "User-Agent": USER_AGENT}
    wire_headers |= {"Accept-Encoding": "identity", **headers}
    for last, address in _marked_last(addresses[:ADDRESSES_TRIED]):
        remaining = limits.total_seconds - (time.monotonic() - started)
        if remaining <= 0:
            break
        try:
            return _exchange(method, target, address, wire_headers, body, limits, remaining)
        except _NotConnectedError as error:
            # Nothing was sent, so another address of the same name may be tried.
            if last:
                raise error.failure from error
    raise TransportTimedOut("timed out")


def resolve(target: Target) -> list[Address]:
    """Return every address of the target's host; raises TransportFailed when it has none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportFailed("the name does not resolve") from error
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    return [ipaddress.ip_address(text) for text in texts]


@cache
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context: the machine's authorities and certifi's; making it is slow."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _exchange(
    method: str,
    target: Target,
    address: Address,
    headers: Mapping[str, str],
    body: bytes | None,
    limits: Limits,
    remaining: float,
) -> Response:
    pool = _pool(target, address)
    timeout = urllib3.Timeout(
        connect=min(limits.connect_seconds, remaining), read=min(limits.read_seconds, remaining)
    )
    with _deadline(remaining) as flight:
        try:
            answer = pool.urlopen(
                method,
                target.path,
                body=body,
                headers=dict(headers),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return Response(
                answer.status,
                {name.lower(): value for name, value in answer.headers.items()},
                _read(answer, limits.response_bytes),
            )
        except (HTTPError, OSError, ValueError) as error:
            raise _classified(error, timed_out=flight.timed_out) from error


def _read(answer: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Return at most `limit` bytes of the body; an answer with more loses its connection.

    Failure policy: the status has arrived, so a body that breaks off is an answer all the same.
    """
    parts, size = [], 0
    try:
        while size < limit and (part := answer.read(min(_CHUNK_BYTES, limit - size))):
            parts.append(part)
            size += len(part)
    except (HTTPError, OSError):
        answer.close()
    if size >= limit:
        answer.close()
    answer.release_conn()
    return b"".join(parts)


class _NotConnectedError(Exception):
    def __init__(self, failure: TransportFailed) -> None:
        super().__init__(failure.classification)
        self.failure = failure


def _classified(error: Exception, *, timed_out: bool) -> Exception:
    """Return our own error for the library's: a classification, never the peer's words."""
    if isinstance(error, NewConnectionError):
        return _NotConnectedError(TransportFailed("the connection was refused"))
    if isinstance(error, ConnectTimeoutError):
        return _NotConnectedError(TransportTimedOut("timed out while connecting"))
    if timed_out or isinstance(error, (SlowError, TimeoutError)):
        return TransportTimedOut("timed out")
    if isinstance(error, (SSLError, ssl.SSLError)):
        return TransportFailed("TLS failed")
    return TransportFailed("the connection broke")


class _Flight:
    """One exchange under a deadline: who holds the connection, and whether time is over."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None
        self.timed_out = False
        self._landed = False
        self._lock = threading.Lock()

    def land(self) -> None:
        """End the exchange: from now on the connection may be another request's."""
        with self._lock:
            self._landed = True

    def cut(self) -> None:
        with self._lock:
            if self._landed:
                return
            self.timed_out = True
            opened = getattr(self.connection, "sock", None)
            if opened is not None:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)


@contextmanager
def _deadline(seconds: float) -> Iterator[_Flight]:
    """Cut this thread's connection when the time is over, however slowly the peer drips."""
    flight = _current.flight = _Flight()
    timer = threading.Timer(seconds, flight.cut)
    timer.daemon = True
    timer.start()
    try:
        yield flight
    finally:
        timer.cancel()
        flight.land()


class _PlainConnection(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _current.flight.connection = self
        super().request(*args, **kwargs)


class _TLSConnection(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _current.flight.connection = self
        super().request(*args, **kwargs)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _pool(target: Target, address: Address) -> HTTPConnectionPool:
    """Return the kept connections to that name at that address; never those of another name."""
    # OpenSSL itself compares the certificate with this name, not with the address.
    names = {"server_hostname": target.host}
    return _manager(os.getpid()).connection_from_host(
        str(address),
        port=target.port,
        scheme=target.scheme,
        pool_kwargs=names if target.scheme == "https" else None,
    )


@cache
def _manager(_process_id: int) -> urllib3.PoolManager:
    """Return this process's pools: connections must not be shared across a fork."""
    manager = urllib3.PoolManager(
        num_pools=POOLED_HOSTS,
        maxsize=KEPT_CONNECTIONS_PER_HOST,
        retries=False,
        ssl_context=tls_context(),
    )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}
    return manager


def _marked_last(addresses: list[Address]) -> Iterator[tuple[bool, Address]]:
    for position, address in enumerate(addresses, start=1):
        yield position == len(addresses), address
