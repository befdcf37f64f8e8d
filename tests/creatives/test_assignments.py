"""Creatives on packages: wished for, promised, and refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.creative_results import AssignmentOutcome, SyncedCreative
from mediabuys.models import Creative, CreativeAssignment, Event, MediaBuy
from mediabuys.services.creatives import creative_review
from mediabuys.services.orders import media_buy_reject
from mediabuys.states import BuyStatus
from tasks_hitl.services import book
from tests.creatives.library import item, sync, wish
from tests.people import Buyer, guaranteed_order, make_product, order_params
from tests.trade.orders import approve, booked_buy, place, waiting_task

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def package_of(buy: MediaBuy) -> str:
    return buy.packages.get().package_id


def promising(creative_id: str) -> dict[str, Any]:
    return LINE | {"creative_assignments": [{"creative_id": creative_id}]}


def statuses(*buys: MediaBuy) -> list[str]:
    return [MediaBuy.objects.get(pk=buy.pk).status for buy in buys]


def test_a_buy_waits_until_every_package_has_an_approved_creative(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[LINE, LINE])
    first, second = buy.packages.order_by("position")

    sync(buyer, item(), assignments=[wish("banner", first.package_id)])
    after_one = statuses(buy)
    sync(buyer, item(), assignments=[wish("banner", second.package_id)])

    assert after_one + statuses(buy) == [BuyStatus.PENDING_CREATIVES, BuyStatus.PENDING_START]


def test_a_confirmed_buy_whose_flight_has_begun_goes_on_to_active(
    buyer: Buyer, buy: MediaBuy
) -> None:
    begun = buy.start_time + timedelta(minutes=1)

    sync(buyer, item(), assignments=[wish("banner", package_of(buy))], now=begun)

    assert statuses(buy) == [BuyStatus.ACTIVE]
    moves = buy.events.order_by("pk").values_list("action", "to_status", "revision")
    assert list(moves)[-3:] == [
        (Event.Action.CREATIVES_ASSIGNED, "pending_creatives", 2),
        (Event.Action.MADE_READY, "pending_start", 3),
        (Event.Action.ACTIVATED, "active", 4),
    ]


def test_a_promised_creative_is_linked_when_it_comes(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[promising("later")])
    revision = buy.revision

    [result] = sync(buyer, item("later"))

    assert result.outcome.assigned_to == [package_of(buy)]
    assert CreativeAssignment.objects.get().creative == Creative.objects.get()
    buy.refresh_from_db()
    assert (buy.status, buy.revision) == (BuyStatus.PENDING_START, revision + 1)


def test_a_promise_of_another_account_stays_open(buyer: Buyer, stranger: Buyer) -> None:
    buy = booked_buy(buyer, packages=[promising("later")])

    [result] = sync(stranger, item("later"))

    assert result.outcome == AssignmentOutcome()
    assert CreativeAssignment.objects.get().creative is None
    assert statuses(buy) == [BuyStatus.PENDING_CREATIVES]


def test_a_promised_creative_of_the_wrong_format_stays_off_the_package(buyer: Buyer) -> None:
    make_product("spots", media="video", channel="olv")
    line = promising("later") | {"product_id": "spots"}
    buy = booked_buy(buyer, packages=[line])

    [result] = sync(buyer, item("later"))

    assert result.action == "created"
    assert result.outcome.assigned_to == []
    assert result.outcome.errors == {
        package_of(buy): "VALIDATION_ERROR: The package does not take this creative's format."
    }
    assert CreativeAssignment.objects.get().creative is None


def test_a_draft_is_linked_in_silence_and_ready_when_it_is_accepted(
    buyer: Buyer, approver: User
) -> None:
    line = promising("later") | {"product_id": "homepage", "budget": 50_000}
    task = waiting_task(buyer, packages=[line])

    [result] = sync(buyer, item("later"))

    assert result.outcome == AssignmentOutcome()
    assert CreativeAssignment.objects.get().creative == Creative.objects.get()
    approve(task, approver)
    book(booking_id=task.media_buy.booking.booking_id)
    assert statuses(task.media_buy) == [BuyStatus.PENDING_START]


def refused(result: SyncedCreative) -> list[tuple[str, str | None]]:
    return [(error.code, error.field) for error in result.errors]


def test_unknown_foreign_and_draft_packages_read_the_same(buyer: Buyer, stranger: Buyer) -> None:
    foreign = package_of(booked_buy(stranger))
    draft = place(buyer, guaranteed_order(buyer)).drafted.packages[0].package_id
    sync(buyer, item())

    told = []
    for package_id in ("pkg_unknown", foreign, draft):
        [result] = sync(buyer, item(), assignments=[wish("banner", package_id)])
        assert (result.action, result.outcome.assigned_to) == ("failed", [])
        told.append((refused(result), list(result.outcome.errors.values())))

    assert (
        told
        == [
            (
                [("PACKAGE_NOT_FOUND", "assignments[0].package_id")],
                ["PACKAGE_NOT_FOUND: There is no such package."],
            )
        ]
        * 3
    )
    assert not CreativeAssignment.objects.exists()


def test_a_promise_does_not_open_a_drafts_package_to_a_wish(buyer: Buyer) -> None:
    line = promising("later") | {"product_id": "homepage", "budget": 50_000}
    drafted = place(buyer, guaranteed_order(buyer, packages=[line])).drafted
    wishes = [wish("later", drafted.packages[0].package_id)]

    [result] = sync(buyer, item("later"), assignments=wishes)

    assert refused(result) == [("PACKAGE_NOT_FOUND", "assignments[0].package_id")]
    assert CreativeAssignment.objects.get().creative is None


def test_a_refused_assignment_takes_a_strict_sync_back(buyer: Buyer, buy: MediaBuy) -> None:
    wishes = [wish("good", package_of(buy)), wish("bad", "pkg_unknown")]

    good, bad = sync(buyer, item("good"), item("bad"), assignments=wishes)

    assert refused(good) == [("VALIDATION_ERROR", None)]
    assert refused(bad) == [("PACKAGE_NOT_FOUND", "assignments[1].package_id")]
    assert not Creative.objects.exists()
    assert not CreativeAssignment.objects.exists()
    assert statuses(buy) == [BuyStatus.PENDING_CREATIVES]


def test_a_lenient_sync_keeps_what_could_be_assigned(buyer: Buyer, buy: MediaBuy) -> None:
    wishes = [wish("good", package_of(buy)), wish("bad", "pkg_unknown")]

    good, bad = sync(buyer, item("good"), item("bad"), assignments=wishes, strict=False)

    assert (good.action, good.outcome.assigned_to) == ("created", [package_of(buy)])
    assert (bad.action, bad.errors) == ("created", [])
    assert bad.outcome.errors == {"pkg_unknown": "PACKAGE_NOT_FOUND: There is no such package."}
    assert statuses(buy) == [BuyStatus.PENDING_START]


def test_a_creative_of_the_library_is_assigned_without_its_content(
    buyer: Buyer, buy: MediaBuy
) -> None:
    sync(buyer, item("old"))

    results = sync(buyer, item("new"), assignments=[wish("old", package_of(buy))])

    assert [(one.creative_id, one.action) for one in results] == [
        ("new", "created"),
        ("old", "unchanged"),
    ]
    assert results[1].outcome.assigned_to == [package_of(buy)]
    assert statuses(buy) == [BuyStatus.PENDING_START]


@pytest.mark.parametrize("strict", [True, False])
def test_an_unknown_and_a_foreign_creative_read_the_same(
    buyer: Buyer, stranger: Buyer, buy: MediaBuy, strict: bool
) -> None:
    sync(stranger, item("theirs"))

    told = []
    for creative_id in ("nobodys", "theirs"):
        wishes = [wish(creative_id, package_of(buy))]
        result = sync(buyer, item(), assignments=wishes, strict=strict)[1]
        told.append((result.action, refused(result), list(result.outcome.errors.values())))

    assert (
        told
        == [
            (
                "failed",
                [("CREATIVE_NOT_FOUND", "assignments[0].creative_id")],
                ["CREATIVE_NOT_FOUND: There is no such creative."],
            )
        ]
        * 2
    )
    assert not CreativeAssignment.objects.exists()


def test_a_rejected_creative_is_refused(buyer: Buyer, buy: MediaBuy) -> None:
    sync(buyer, item())
    pk = Creative.objects.get().pk
    creative_review(creative_pk=pk, approve=False, reason="Too loud.", reviewer="staff:rep")

    [result] = sync(buyer, item(), assignments=[wish("banner", package_of(buy))])

    assert refused(result) == [("CREATIVE_REJECTED", "assignments[0].creative_id")]
    assert not CreativeAssignment.objects.exists()


def test_a_package_of_a_buy_that_ended_is_refused(buyer: Buyer, buy: MediaBuy) -> None:
    media_buy_reject(buy=buy, actor="system", reason="No inventory.", now=timezone.now())

    [result] = sync(buyer, item(), assignments=[wish("banner", package_of(buy))])

    assert refused(result) == [("INVALID_STATE", "assignments[0].package_id")]
    assert not Creative.objects.exists()


def test_a_canceled_package_is_refused(buyer: Buyer, buy: MediaBuy) -> None:
    buy.packages.update(is_canceled=True, canceled_at=timezone.now())

    [result] = sync(buyer, item(), assignments=[wish("banner", package_of(buy))])

    assert refused(result) == [("INVALID_STATE", "assignments[0].package_id")]


def test_a_format_that_the_package_does_not_take_is_refused(buyer: Buyer) -> None:
    make_product("spots", media="video", channel="olv")
    buy = booked_buy(buyer, packages=[LINE | {"product_id": "spots"}])

    [result] = sync(buyer, item(), assignments=[wish("banner", package_of(buy))])

    assert refused(result) == [("VALIDATION_ERROR", "assignments[0].creative_id")]
    assert not Creative.objects.exists()


def test_a_creative_keeps_a_format_that_its_packages_take(buyer: Buyer, buy: MediaBuy) -> None:
    make_product("spots", media="video", channel="olv")
    sync(buyer, item(), assignments=[wish("banner", package_of(buy))])
    video = {
        "asset_type": "video",
        "url": "https://assets.acmeoutdoor.example/film.mp4",
        "width": 1920,
        "height": 1080,
    }
    reference = item()["format_id"] | {"id": "video_main"}

    [result] = sync(buyer, item(format_id=reference, assets={"main": video}))

    assert refused(result) == [("VALIDATION_ERROR", "creatives[0].format_id")]
    assert Creative.objects.get().format_key == "display_main"


def test_placements_are_refused_and_not_ignored(buyer: Buyer, buy: MediaBuy) -> None:
    targeted = wish("banner", package_of(buy), placement_ids=["top"])

    [result] = sync(buyer, item(), assignments=[targeted])

    assert refused(result) == [("UNSUPPORTED_FEATURE", "assignments[0].placement_ids")]


def test_the_same_assignment_again_changes_nothing(buyer: Buyer, buy: MediaBuy) -> None:
    wishes = [wish("banner", package_of(buy), weight=60)]
    sync(buyer, item(), assignments=wishes)
    before = MediaBuy.objects.get(pk=buy.pk).revision

    [again] = sync(buyer, item(), assignments=wishes)
    same = MediaBuy.objects.get(pk=buy.pk).revision
    sync(buyer, item(), assignments=[wish("banner", package_of(buy), weight=40)])

    assert again.outcome.assigned_to == [package_of(buy)]
    assert (same, MediaBuy.objects.get(pk=buy.pk).revision) == (before, before + 1)
    assert CreativeAssignment.objects.get().weight == 40


def test_after_the_deadline_what_can_serve_stays_as_it_is(buyer: Buyer, buy: MediaBuy) -> None:
    assert buy.creative_deadline is not None
    late = buy.creative_deadline + timedelta(minutes=1)
    package_id = package_of(buy)

    [first] = sync(buyer, item("first"), assignments=[wish("first", package_id)], now=late)
    [second] = sync(buyer, item("second"), assignments=[wish("second", package_id)], now=late)

    assert first.action == "created"
    assert refused(second) == [("CREATIVE_DEADLINE_EXCEEDED", "assignments[0].package_id")]
    assert [row.creative_ref for row in CreativeAssignment.objects.all()] == ["first"]


@pytest.mark.usefixtures("reviewing")
def test_changed_content_is_reviewed_again_and_the_buy_has_no_way_back(
    buyer: Buyer, buy: MediaBuy
) -> None:
    sync(buyer, item(), assignments=[wish("banner", package_of(buy))])
    creative_review(
        creative_pk=Creative.objects.get().pk, approve=True, reason="", reviewer="staff:rep"
    )

    [result] = sync(buyer, item(name="Bolder"))

    assert (result.action, result.status) == ("updated", "pending_review")
    assert Creative.objects.get().reviewed_by == ""
    assert statuses(buy) == [BuyStatus.PENDING_START]


def test_an_order_finds_the_creative_that_came_before_it(buyer: Buyer) -> None:
    sync(buyer, item("known"))

    buy = place(buyer, order_params(buyer, packages=[promising("known")])).drafted.buy

    assert CreativeAssignment.objects.get(package__media_buy=buy).creative is not None
