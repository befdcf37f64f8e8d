"""Where a counterparty's URL may lead: every range and every spelling that must be refused."""

import ipaddress

import pytest

from webhooks.addresses import (
    Policy,
    check_registrable,
    counterparty,
    is_private,
    is_public,
    operator,
    parse,
)
from webhooks.errors import DestinationRefused, EgressRefused


def words(text: str) -> list[str]:
    return text.split()


NOT_PUBLIC = words("""
10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 100.64.0.1
100.127.255.254 100.100.100.200 127.0.0.1 127.255.255.254 169.254.0.1 169.254.169.254 0.0.0.0
0.1.2.3 192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:169.254.169.254 ::ffff:100.64.0.1 fe80::1 fe80::1%1 febf::1 fec0::1 fc00::1 fd12::1
fd00:ec2::254 ff00::1 ff02::1 64:ff9b::8.8.8.8 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1::
2002:808:808:: 2001::1 2001:1ff:: 2001:db8::1 3fff::1 5f00::1 100::1
""")
PUBLIC = words("8.8.8.8 1.1.1.1 93.184.215.14 ::ffff:8.8.8.8 2606:4700::1111 2a00:1450::1")
STILL_REFUSED = words("169.254.169.254 fd00:ec2::254 100.100.100.200 0.0.0.0 224.0.0.1 ::2")


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_no_special_address_is_public(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    with pytest.raises(EgressRefused):
        counterparty(allow_private=False).check_addresses(parse("https://a.example/"), [address])


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_public(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert is_public(address)
    counterparty(allow_private=False).check_addresses(parse("https://a.example/"), [address])


@pytest.mark.parametrize("text", STILL_REFUSED)
def test_metadata_and_special_addresses_are_refused_even_where_private_ones_are_not(
    text: str,
) -> None:
    address = ipaddress.ip_address(text)
    assert not is_private(address)
    with pytest.raises(EgressRefused):
        counterparty(allow_private=True).check_addresses(parse("https://a.example/"), [address])


@pytest.mark.parametrize("order", [("8.8.8.8", "10.0.0.1"), ("10.0.0.1", "8.8.8.8")])
def test_an_answer_that_mixes_public_and_private_is_refused(order: tuple[str, str]) -> None:
    mixed = [ipaddress.ip_address(text) for text in order]
    with pytest.raises(EgressRefused, match="not a public address"):
        counterparty(allow_private=False).check_addresses(parse("https://a.example/"), mixed)


def test_plain_http_never_reaches_a_public_address() -> None:
    public = [ipaddress.ip_address("8.8.8.8")]
    for policy in (Policy(), Policy(allow_private=True)):
        with pytest.raises(EgressRefused, match="not HTTPS"):
            policy.check_addresses(parse("http://a.example/"), public)


def test_the_operators_origin_is_reached_wherever_it_is_and_nothing_else() -> None:
    policy = operator("http://adserver.internal:9000/api")
    private = [ipaddress.ip_address("10.1.2.3")]
    policy.check_addresses(parse("http://adserver.internal:9000/orders"), private)
    for other in ("http://adserver.internal/", "https://adserver.internal:9000/", "http://b:9000/"):
        with pytest.raises(EgressRefused, match="not the configured origin"):
            policy.check_addresses(parse(other), private)


REFUSED_URLS = words("""
http://buyer.example/hook ftp://buyer.example/hook //buyer.example/hook buyer.example/hook
https:///hook https://user@buyer.example/ https://user:pass@buyer.example/ https://@buyer.example/
https://buyer.example:0/ https://buyer.example:99999/ https://buyer.example:x/ https://[::1/
https://127.0.0.1/ https://127.1/ https://2130706433/ https://0x7f000001/ https://0x7f.1/
https://017700000001/ https://0177.0.0.1/ https://127.0.0.1./ https://10.0.0.1/ https://0/
https://[::1]/ https://[::ffff:10.0.0.1]/ https://[fe80::1%25eth0]/ https://[fd00:ec2::254]/
https://[64:ff9b::7f00:1]/ https://169.254.169.254/latest/meta-data https://localhost/
https://LOCALHOST./ https://a.localhost/ https://\uff11\uff12\uff17.0.0.1/ https://./ https://a..b/
https://buyer.example\\@10.0.0.1/ https://-\u2764-.example\u3002/
""")


@pytest.mark.parametrize(
    "url", [*REFUSED_URLS, "https://a.example/x y", "https://a.example/\n", ""]
)
def test_a_url_that_may_not_be_registered(url: str) -> None:
    with pytest.raises(DestinationRefused):
        check_registrable(url, allow_private=False)


def test_an_endless_url_is_refused() -> None:
    with pytest.raises(DestinationRefused):
        check_registrable("https://buyer.example/" + "a" * 2048, allow_private=False)


@pytest.mark.parametrize(
    ("url", "spelling"),
    [
        ("https://buyer.example/hook?a=b", "https://buyer.example/hook?a=b"),
        ("HTTPS://Buyer.Example:443", "https://buyer.example/"),
        ("https://buyer.example:8443/h#part", "https://buyer.example:8443/h"),
        ("https://buyer.example./h", "https://buyer.example/h"),
        ("https://b\u00fccher.example/h", "https://xn--bcher-kva.example/h"),
        ("https://8.8.8.8/h", "https://8.8.8.8/h"),
        ("https://[2606:4700:0::1111]:8443/h", "https://[2606:4700::1111]:8443/h"),
    ],
)
def test_a_registered_url_has_one_spelling(url: str, spelling: str) -> None:
    assert check_registrable(url, allow_private=False).url == spelling


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/h", "http://localhost:9000/h", "https://10.0.0.1/h"]
)
def test_demo_and_tests_may_register_private_addresses(url: str) -> None:
    assert check_registrable(url, allow_private=True).url == url


def test_even_they_may_not_register_the_metadata_service() -> None:
    with pytest.raises(DestinationRefused):
        check_registrable("http://169.254.169.254/", allow_private=True)
