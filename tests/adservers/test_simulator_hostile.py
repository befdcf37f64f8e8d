"""Whatever is sent to the simulated ad server is answered with an error, and changes nothing."""

import json
import socket
from html import escape
from typing import Any
from urllib.parse import quote

import pytest

from tests.adservers.booking import NOW, PRODUCT, book, line, order
from tests.simulator import Simulator

PATH = "/v1/orders/ORD-1"
NO_TIME = "start_time must be an ISO 8601 time with its zone."
NO_NAME = "must be text of at most 320 characters."
MODELS = "cpm, vcpm, cpc, cpcv, cpv, flat_rate"


def error(simulator: Simulator, method: str, path: str, content: bytes | None) -> tuple[int, str]:
    answer = simulator.send(method, path, content)
    assert b"Traceback" not in answer.content
    assert answer.body["error"].keys() == {"code", "message"}
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.body["error"]["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"reference": NaN}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 10_000,
    ],
    ids=str,
)
def test_what_is_no_json_object_is_refused(simulator: Simulator, content: bytes) -> None:
    status, message = error(simulator, "PUT", PATH, content)

    assert status == 422
    assert message in ("The body must be JSON.", "The body must be a JSON object.")
    assert simulator.orders() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "ORD-2"}, "reference must be the one in the address."),
        ({"revision": 0}, "revision must be a whole number from 1 to 2147483647."),
        ({"revision": 1.0}, "revision must be a whole number from 1 to 2147483647."),
        ({"revision": True}, "revision must be a whole number from 1 to 2147483647."),
        ({"start_time": "2026-06-02T00:00:00"}, NO_TIME),
        ({"start_time": "0001-01-01T00:00:00Z"}, NO_TIME),
        ({"end_time": "2026-06-01T00:00:00Z"}, "end_time must be after start_time."),
        ({"advertiser": 5}, "advertiser must be text of at most 2000 characters."),
        ({"advertiser": "\ud800"}, "advertiser must be valid Unicode."),
        ({"line_items": {}}, "line_items must be a list of at most 5000."),
        ({"line_items": [5]}, "line_items[0]. must be a JSON object."),
        ({"line_items": [line(), line()]}, "line_items must have each package_id once."),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_names_its_field(
    simulator: Simulator, changes: dict[str, Any], message: str
) -> None:
    content = json.dumps(order(**changes)).encode()

    assert error(simulator, "PUT", PATH, content) == (422, message)
    assert simulator.orders() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 5}, "budget must be text of at most 40 characters."),
        ({"budget": "NaN"}, "budget must be from 0 to below 10000000000000."),
        ({"budget": "-1"}, "budget must be from 0 to below 10000000000000."),
        ({"budget": "1e30"}, "budget must be from 0 to below 10000000000000."),
        ({"budget": "ten"}, "budget must be a decimal number as text."),
        ({"unit_price": "Infinity"}, "unit_price must be from 0 to below 10000000000000."),
        ({"currency": "usd"}, "currency must be an ISO 4217 currency."),
        ({"pricing_model": "cpx"}, f"pricing_model must be one of {MODELS}."),
        ({"pacing": "slow"}, "pacing must be one of (empty), even, asap, front_loaded."),
        ({"impressions": -1}, "impressions must be a whole number from 0 to 1000000000000."),
        ({"impressions": 10**30}, "impressions must be a whole number from 0 to 1000000000000."),
        ({"countries": ["us"]}, "countries must be ISO 3166 countries, such as US."),
        ({"is_paused": "no"}, "is_paused must be true or false."),
        ({"creatives": [{"reference": ""}]}, f"creatives[0].reference {NO_NAME}"),
        ({"package_id": ""}, f"package_id {NO_NAME}"),
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_names_its_field(
    simulator: Simulator, changes: dict[str, Any], message: str
) -> None:
    content = json.dumps(order(line(**changes))).encode()

    assert error(simulator, "PUT", f"{PATH}/line-items", content) == (
        422,
        f"line_items[0].{message}",
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/orders/..%2F..%2Fetc%2Fpasswd", 404),
        ("GET", "/v1/orders/../../etc/passwd", 404),
        ("GET", "/v1/orders/%ff", 422),
        ("GET", "/v1/orders/" + "x" * 321, 422),
        ("GET", "/v1/orders/", 422),
        ("GET", "/v1/health/", 404),
        ("GET", "//[", 404),
        ("DELETE", "/v1/orders/ORD-1", 404),
        ("GET", "/v1/delivery?limit=0", 422),
        ("GET", "/v1/delivery?limit=99999999999999999999999", 422),
        ("GET", "/v1/delivery?limit=1&limit=2", 422),
        ("GET", "/v1/creative-states?limit=-1", 422),
        ("GET", "/v1/availability?product=x&first=2026-01-01&last=2025-01-01", 422),
        ("GET", "/v1/availability?product=x&first=2026-01-01&last=2036-01-01", 422),
        ("GET", "/v1/availability?product=x&first=0000-01-01&last=yesterday", 422),
        ("GET", "/v1/availability?first=2026-01-01&last=2026-01-02", 422),
        ("GET", "/v1/availability?product=%ff&first=2026-01-01&last=2026-01-02", 422),
        ("GET", "/v1/availability?" + "product=x&" * 2_000, 422),
        ("POST", "/simulation/creatives/acc_1%2Fnone", 422),
    ],
)
def test_odd_addresses_are_refused(
    simulator: Simulator, method: str, path: str, status: int
) -> None:
    assert error(simulator, method, path, None)[0] == status


@pytest.mark.parametrize("reference", ["'; DROP TABLE orders; --", "ORD/1?#%", "Bestellung ü 🎉"])
def test_a_reference_may_hold_any_text(simulator: Simulator, reference: str) -> None:
    simulator.set_clock(NOW)
    simulator.stock(PRODUCT, 100_000)
    wanted = order(reference=reference)
    path = f"/v1/orders/{quote(reference, safe='')}"

    simulator.ask("PUT", path, wanted)
    simulator.ask("PUT", f"{path}/line-items", wanted)
    held = simulator.ask("POST", f"{path}/confirm")

    assert (held["reference"], held["state"]) == (reference, "confirmed")
    assert list(simulator.orders()) == [reference]
    assert f"<b>{escape(reference)}</b>" in simulator.send("GET", "/").content.decode()


def test_a_body_that_is_too_large_is_refused(simulator: Simulator) -> None:
    status, message = error(simulator, "PUT", PATH, b" " * (8 * 1024 * 1024 + 1))

    assert (status, message) == (413, "The body is larger than 8,388,608 bytes.")
    assert simulator.orders() == {}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"PUT /v1/orders/ORD-1 HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"422"),
        (b"PUT /v1/orders/ORD-1 HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", b"413"),
        (b"PUT /v1/orders/ORD-1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"422"),
        (b"no http at all\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
    ids=["negative length", "huge length", "chunked", "no HTTP", "version", "long line"],
)
def test_what_is_hardly_http_is_answered(simulator: Simulator, head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=10) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.split(b" ", 2)[1] == status
    assert b'"code": "refused"' in answer
    assert b"X-Simulated: 1" in answer
    assert simulator.orders() == {}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic dDp0", "Bearer t\xf6ken"])
def test_nothing_is_told_without_the_token(simulator: Simulator, header: str) -> None:
    simulator.set_clock(NOW)
    simulator.stock(PRODUCT, 100_000)
    book(simulator, order())
    headers = {"Authorization": header} if header else {}

    told = simulator.send("GET", PATH, headers=headers)
    done = simulator.send("POST", f"{PATH}/cancel", headers=headers)
    world = simulator.send("POST", "/simulation/reset", headers=headers)

    unauthorized = {
        "error": {"code": "unauthorized", "message": "The token is missing or another."}
    }
    assert [one.status for one in (told, done, world)] == [401] * 3
    assert [one.body for one in (told, done, world)] == [unauthorized] * 3
    assert simulator.ask("GET", PATH)["state"] == "confirmed"
