"""update_media_buy as the documents need it: what a buyer may do by status, and what it leaves."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import MediaBuy, Product
from mediabuys.services.orders import media_buy_reject
from tests.documents.buys import (
    active,
    booked,
    change,
    completed,
    ordered,
    ready,
    shown,
    with_creative,
)
from tests.people import Buyer, in_wire

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 5000}
RUNNING = ["cancel", "update_budget", "update_dates", "update_packages", "add_packages"]


def of_package(buy: MediaBuy, **fields: Any) -> dict[str, Any]:
    return {"packages": [{"package_id": buy.packages.all()[0].package_id, **fields}]}


def _waiting(buyer: Buyer) -> MediaBuy:
    return booked(ordered(buyer))


def _paused(buyer: Buyer) -> MediaBuy:
    buy = active(buyer)
    change(buyer, buy, paused=True)
    return buy


def _held(buyer: Buyer) -> MediaBuy:
    return booked(ordered(buyer, paused=True))


def _rejected(buyer: Buyer) -> MediaBuy:
    buy = ready(buyer)
    media_buy_reject(buy=buy, actor="seller:rep", reason="Sold out.", now=timezone.now())
    return buy


def _canceled(buyer: Buyer) -> MediaBuy:
    buy = active(buyer)
    change(buyer, buy, canceled=True, cancellation_reason="The launch was moved.")
    return buy


STATES: dict[str, tuple[Callable[[Buyer], MediaBuy], str, list[str]]] = {
    "pending_creatives": (_waiting, "pending_creatives", ["pause", "cancel", "sync_creatives"]),
    "pending_start": (ready, "pending_start", ["pause", "cancel", "sync_creatives"]),
    "held": (_held, "pending_creatives", ["pause", "resume", "cancel", "sync_creatives"]),
    "active": (active, "active", ["pause", *RUNNING, "sync_creatives"]),
    "paused": (_paused, "paused", ["resume", *RUNNING, "sync_creatives"]),
    "completed": (completed, "completed", []),
    "rejected": (_rejected, "rejected", []),
    "canceled": (_canceled, "canceled", []),
}


@pytest.mark.parametrize("state", STATES)
def test_valid_actions_by_status(state: str, buyer: Buyer) -> None:
    make, status, actions = STATES[state]

    body = shown(buyer, make(buyer))

    assert body["status"] == status
    assert body["valid_actions"] == actions


def test_create_and_update_say_the_same_valid_actions_as_get(buyer: Buyer) -> None:
    created = ordered(buyer)
    buy = booked(created)

    updated = change(buyer, buy, paused=True)

    assert created["valid_actions"] == ["pause", "cancel", "sync_creatives"]
    assert updated["valid_actions"] == shown(buyer, buy)["valid_actions"]
    assert updated["available_actions"] == shown(buyer, buy)["available_actions"]


# What a buyer sends for each word of the list.
ACTIONS: dict[str, Callable[[MediaBuy], dict[str, Any]]] = {
    "pause": lambda _: {"paused": True},
    "resume": lambda _: {"paused": False},
    "cancel": lambda _: {"canceled": True},
    "update_budget": lambda buy: of_package(buy, budget=1200),
    "update_dates": lambda buy: {"end_time": in_wire(buy.end_time + timedelta(days=1))},
    "update_packages": lambda buy: of_package(buy, pacing="asap"),
    "add_packages": lambda _: {"new_packages": [{**LINE, "budget": 100}]},
}


@pytest.mark.parametrize(
    "state", ["pending_creatives", "pending_start", "held", "active", "paused"]
)
def test_every_valid_action_is_taken(state: str, buyer: Buyer) -> None:
    make, _, actions = STATES[state]
    buy = make(buyer)
    # What ends the buy comes last.
    wanted = sorted(actions, key=lambda action: action == "cancel")

    for number, action in enumerate(wanted, start=100):
        if action == "sync_creatives":
            answer = with_creative(buyer, buy, key=number)
        else:
            answer = change(buyer, buy, number, **ACTIONS[action](buy))
        assert answer["status"] == "completed", (action, answer)

    assert MediaBuy.objects.get(pk=buy.pk).status == "canceled"


def test_a_buy_that_was_not_made_over_adcp_is_changed_alike(buyer: Buyer, stranger: Buyer) -> None:
    buy = active(buyer)
    # Entered for the account by somebody else, with nothing of a request.
    MediaBuy.objects.update(request_context=None, ext=None, policy={}, principal=stranger.principal)

    answer = change(buyer, buy, **of_package(buy, budget=1200))

    assert answer["status"] == "completed"
    assert answer["total_budget"] == 1200


def test_media_buy_status_is_the_nested_status(buyer: Buyer) -> None:
    buy = active(buyer)

    answer = change(buyer, buy, paused=True)

    assert answer["status"] == "completed"
    assert answer["media_buy_status"] == shown(buyer, buy)["status"] == "paused"
    assert answer["message"].endswith(f"media buy is paused, at revision {answer['revision']}.")


def test_revision_guards_against_a_lost_update(buyer: Buyer) -> None:
    buy = active(buyer)
    revision = shown(buyer, buy)["revision"]

    first = change(buyer, buy, 1, revision=revision, paused=True)
    late = change(buyer, buy, 2, revision=revision, paused=False)

    assert first["revision"] == revision + 1
    assert late["errors"][0]["code"] == "CONFLICT"
    assert late["errors"][0]["details"]["current_version"] == revision + 1
    assert shown(buyer, buy)["status"] == "paused"


def test_history_says_what_a_budget_was_and_is(buyer: Buyer) -> None:
    buy = active(buyer, packages=[LINE])
    package_id = buy.packages.get().package_id

    change(buyer, buy, **of_package(buy, budget=7500))

    [entry] = shown(buyer, buy, include_history=1)["history"]
    assert entry["action"] == "updated_budget"
    assert entry["summary"] == f"Budget changed from $5,000 to $7,500 on {package_id}"
    assert entry["package_id"] == package_id
    assert entry["actor"] == f"agent:{buyer.principal.principal_id}"


CHANGES: dict[str, Callable[[MediaBuy], dict[str, Any]]] = {
    "paused": lambda _: {"paused": True},
    "canceled": lambda _: {"canceled": True},
    "updated_budget": lambda buy: of_package(buy, budget=1200),
    "updated_dates": lambda buy: {"end_time": in_wire(buy.end_time + timedelta(days=1))},
    "updated_packages": lambda buy: of_package(buy, pacing="asap"),
    "package_canceled": lambda buy: of_package(buy, canceled=True),
    "package_paused": lambda buy: of_package(buy, paused=True),
}


@pytest.mark.parametrize("action", CHANGES)
def test_each_change_has_its_word_in_the_history(action: str, buyer: Buyer) -> None:
    buy = active(buyer)

    answer = change(buyer, buy, **CHANGES[action](buy))

    [entry] = shown(buyer, buy, include_history=1)["history"]
    assert (entry["action"], entry["revision"]) == (action, answer["revision"])
    of_one_package = action.startswith("package_") or action in (
        "updated_budget",
        "updated_packages",
    )
    assert ("package_id" in entry) == of_one_package


def test_resumptions_have_their_words_in_the_history(buyer: Buyer) -> None:
    buy = active(buyer)
    change(buyer, buy, 1, paused=True, **of_package(buy, paused=True))

    change(buyer, buy, 2, paused=False, **of_package(buy, paused=False))

    history = shown(buyer, buy, include_history=2)["history"]
    assert [entry["action"] for entry in history] == ["package_resumed", "resumed"]


def test_a_canceled_buy_says_that_the_buyer_did_it(buyer: Buyer) -> None:
    buy = _canceled(buyer)

    body = shown(buyer, buy)

    buy.refresh_from_db()
    assert buy.canceled_at is not None
    assert body["cancellation"] == {
        "canceled_at": buy.canceled_at.isoformat(),
        "canceled_by": "buyer",
        "reason": "The launch was moved.",
    }


def test_a_canceled_package_is_canceled_for_good(buyer: Buyer) -> None:
    buy = active(buyer, packages=[LINE, LINE])
    first = buy.packages.all()[0].package_id

    answer = change(
        buyer, buy, 1, **of_package(buy, canceled=True, cancellation_reason="Too small.")
    )
    again = change(buyer, buy, 2, **of_package(buy, paused=True))

    [package] = answer["affected_packages"]
    assert (package["package_id"], package["canceled"]) == (first, True)
    assert package["cancellation"]["canceled_by"] == "buyer"
    assert package["cancellation"]["reason"] == "Too small."
    assert again["errors"][0]["code"] == "INVALID_STATE"
    assert [one["canceled"] for one in shown(buyer, buy)["packages"]] == [True, False]


def test_a_paused_package_is_shown_as_paused(buyer: Buyer) -> None:
    buy = active(buyer)

    answer = change(buyer, buy, **of_package(buy, paused=True))

    assert answer["affected_packages"][0]["paused"] is True
    assert shown(buyer, buy)["packages"][0]["paused"] is True
    assert shown(buyer, buy)["status"] == "active"


def test_zero_delivery_is_answered_with_another_price_or_targeting(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    catalog["run-of-site"].pricing_options.update(fixed_price=None, floor_price=Decimal(2))
    buy = active(buyer, packages=[{**LINE, "bid_price": 3}])
    properties = {"agent_url": "https://lists.example", "list_id": "list_2"}
    overlay = {"geo_countries": ["US", "CA"], "property_list": properties}

    answer = change(buyer, buy, **of_package(buy, bid_price=4.5, targeting_overlay=overlay))

    [package] = answer["affected_packages"]
    assert (package["bid_price"], package["targeting_overlay"]) == (4.5, overlay)
    [seen] = shown(buyer, buy)["packages"]
    assert (seen["bid_price"], seen["targeting_overlay"]) == (4.5, overlay)


def test_canceled_by_the_buyer_keeps_its_creatives_for_another_buy(buyer: Buyer) -> None:
    first = active(buyer, 1)
    second = booked(ordered(buyer, 2))
    name = first.packages.get().assignments.get().creative_ref
    change(buyer, first, 1, canceled=True)

    answer = change(
        buyer, second, 2, **of_package(second, creative_assignments=[{"creative_id": name}])
    )

    assert answer["media_buy_status"] == "pending_start"
    assert answer["affected_packages"][0]["creative_assignments"] == [{"creative_id": name}]
    assert shown(buyer, first)["packages"][0]["creative_approvals"] == []
