"""update_media_buy over REST: the order of checks, retries, and what is kept secret."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import (
    AccountAccess,
    Event,
    MediaBuy,
    Package,
)
from mediabuys.services.flights import media_buy_complete
from mediabuys.services.orders import media_buy_reject
from mediabuys.states import BuyStatus
from tests.protocol.conftest import Buyer, ask, make_buyer, row_counts
from tests.protocol.test_query_counts import statements
from tests.protocol.updates import LINE, of_package, ordered, update
from tests.trade.changes import started
from tests.trade.orders import give_creatives

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]


def test_the_answer_has_the_buy_and_the_package_as_they_are(sandbox_buyer: Buyer) -> None:
    line = {**LINE, "context": {"line": 7}, "targeting_overlay": {"geo_countries": ["US"]}}
    buy = ordered(sandbox_buyer, packages=[line])
    package = buy.packages.get()
    body = update(
        sandbox_buyer, buy, packages=of_package(buy, budget=1500), context={"trace": [1, "a"]}
    )

    answer = ask("update_media_buy", body, sandbox_buyer.token)

    buy.refresh_from_db()
    assert answer.status == 200, answer.body
    expected = {
        "status": "completed",
        "media_buy_id": buy.media_buy_id,
        "media_buy_status": "pending_creatives",
        "revision": 2,
        "currency": "USD",
        "total_budget": 1500,
        "implementation_date": buy.updated_at.isoformat(),
        "affected_packages": [
            {
                "package_id": package.package_id,
                "product_id": "outdoor-display",
                "pricing_option_id": "display-cpm",
                "budget": 1500,
                "currency": "USD",
                "paused": False,
                "targeting_overlay": {"geo_countries": ["US"]},
                "context": {"line": 7},
            }
        ],
        "valid_actions": ["pause", "cancel", "sync_creatives"],
        "sandbox": True,
        "context": {"trace": [1, "a"]},
    }
    assert {name: answer.body[name] for name in expected} == expected
    actions = [entry["action"] for entry in answer.body["available_actions"]]
    assert len(actions) == len(set(actions))
    assert {"increase_budget", "update_targeting", "pause", "cancel"} <= set(actions)


def test_a_retry_changes_nothing_a_second_time(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    body = update(sandbox_buyer, buy, revision=1, packages=of_package(buy, budget=1500))

    first = ask("update_media_buy", body, sandbox_buyer.token)
    counts = row_counts()
    again = ask("update_media_buy", body, sandbox_buyer.token)

    assert (first.status, again.status) == (200, 200)
    assert again.body["replayed"] is True
    assert again.body["revision"] == first.body["revision"] == 2
    assert row_counts() == counts
    assert MediaBuy.objects.get(pk=buy.pk).revision == 2


def test_a_key_is_for_one_request(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    ask("update_media_buy", update(sandbox_buyer, buy, paused=True), sandbox_buyer.token)

    other = ask("update_media_buy", update(sandbox_buyer, buy, paused=False), sandbox_buyer.token)

    assert other.error["code"] == "IDEMPOTENCY_CONFLICT"
    assert MediaBuy.objects.get(pk=buy.pk).is_held


def test_unknown_and_foreign_buys_read_the_same(sandbox_buyer: Buyer, stranger: Buyer) -> None:
    theirs = ordered(stranger)
    draft = MediaBuy.objects.get(pk=theirs.pk)
    counts = row_counts()

    answers = []
    for number, media_buy_id in enumerate(["mb_nobody's", theirs.media_buy_id, draft.reference]):
        body = update(sandbox_buyer, theirs, number=100 + number, canceled=True)
        answers.append(
            ask(
                "update_media_buy",
                body | {"media_buy_id": media_buy_id, "revision": 77},
                sandbox_buyer.token,
            )
        )

    assert [answer.status for answer in answers] == [404, 404, 404]
    assert answers[0].raw == answers[1].raw == answers[2].raw
    assert answers[0].error["code"] == "MEDIA_BUY_NOT_FOUND"
    assert answers[0].error["field"] == "media_buy_id"
    assert row_counts() == counts


def test_unknown_and_foreign_packages_read_the_same(sandbox_buyer: Buyer, stranger: Buyer) -> None:
    buy, theirs = ordered(sandbox_buyer), ordered(stranger)
    counts = row_counts()

    answers = [
        ask(
            "update_media_buy",
            update(
                sandbox_buyer,
                buy,
                number=100 + number,
                revision=77,
                packages=[*of_package(buy, budget=5), {"package_id": package_id, "budget": 5}],
            ),
            sandbox_buyer.token,
        )
        for number, package_id in enumerate(["pkg_none", theirs.packages.get().package_id])
    ]

    assert answers[0].raw == answers[1].raw
    assert (answers[0].status, answers[0].error["code"]) == (404, "PACKAGE_NOT_FOUND")
    assert answers[0].error["field"] == "packages[1].package_id"
    assert row_counts() == counts


def test_another_revision_is_a_conflict_before_anything_else(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    ask("update_media_buy", update(sandbox_buyer, buy, 101, canceled=True), sandbox_buyer.token)

    answer = ask(
        "update_media_buy",
        update(sandbox_buyer, buy, 102, revision=1, end_time="1999-01-01T00:00:00Z"),
        sandbox_buyer.token,
    )

    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")
    assert answer.error["field"] == "revision"
    assert answer.error["details"] == {
        "resource_id": buy.media_buy_id,
        "expected_version": 1,
        "current_version": 2,
    }


def _canceled(buyer: Buyer, buy: MediaBuy) -> None:
    ask("update_media_buy", update(buyer, buy, 101, canceled=True), buyer.token)


def _rejected(_: Buyer, buy: MediaBuy) -> None:
    media_buy_reject(buy=buy, actor="system", reason="Sold out.", now=timezone.now())


def _completed(_: Buyer, buy: MediaBuy) -> None:
    give_creatives(buy)
    media_buy_complete(buy=started(buy), now=buy.end_time)


ENDS: dict[str, Callable[[Buyer, MediaBuy], None]] = {
    "canceled": _canceled,
    "rejected": _rejected,
    "completed": _completed,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("asked", ["canceled", "paused", "budget", "new_packages"])
def test_what_has_ended_does_not_change(end: str, asked: str, sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    ENDS[end](sandbox_buyer, buy)
    before = MediaBuy.objects.filter(pk=buy.pk).values().get()
    fields: dict[str, dict[str, Any]] = {
        "canceled": {"canceled": True},
        "paused": {"paused": True},
        "budget": {"packages": of_package(buy, budget=5)},
        "new_packages": {"new_packages": [LINE]},
    }

    answer = ask(
        "update_media_buy", update(sandbox_buyer, buy, 102, **fields[asked]), sandbox_buyer.token
    )

    again = end == "canceled" and asked == "canceled"
    assert answer.status == 409
    assert answer.error["code"] == ("NOT_CANCELLABLE" if again else "INVALID_STATE")
    assert before["status"] == end
    assert MediaBuy.objects.filter(pk=buy.pk).values().get() == before


@pytest.mark.parametrize(
    "name",
    ["product_id", "pricing_option_id", "format_ids", "format_option_refs", "format_kind",
     "params", "capability_ids"],
)  # fmt: skip
def test_what_a_package_is_does_not_change(name: str, sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    body = update(sandbox_buyer, buy, packages=of_package(buy, **{name: "another"}))

    answer = ask("update_media_buy", body, sandbox_buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == f"packages[0].{name}"
    assert MediaBuy.objects.get(pk=buy.pk).revision == 1


SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "not canceled": ({"canceled": False}, "canceled"),
    "paused in words": ({"paused": "yes"}, "paused"),
    "no revision": ({"revision": 0}, "revision"),
    "a long reason": ({"canceled": True, "cancellation_reason": "a" * 501}, "cancellation_reason"),
    "no packages": ({"packages": []}, "packages"),
    "packages as a word": ({"packages": "all"}, "packages"),
    "a package as a word": ({"packages": ["first"]}, "packages[0]"),
    "a package without id": ({"packages": [{"budget": 5}]}, "packages[0].package_id"),
    "a negative budget": (
        {"packages": [{"package_id": "pkg", "budget": -1}]},
        "packages[0].budget",
    ),
    "a strange pacing": (
        {"packages": [{"package_id": "pkg", "pacing": "wild"}]},
        "packages[0].pacing",
    ),
    "an end in words": ({"end_time": "soon"}, "end_time"),
    "no new packages": ({"new_packages": []}, "new_packages"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_schema_is_asked_first(case: str, sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    fields, field = SHAPES[case]

    answer = ask("update_media_buy", update(sandbox_buyer, buy, **fields), sandbox_buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == field
    assert MediaBuy.objects.get(pk=buy.pk).revision == 1


def test_an_unpaid_account_changes_but_does_not_grow(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    account = sandbox_buyer.account
    account.require_payment()
    account.save()

    grown = ask(
        "update_media_buy",
        update(sandbox_buyer, buy, 101, new_packages=[LINE]),
        sandbox_buyer.token,
    )
    paused = ask(
        "update_media_buy", update(sandbox_buyer, buy, 102, paused=True), sandbox_buyer.token
    )

    assert (grown.status, grown.error["code"]) == (403, "ACCOUNT_PAYMENT_REQUIRED")
    assert grown.error["field"] == "new_packages"
    assert paused.status == 200
    assert Package.objects.count() == 1


def test_a_suspended_account_changes_nothing(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    sandbox_buyer.account.suspend()
    sandbox_buyer.account.save()

    answer = ask("update_media_buy", update(sandbox_buyer, buy, canceled=True), sandbox_buyer.token)

    assert (answer.status, answer.error["code"]) == (403, "ACCOUNT_SUSPENDED")
    assert MediaBuy.objects.get(pk=buy.pk).status == BuyStatus.PENDING_CREATIVES


def test_the_buy_is_reachable_for_every_agent_of_the_account(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer, push_notification_config={"url": "https://first.example/hook"})
    colleague = make_buyer(sandbox_buyer.account.publisher, "colleague")
    AccountAccess.objects.create(account=buy.account, principal=colleague.principal)
    body = update(
        sandbox_buyer,
        buy,
        paused=True,
        push_notification_config={"url": "https://second.example/hook"},
    )

    answer = ask("update_media_buy", body, colleague.token)

    after = MediaBuy.objects.get(pk=buy.pk)
    assert answer.status == 200, answer.body
    assert after.is_held
    # The webhook of the agent that ordered stays its own.
    assert after.destination_id == buy.destination_id
    actor = Event.objects.get(media_buy=buy, action="paused").actor
    assert actor == f"agent:{colleague.principal.principal_id}"


def test_a_change_costs_the_same_whatever_its_size(sandbox_buyer: Buyer) -> None:
    counts = []
    for number, size in enumerate((1, 8)):
        buy = ordered(sandbox_buyer, number=number, packages=[LINE] * size)
        lines = [
            {"package_id": package.package_id, "budget": 150, "pacing": "asap"}
            for package in buy.packages.all()
        ]
        body = update(sandbox_buyer, buy, 10 + number, packages=lines)
        counts.append(len(statements("update_media_buy", body, sandbox_buyer.token)))

    # one of them for the ad server, which is to be told
    assert counts == [15, 15]


def test_a_pause_costs_no_rules(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    give_creatives(buy)
    started(buy)

    body = update(sandbox_buyer, buy, paused=True)

    # token, account, key; buy, packages, assignments; buy, history, ad server; answer
    assert len(statements("update_media_buy", body, sandbox_buyer.token)) == 10


def test_a_parked_change_costs_the_same_whatever_its_size(sandbox_buyer: Buyer) -> None:
    guaranteed = {"product_id": "ctv-evenings", "pricing_option_id": "ctv-cpm", "budget": 500}
    counts = []
    for number, size in enumerate((1, 8)):
        buy = ordered(sandbox_buyer, number=number)
        body = update(sandbox_buyer, buy, 110 + number, new_packages=[guaranteed] * size)
        counts.append(len(statements("update_media_buy", body, sandbox_buyer.token)))

    assert counts == [16, 16]


def test_history_tells_who_changed_what(sandbox_buyer: Buyer) -> None:
    buy = ordered(sandbox_buyer)
    package_id = buy.packages.get().package_id
    end = (buy.end_time + timedelta(days=1)).isoformat()
    ask(
        "update_media_buy",
        update(sandbox_buyer, buy, end_time=end, packages=of_package(buy, budget=7500)),
        sandbox_buyer.token,
    )

    answer = ask(
        "get_media_buys",
        {"media_buy_ids": [buy.media_buy_id], "include_history": 2},
        sandbox_buyer.token,
    )

    first, second = answer.body["media_buys"][0]["history"]
    assert first["action"] == "updated_budget"
    assert first["package_id"] == package_id
    assert first["summary"] == f"Budget changed from $1,000.10 to $7,500 on {package_id}"
    assert first["actor"] == f"agent:{sandbox_buyer.principal.principal_id}"
    assert (first["revision"], second["revision"]) == (2, 2)
    assert second["action"] == "updated_dates"
    assert "package_id" not in second
