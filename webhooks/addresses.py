"""Which addresses a message may be sent to: rules on text and on resolved addresses, no sockets."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from webhooks.errors import DestinationRefused, EgressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

# Special ranges that `is_global` lets through on at least one supported Python.
EXTRA_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
# What ALLOW_PRIVATE_DESTINATIONS admits, and all that it admits: never metadata or link-local.
PRIVATE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)


@dataclass(frozen=True)
class Target:
    """A URL taken apart, in the one spelling that is signed, resolved and sent."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.origin + self.path


@dataclass(frozen=True)
class Policy:
    """Who may be reached: counterparties at public addresses, the operator at one origin."""

    allow_private: bool = False
    exact_origin: str = ""

    def check_addresses(self, target: Target, addresses: Sequence[Address]) -> None:
        """Raise EgressRefused unless every one of the name's addresses may be reached.

        An answer that mixes public and private addresses is hostile, so one is enough to refuse.
        """
        if self.exact_origin:
            if target.origin != self.exact_origin:
                raise EgressRefused("not the configured origin")
            return
        for address in addresses:
            private = is_private(address)
            if not (is_public(address) or (self.allow_private and private)):
                raise EgressRefused("not a public address")
            if target.scheme != "https" and not private:
                raise EgressRefused("not HTTPS")


def counterparty(*, allow_private: bool) -> Policy:
    """Return the policy for a URL that a counterparty gave us."""
    return Policy(allow_private=allow_private)


def operator(origin: str) -> Policy:
    """Return the policy for a server that the operator configured: that exact origin, anywhere."""
    return Policy(exact_origin=parse(origin).origin)


def is_public(address: Address) -> bool:
    """Return whether the address is one that the whole internet can reach."""
    plain = _unmapped(address)
    return (
        plain.is_global
        and not plain.is_multicast
        and not plain.is_reserved
        and plain not in METADATA
        and not getattr(plain, "scope_id", None)
        and not _within(plain, EXTRA_REFUSED)
    )


def is_private(address: Address) -> bool:
    """Return whether the address belongs to this machine or to a private network."""
    plain = _unmapped(address)
    return plain not in METADATA and _within(plain, PRIVATE)


def parse(url: str) -> Target:
    """Return the URL in its one spelling.

    Raises DestinationRefused for anything but a plain http or https URL with a host.
    """
    if len(url) > URL_LENGTH or any(ord(char) <= 0x20 or char in "\\\x7f" for char in url):
        raise DestinationRefused("The URL is too long or holds characters that a URL may not.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DestinationRefused("The URL cannot be read.") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise DestinationRefused("The URL must start with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise DestinationRefused("The URL must not hold a user name or password.")
    if port == 0:
        raise DestinationRefused("The URL's port cannot be used.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, _ascii_host(parts.hostname), port or DEFAULT_PORTS[scheme], path)


def check_registrable(url: str, *, allow_private: bool) -> Target:
    """Return the URL in its one spelling if it may be registered; the network is not asked.

    A name that does not resolve is accepted: that is a failed delivery later, not a bad URL.
    Raises DestinationRefused.
    """
    target = parse(url)
    if target.scheme != "https" and not allow_private:
        raise DestinationRefused("The URL must start with https://.")
    address = literal(target.host)
    local = target.host == "localhost" or target.host.endswith(".localhost")
    if (local and not allow_private) or (address is not None and not is_public(address)):
        if allow_private and (local or (address is not None and is_private(address))):
            return target
        raise DestinationRefused("The URL must name a host on the public internet.")
    return target


def literal(host: str) -> Address | None:
    """Return the address that the host is, in any spelling that a resolver would take for one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # Also decimal, octal, hexadecimal and shortened forms: 2130706433, 0x7f.1, 127.1.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _ascii_host(host: str) -> str:
    if ":" in host:
        return _ipv6_host(host)
    try:
        plain = host.rstrip(".") if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise DestinationRefused("The URL's host is not a valid name.") from error
    plain = plain.rstrip(".").lower()
    if not plain or any(not label or len(label) > 63 for label in plain.split(".")):
        raise DestinationRefused("The URL's host is not a valid name.")
    return plain


def _ipv6_host(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise DestinationRefused("The URL's host is not a valid address.") from error
    if address.scope_id:
        raise DestinationRefused("The URL's host must not name a network zone.")
    return str(address)


def _unmapped(address: Address) -> Address:
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
