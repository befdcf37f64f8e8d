"""The same creatives from several callers at the same moment, over real connections."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from mediabuys.errors import InvalidState
from mediabuys.locks import media_buy_locked
from mediabuys.models import Creative, CreativeAssignment, MediaBuy
from mediabuys.services.clock import flights_activate
from mediabuys.services.creatives import creative_review
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import BuyStatus, CanceledBy
from tests.concurrency import together
from tests.creatives.library import call, item, sync, sync_body, wish
from tests.people import Buyer, order_params
from tests.trade.orders import booked_buy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

ROUNDS = 20


def actions(results: Sequence[Any]) -> list[str]:
    return [result.action for result in results]


def test_twins_that_create_one_id_make_one_row(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        name = f"banner-{number}"

        first, second = together(partial(sync, buyer, item(name)), partial(sync, buyer, item(name)))

        assert sorted(actions([*first, *second])) == ["created", "unchanged"]
    assert Creative.objects.count() == ROUNDS


def test_twins_with_many_ids_in_opposite_order_never_deadlock(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        names = [f"banner-{number}-{index}" for index in range(10)]
        items = [item(name) for name in names]

        first, second = together(partial(sync, buyer, *items), partial(sync, buyer, *items[::-1]))

        assert {*zip(actions(first), actions(second[::-1]), strict=True)} <= {
            ("created", "unchanged"),
            ("unchanged", "created"),
        }
    assert Creative.objects.count() == ROUNDS * 10


def test_new_rows_are_written_in_one_order_whatever_the_requests(buyer: Buyer) -> None:
    sync(buyer, item("bravo"), item("charlie"), item("alpha"))

    written = Creative.objects.order_by("pk").values_list("creative_id", flat=True)
    assert list(written) == ["alpha", "bravo", "charlie"]


def test_twins_over_rest_answer_both_and_make_one_row(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        bodies = [sync_body(buyer, item(f"b-{number}"), key=number * 2 + twin) for twin in (0, 1)]

        answers = together(*[partial(call, "sync_creatives", body, buyer) for body in bodies])

        assert [status for status, _ in answers] == [200, 200]
        told = sorted(answer["creatives"][0]["action"] for _, answer in answers)
        assert told == ["created", "unchanged"]
    assert Creative.objects.count() == ROUNDS


def test_one_key_at_the_same_moment_answers_one_thing(buyer: Buyer) -> None:
    body = sync_body(buyer, item())

    answers = together(*[partial(call, "sync_creatives", body, buyer)] * 4)

    assert [status for status, _ in answers] == [200] * 4
    assert {answer["creatives"][0]["action"] for _, answer in answers} == {"created"}
    assert sorted(answer.get("replayed", False) for _, answer in answers) == [
        False,
        True,
        True,
        True,
    ]
    assert Creative.objects.get().revision == 1


def test_an_order_that_promises_and_the_sync_that_brings_always_meet(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        name = f"banner-{number}"
        line = {
            "product_id": "run-of-site",
            "pricing_option_id": "usd",
            "budget": 1000,
            "creative_assignments": [{"creative_id": name}],
        }
        order = order_params(buyer, f"order-{number:016d}", packages=[line])
        creative = sync_body(buyer, item(name), key=number)

        answers = together(
            partial(call, "create_media_buy", order, buyer),
            partial(call, "sync_creatives", creative, buyer),
        )

        assert [status for status, _ in answers] == [200, 200]
    assert CreativeAssignment.objects.filter(creative=None).count() == 0
    assert CreativeAssignment.objects.count() == ROUNDS


def test_two_packages_filled_at_once_make_the_buy_ready_once(buyer: Buyer) -> None:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}
    for number in range(ROUNDS):
        buy = booked_buy(buyer, packages=[line, line])
        wishes = [
            wish(f"{number}-{index}", package.package_id)
            for index, package in enumerate(buy.packages.all())
        ]

        together(
            *[partial(sync, buyer, item(one["creative_id"]), assignments=[one]) for one in wishes]
        )

        buy.refresh_from_db()
        assert buy.status == BuyStatus.PENDING_START
        assert buy.events.filter(action="made_ready").count() == 1
        assert buy.revision == 4


def review(shown: Creative) -> str:
    """Approve what was shown; return how that went."""
    try:
        creative_review(
            creative_pk=shown.pk,
            approve=True,
            reason="",
            reviewer="staff:rep",
            shown_revision=shown.revision,
        )
    except InvalidState:
        return "refused"
    return "approved"


@pytest.mark.usefixtures("reviewing")
def test_a_review_and_a_new_version_at_once_never_approve_the_new_one_unseen(
    buyer: Buyer,
) -> None:
    outcomes = []
    for number in range(ROUNDS):
        name = f"banner-{number}"
        sync(buyer, item(name))
        shown = Creative.objects.get(creative_id=name)

        said, [synced] = together(
            partial(review, shown), partial(sync, buyer, item(name, name="New"))
        )

        outcomes.append(said)
        assert synced.action == "updated"
        shown.refresh_from_db()
        assert (shown.status, shown.revision, shown.name) == ("pending_review", 2, "New")
    assert {*outcomes} <= {"approved", "refused"}
    assert MediaBuy.objects.count() == 0


def decide(shown: Creative, *, approve: bool) -> str:
    """Decide on what was shown, as it stood; return how that went."""
    try:
        creative_review(
            creative_pk=shown.pk,
            approve=approve,
            reason="" if approve else "Too loud.",
            reviewer="seller:one" if approve else "seller:two",
            shown_revision=shown.revision,
            shown_standing=shown.standing,
        )
    except InvalidState:
        return "refused"
    return "approved" if approve else "rejected"


@pytest.mark.usefixtures("reviewing")
def test_of_two_reviewers_one_decides(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        name = f"banner-{number}"
        sync(buyer, item(name))
        shown = Creative.objects.get(creative_id=name)

        said = together(partial(decide, shown, approve=True), partial(decide, shown, approve=False))

        shown.refresh_from_db()
        assert sorted(said) == sorted(["refused", shown.status])
        decided = shown.reviews.exclude(outcome="submitted")
        assert [review.outcome for review in decided] == [shown.status]


def test_a_revocation_and_the_start_of_the_flight_never_lose_each_other(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        buy = booked_buy(buyer, idempotency_key=f"key-{number:016}")
        name = f"banner-{number}"
        sync(buyer, item(name), assignments=[wish(name, buy.packages.get().package_id)])
        shown = Creative.objects.get(creative_id=name)
        begun = buy.start_time + timedelta(seconds=1)

        said, _ = together(
            partial(decide, shown, approve=False), partial(flights_activate, now=begun)
        )
        flights_activate(now=begun)

        buy.refresh_from_db()
        shown.refresh_from_db()
        assert (said, shown.status, buy.status) == ("rejected", "rejected", BuyStatus.ACTIVE)
        moves = list(buy.events.order_by("pk").values_list("action", "from_status", "to_status"))
        assert [move[0] for move in moves].count("activated") == 1
        [revoked] = [move for move in moves if move[0] == "creative_revoked"]
        assert revoked[1] == revoked[2]
        assert revoked[1] in ("pending_start", "active")


def test_a_cancellation_and_an_assignment_leave_nothing_behind(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        buy = booked_buy(buyer, idempotency_key=f"key-{number:016}")
        name = f"banner-{number}"
        put = [wish(name, buy.packages.get().package_id)]

        together(partial(sync, buyer, item(name), assignments=put), partial(cancel, buy))

        assert not CreativeAssignment.objects.filter(package__media_buy=buy).exists()
        buy.refresh_from_db()
        assert buy.status == BuyStatus.CANCELED


def cancel(buy: MediaBuy) -> None:
    with transaction.atomic():
        media_buy_cancel(
            buy=media_buy_locked(buy.pk),
            actor="seller:rep",
            canceled_by=CanceledBy.SELLER,
            reason="Sold twice.",
            now=timezone.now(),
        )
