"""An answer that says that something else was done than what was asked is not understood."""

import pytest

from mediabuys.adservers.port import (
    AdServer,
    AdServerRefused,
    AdServerUnavailable,
    CreativeState,
    ReviewState,
)
from mediabuys.adservers.registry import PATIENCE_SECONDS
from mediabuys.adservers.simulated_client import SimulatedAdServer
from mediabuys.adservers.simulated_exchange import Exchange
from tests.adservers.calls import CALLS
from tests.adservers.contract.base import line, order
from tests.adservers.contract.creatives import creative
from tests.adservers.liar import Liar

HELD = {
    "reference": "ORD-1",
    "order_id": "sim-1",
    "state": "confirmed",
    "revision": 2,
    "is_paused": True,
    "line_items": {"pkg_1": "line-1"},
}
CREATIVE = {"reference": "acc_1/banner", "revision": 1, "review": "approved", "reason": ""}


@pytest.fixture
def server(liar: Liar) -> AdServer:
    return SimulatedAdServer("Ledger Ad Server", Exchange(liar.url, "a-token", PATIENCE_SECONDS))


@pytest.mark.parametrize(
    ("call", "lie"),
    [
        ("create_line_items", {"state": "draft", "line_items": {}}),
        ("confirm", {"state": "draft"}),
        ("confirm", {"state": "canceled"}),
        ("change", {"revision": 1}),
        ("change", {"state": "draft"}),
        ("change", {"line_items": {}}),
        ("change", {"line_items": {"pkg_1": "line-1", "pkg_2": "line-2"}}),
        ("pause", {"is_paused": False}),
        ("pause", {"revision": 1}),
        ("resume", {"is_paused": True}),
        ("resume", {"is_paused": False, "state": "canceled"}),
    ],
)
def test_an_order_that_is_not_what_was_asked(
    liar: Liar, server: AdServer, call: str, lie: dict[str, object]
) -> None:
    liar.says(HELD | lie)

    with pytest.raises(AdServerUnavailable) as caught:
        CALLS[call](server)

    assert caught.value.message == "The ad server's answer was not understood."


@pytest.mark.parametrize("call", ["create_line_items", "confirm", "find", "change", "pause"])
def test_an_order_as_it_was_asked_is_believed(liar: Liar, server: AdServer, call: str) -> None:
    liar.says(HELD)

    CALLS[call](server)

    assert len(liar.asked) == 1


def test_a_newer_revision_than_the_one_told_may_be_anything(liar: Liar, server: AdServer) -> None:
    liar.says(HELD | {"revision": 3, "line_items": {}})

    held = server.change(order(line("pkg_1"), revision=2))

    assert (held.revision, held.line_items) == (3, {})


def test_a_canceled_order_is_not_created(liar: Liar, server: AdServer) -> None:
    liar.says(HELD | {"state": "canceled"})

    with pytest.raises(AdServerRefused) as caught:
        CALLS["create_order"](server)

    assert caught.value.message == "The order was canceled on the ad server."


@pytest.mark.parametrize("lie", [{"reference": "acc_2/banner", "revision": 2}, {"revision": 1}])
def test_a_creative_that_is_not_the_one_pushed(
    liar: Liar, server: AdServer, lie: dict[str, object]
) -> None:
    liar.says(CREATIVE | lie)

    with pytest.raises(AdServerUnavailable) as caught:
        server.push_creative(creative(revision=2))

    assert caught.value.message == "The ad server's answer was not understood."


def test_text_holds_nothing_that_the_database_refuses(liar: Liar, server: AdServer) -> None:
    liar.says({"states": [CREATIVE | {"reference": "acc_1/\x00"}], "cursor": "8", "more": False})

    page = server.creative_states("7")

    assert page.states == (CreativeState("acc_1/\ufffd", 1, ReviewState.APPROVED),)


def test_references_are_named_in_one_piece(liar: Liar, server: AdServer) -> None:
    liar.says(HELD | {"reference": "ORD/../1?x=2"})

    server.find("ORD/../1?x=2")

    assert liar.asked == [("GET", "/v1/orders/ORD%2F..%2F1%3Fx%3D2", "Bearer a-token")]
