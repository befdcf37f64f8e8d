"""An ad server that is down, slow, confused or hostile: one of the port's errors, and no more."""

import time
from datetime import timedelta
from typing import Any

import pytest

from mediabuys.adservers.port import (
    AdServer,
    AdServerError,
    AdServerRefused,
    AdServerUnavailable,
    OrderDeclined,
    OrderState,
)
from mediabuys.adservers.registry import PATIENCE_SECONDS
from mediabuys.adservers.simulated_client import SimulatedAdServer, simulated_ad_server
from mediabuys.adservers.simulated_exchange import ANSWER_BYTES, Exchange
from tests.adservers.calls import CALLS
from tests.adservers.contract.base import FIRST, LAST, draft, order
from tests.adservers.liar import Liar, closed_port, lying, never_done
from tests.simulator import Simulator

TOKEN = "a-token-that-nobody-may-read"
SHORT_SECONDS = 0.3
NOT_UNDERSTOOD = "The ad server's answer was not understood."
ANSWERLESS = ("validate_order", "validate_inventory", "cancel")
HTML = b"<html><h1>Welcome to the hotel network</h1></html>"


def adapter(url: str, patience: float = PATIENCE_SECONDS) -> AdServer:
    return SimulatedAdServer("Ledger Ad Server", Exchange(url, TOKEN, patience))


def error_of(call: str, server: AdServer) -> AdServerError:
    """Make the call, which must fail, and return its error."""
    with pytest.raises(AdServerError) as caught:
        CALLS[call](server)
    return caught.value


@pytest.mark.parametrize("call", CALLS)
def test_down_may_be_asked_again(call: str) -> None:
    error = error_of(call, adapter(closed_port()))

    assert type(error) is AdServerUnavailable
    assert error.message == "The ad server cannot be reached."


@pytest.mark.parametrize("drips", [False, True])
def test_an_answer_that_does_not_end_is_cut_off(drips: bool) -> None:
    with never_done(drips=drips) as url:
        began = time.monotonic()

        error = error_of("confirm", adapter(url, SHORT_SECONDS))

        took = time.monotonic() - began
    assert type(error) is AdServerUnavailable
    assert error.message == "The ad server did not answer in time."
    assert SHORT_SECONDS <= took < SHORT_SECONDS + 2


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [HTML, b'{"reference": "ORD-1", "st', b"[]", b"{}"])
def test_rubbish_is_not_understood(liar: Liar, call: str, body: bytes) -> None:
    liar.body = body

    error = error_of(call, adapter(liar.url))

    # Where "done" has no body, a page with one comes from somebody else.
    expected = "The ad server answered with HTTP 200." if call in ANSWERLESS else NOT_UNDERSTOOD
    assert isinstance(error, AdServerUnavailable)
    assert error.message == expected


@pytest.mark.parametrize("call", ["find", "confirm"])
@pytest.mark.parametrize("status", [201, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_what_is_not_its_own_word_may_be_asked_again(liar: Liar, call: str, status: int) -> None:
    liar.status, liar.body = status, HTML

    error = error_of(call, adapter(liar.url))

    assert type(error) is AdServerUnavailable
    assert error.message == f"The ad server answered with HTTP {status}."


@pytest.mark.parametrize("call", CALLS)
def test_every_call_may_be_declined(liar: Liar, call: str) -> None:
    liar.says({"error": {"code": "declined", "message": "Sold out on Monday."}}, 409)

    error = error_of(call, adapter(liar.url))

    assert type(error) is OrderDeclined
    assert error.message == "Sold out on Monday."


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (409, "declined", OrderDeclined, "Sold out on Monday."),
        (422, "refused", AdServerRefused, "Sold out on Monday."),
        (
            401,
            "unauthorized",
            AdServerUnavailable,
            "The ad server does not accept our credentials.",
        ),
        (503, "unavailable", AdServerUnavailable, "The ad server answered with HTTP 503."),
        (500, "declined", AdServerUnavailable, "The ad server answered with HTTP 500."),
        (409, "refused", AdServerUnavailable, "The ad server answered with HTTP 409."),
    ],
)
def test_its_own_word_is_final(
    liar: Liar, status: int, code: str, kind: type[AdServerError], message: str
) -> None:
    liar.says({"error": {"code": code, "message": " Sold out\r\n on\x1b Monday. "}}, status)

    error = error_of("confirm", adapter(liar.url))

    assert type(error) is kind
    assert error.message == message


@pytest.mark.parametrize("call", [name for name in CALLS if name != "find"])
def test_an_unknown_reference_is_refused(liar: Liar, call: str) -> None:
    liar.says({"error": {"code": "not_found", "message": "What?"}}, 404)

    error = error_of(call, adapter(liar.url))

    assert isinstance(error, AdServerRefused)
    assert error.message == "The ad server does not know the reference."


@pytest.mark.parametrize(
    "message",
    [f"Who sent {TOKEN}?", "", None, 7, ["x"]],
)
def test_its_words_never_repeat_our_credentials(liar: Liar, message: object) -> None:
    liar.says({"error": {"code": "declined", "message": message}}, 409)

    error = error_of("confirm", adapter(liar.url))

    assert type(error) is OrderDeclined
    assert error.message == "The ad server declined the order."


def test_who_asks_shows_no_token() -> None:
    assert TOKEN not in repr(Exchange("http://127.0.0.1:9", TOKEN, 1))


def test_its_words_are_bounded(liar: Liar) -> None:
    liar.says({"error": {"code": "declined", "message": "No. " * 10_000}}, 409)

    error = error_of("confirm", adapter(liar.url))

    assert error.message == ("No. " * 75).strip()


def test_a_body_without_end_is_cut_and_not_understood(liar: Liar) -> None:
    liar.body = b'{"well": true, "now": "2026-01-01T00:00:00Z", "message": "' + b"a" * 10_000_000
    assert len(liar.body) > ANSWER_BYTES

    error = error_of("health", adapter(liar.url))

    assert error.message == NOT_UNDERSTOOD


def test_a_redirect_is_not_followed(liar: Liar) -> None:
    with lying() as elsewhere:
        liar.status, liar.headers = 307, {"Location": f"{elsewhere.url}/v1/health"}

        error = error_of("health", adapter(liar.url))

        assert elsewhere.asked == []
    assert error.message == "The ad server answered with HTTP 307."
    assert liar.asked == [("GET", "/v1/health", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    "url", ["", "adserver.example", "ftp://127.0.0.1", "http://me:pw@127.0.0.1"]
)
def test_an_address_that_is_none_is_the_operators_to_mend(url: str) -> None:
    error = error_of("health", adapter(url))

    assert type(error) is AdServerUnavailable
    assert error.message == "The ad server's address is not set up."


def test_a_name_too_long_for_a_url_is_refused(liar: Liar) -> None:
    with pytest.raises(AdServerRefused) as caught:
        adapter(liar.url).find("x" * 2_100)

    assert caught.value.message == "The name is too long for the ad server."
    assert liar.asked == []


def test_portions_share_the_time_of_one_call(liar: Liar) -> None:
    liar.says({"days": []})
    liar.seconds = SHORT_SECONDS / 2
    names = [f"product-{number:03}" for number in range(500)]

    with pytest.raises(AdServerUnavailable) as caught:
        adapter(liar.url, SHORT_SECONDS).availability(names, first=FIRST, last=LAST)

    assert caught.value.message == "The ad server did not answer in time."
    assert len(liar.asked) <= 3


def test_an_error_tells_nothing_secret(liar: Liar, caplog: pytest.LogCaptureFixture) -> None:
    liar.body = HTML + TOKEN.encode()

    for call in CALLS:
        error = error_of(call, adapter(liar.url))

        assert TOKEN not in repr(error.__dict__) + str(error)
        assert "hotel" not in str(error)
    assert TOKEN not in caplog.text


@pytest.fixture
def server(simulator: Simulator) -> AdServer:
    return simulated_ad_server("Ledger Ad Server", PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("PUT", "/v1/orders/ORD-1", "create_order"),
        ("PUT", "/v1/orders/ORD-1/line-items", "create_line_items"),
        ("POST", "/v1/orders/ORD-1/confirm", "confirm"),
    ],
)
def test_a_call_whose_answer_was_lost_finds_what_it_made(
    simulator: Simulator, server: AdServer, method: str, path: str, call: str
) -> None:
    if call != "create_order":
        draft(server, order())
    simulator.fail(method, path, "drop_answer")

    lost = error_of(call, server)
    CALLS[call](server)

    [made] = simulator.orders().values()
    assert type(lost) is AdServerUnavailable
    assert made["reference"] == "ORD-1"
    assert made["state"] == ("confirmed" if call == "confirm" else "draft")
    assert len(made["line_items"]) == (0 if call == "create_order" else 1)


def test_an_answer_about_another_order_is_not_believed(
    simulator: Simulator, server: AdServer
) -> None:
    simulator.fail("PUT", "/v1/orders/*", "foreign_reference")

    error = error_of("create_order", server)

    assert error.message == NOT_UNDERSTOOD
    held = server.find("ORD-1")
    assert held is not None
    assert held.state == OrderState.DRAFT


@pytest.mark.parametrize("call", CALLS)
def test_a_failure_leaves_the_next_call_whole(
    simulator: Simulator, server: AdServer, call: str
) -> None:
    draft(server, order())
    server.confirm("ORD-1")
    simulator.fail("*", "/v1/*", "garbage")

    failed = error_of(call, server)
    CALLS[call](server)

    assert isinstance(failed, AdServerUnavailable)


def test_its_clock_is_told_as_it_is(simulator: Simulator, server: AdServer) -> None:
    simulator.set_clock(simulator.now() + timedelta(hours=2))
    ahead = simulator.now()

    health, page = server.health(), server.delivery("")

    assert timedelta() <= health.now - ahead < timedelta(minutes=1)
    assert timedelta() <= page.as_of - ahead < timedelta(minutes=1)


def test_it_is_asked_with_the_token_of_the_settings(simulator: Simulator, settings: Any) -> None:
    settings.ADSERVER_TOKEN = "another"

    error = error_of("health", simulated_ad_server("Ledger Ad Server", PATIENCE_SECONDS))

    assert type(error) is AdServerUnavailable


def test_rows_of_any_kind_pass_or_are_kept_apart(simulator: Simulator, server: AdServer) -> None:
    good = {
        "order_reference": "ORD-unknown",
        "package_id": "pkg_1",
        "creative": "",
        "country": "",
        "hour": "2126-03-01T05:00:00Z",
        "impressions": -5,
        "clicks": 0,
        "completed_views": 0,
        "spend": "-0.05",
        "currency": "JPY",
        "version": 1,
    }
    bad = good | {"spend": 0.05}
    simulator.report(good, bad, good)

    page = server.delivery("")

    assert [(row.order_reference, row.impressions) for row in page.rows] == [
        ("ORD-unknown", -5)
    ] * 2
    assert page.unreadable == (bad,)
    assert server.delivery(page.cursor).rows == ()
