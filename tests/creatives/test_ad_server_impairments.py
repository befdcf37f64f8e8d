"""Impairments that the ad server's review opens and closes, several of them, both directions."""

from typing import Any

import pytest

from mediabuys.models import MediaBuy
from tests.creatives.ad_server import creative_of, pass_on, say, word
from tests.creatives.library import call, item, sync, wish
from tests.creatives.test_impairments import LINE, read
from tests.people import Buyer, reviews_by_hand
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def buy(buyer: Buyer, settings: Any) -> MediaBuy:
    """A booked buy of two packages, each with a creative that the ad server has approved."""
    buy = booked_buy(buyer, packages=[LINE, LINE])
    reviews_by_hand()
    settings.ADSERVER = "simulated"
    for name, package in zip(("left", "right"), buy.packages.order_by("position"), strict=True):
        give(buyer, package.package_id, name)
    return buy


def give(buyer: Buyer, package_id: str, creative_id: str) -> None:
    """Put a creative on a package that we and the ad server have approved."""
    sync(buyer, item(creative_id), assignments=[wish(creative_id, package_id)])
    pass_on(creative_id)
    say(word("approved", creative_id))


def update(buyer: Buyer, buy: MediaBuy, key: int, **changes: Any) -> None:
    """Change the buy as its buyer."""
    body = {
        "idempotency_key": f"update-{key:016}",
        "account": {"account_id": buyer.account.account_id},
        "media_buy_id": buy.media_buy_id,
        **changes,
    }
    status, answer = call("update_media_buy", body, buyer)
    assert status == 200, answer
    assert answer["status"] == "completed", answer


def package_ids(buy: MediaBuy) -> list[str]:
    return list(buy.packages.order_by("position").values_list("package_id", flat=True))


def open_ones(buy: MediaBuy, buyer: Buyer) -> dict[str, list[str]]:
    """Return the creatives of the open impairments with their packages, checked both ways."""
    body = read(buy, buyer)
    found = {one["resource_id"]: one["package_ids"] for one in body.get("impairments", [])}
    assert body["health"] == ("impaired" if found else "ok")
    assert all(creative_of(name).status == "rejected" for name in found)
    return found


def ids(buy: MediaBuy, buyer: Buyer) -> dict[str, str]:
    impairments = read(buy, buyer)["impairments"]
    return {one["resource_id"]: one["impairment_id"] for one in impairments}


def test_each_revoked_creative_is_one_entry(buyer: Buyer, buy: MediaBuy) -> None:
    left, right = package_ids(buy)
    well = open_ones(buy, buyer)

    say(word("rejected", "left"))
    one = open_ones(buy, buyer)
    say(word("rejected", "right"))

    assert (well, one) == ({}, {"left": [left]})
    assert open_ones(buy, buyer) == {"left": [left], "right": [right]}
    assert read(buy, buyer)["status"] == "pending_start"


def test_a_swap_closes_only_its_own(buyer: Buyer, buy: MediaBuy) -> None:
    left, right = package_ids(buy)
    say(word("rejected", "left"))
    say(word("rejected", "right"))
    before = ids(buy, buyer)
    give(buyer, left, "spare")

    closed = open_ones(buy, buyer)

    assert closed == {"right": [right]}
    assert ids(buy, buyer) == {"right": before["right"]}


def test_a_reassignment_closes_it_and_takes_the_creative_off(buyer: Buyer, buy: MediaBuy) -> None:
    left, _ = package_ids(buy)
    give(buyer, left, "spare")
    say(word("rejected", "left"))
    peer_serves = open_ones(buy, buyer)
    say(word("rejected", "spare"))
    both = open_ones(buy, buyer)

    update(
        buyer,
        buy,
        1,
        packages=[{"package_id": left, "creative_assignments": [{"creative_id": "right"}]}],
    )

    assert (peer_serves, both) == ({}, {"left": [left], "spare": [left]})
    assert open_ones(buy, buyer) == {}


def test_one_creative_on_two_packages_is_one_entry(buyer: Buyer, buy: MediaBuy) -> None:
    left, right = package_ids(buy)
    sync(buyer, assignments=[wish("left", right)])
    say(word("rejected", "right"))
    first = open_ones(buy, buyer)

    say(word("rejected", "left"))

    assert first == {}
    assert open_ones(buy, buyer) == {"left": [left, right], "right": [right]}


def test_a_peer_that_is_under_review_does_not_serve(buyer: Buyer, buy: MediaBuy) -> None:
    left, _ = package_ids(buy)
    sync(buyer, item("peer"), assignments=[wish("peer", left)])
    pass_on("peer")

    say(word("rejected", "left"))
    under_review = open_ones(buy, buyer)
    say(word("rejected", "peer"))
    refused_at_first = open_ones(buy, buyer)
    say(word("approved", "peer"))

    assert under_review == refused_at_first == {"left": [left]}
    assert open_ones(buy, buyer) == {}


def test_the_ad_server_changes_its_mind(buyer: Buyer, buy: MediaBuy) -> None:
    left, _ = package_ids(buy)
    say(word("rejected", "left"))
    first = ids(buy, buyer)["left"]
    say(word("approved", "left"))
    recovered = open_ones(buy, buyer)

    say(word("rejected", "left", reason="Again."))

    assert recovered == {}
    assert open_ones(buy, buyer) == {"left": [left]}
    assert ids(buy, buyer)["left"] != first
    assert read(buy, buyer)["impairments"][0]["reason"] == "Again."


def test_a_corrected_revision_closes_it_while_it_is_reviewed(buyer: Buyer, buy: MediaBuy) -> None:
    left, _ = package_ids(buy)
    say(word("rejected", "left"))

    sync(buyer, item("left", name="Corrected"))
    with_us = open_ones(buy, buyer)
    pass_on("left")
    with_it = open_ones(buy, buyer)
    say(word("rejected", "left", reason="Still."))

    assert (with_us, with_it) == ({}, {})
    assert open_ones(buy, buyer) == {"left": [left]}


def test_what_is_canceled_is_not_impaired(buyer: Buyer, buy: MediaBuy) -> None:
    left, right = package_ids(buy)
    say(word("rejected", "left"))
    say(word("rejected", "right"))

    update(buyer, buy, 1, packages=[{"package_id": left, "canceled": True}])
    without_package = open_ones(buy, buyer)
    update(buyer, buy, 2, canceled=True)

    assert without_package == {"right": [right]}
    assert read(buy, buyer)["status"] == "canceled"
    assert open_ones(buy, buyer) == {}
