"""The creative deadline: until it everything moves, after it only what cannot serve."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mediabuys.creative_results import SyncedCreative
from mediabuys.models import Creative, CreativeAssignment, CreativeReview, MediaBuy
from mediabuys.services.creatives import creative_review
from mediabuys.states import BuyStatus
from tests.creatives.library import item, sync, wish
from tests.people import Buyer, in_wire
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db

EXCEEDED = "CREATIVE_DEADLINE_EXCEEDED"
LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def late(buy: MediaBuy) -> datetime:
    assert buy.creative_deadline is not None
    return buy.creative_deadline + timedelta(seconds=1)


def package_of(buy: MediaBuy) -> str:
    return buy.packages.get().package_id


def refused(result: SyncedCreative) -> list[tuple[str, str | None]]:
    return [(error.code, error.field) for error in result.errors]


def reject(creative_id: str) -> None:
    creative = Creative.objects.get(creative_id=creative_id)
    creative_review(
        creative_pk=creative.pk, approve=False, reason="Too loud.", reviewer="seller:rep"
    )


@pytest.fixture
def served(buyer: Buyer, buy: MediaBuy) -> MediaBuy:
    """The buy with an approved creative on its package."""
    sync(buyer, item(), assignments=[wish("banner", package_of(buy))])
    return buy


def state() -> tuple[Any, ...]:
    """Return all that a refused change could have touched."""
    return (
        list(Creative.objects.order_by("pk").values_list("creative_id", "name", "revision")),
        list(CreativeAssignment.objects.order_by("pk").values_list("creative_ref", "weight")),
        CreativeReview.objects.count(),
        list(MediaBuy.objects.values_list("status", "revision")),
    )


def test_until_the_deadline_everything_moves(buyer: Buyer, served: MediaBuy) -> None:
    on_time = late(served) - timedelta(seconds=1)

    [changed] = sync(buyer, item(name="Bolder"), now=on_time)
    [added] = sync(
        buyer, item("second"), assignments=[wish("second", package_of(served))], now=on_time
    )

    assert (changed.action, changed.errors, added.errors) == ("updated", [], [])
    assert added.outcome.assigned_to == [package_of(served)]


@pytest.mark.parametrize("strict", [True, False])
def test_after_it_the_content_of_what_serves_stays(
    buyer: Buyer, served: MediaBuy, strict: bool
) -> None:
    before = state()

    [result] = sync(buyer, item(name="Bolder"), now=late(served), strict=strict)

    assert (result.action, refused(result)) == ("failed", [(EXCEEDED, "creatives[0].creative_id")])
    assert result.errors[0].details == {"package_ids": [package_of(served)]}
    assert state() == before


def test_after_it_the_same_content_again_is_no_change(buyer: Buyer, served: MediaBuy) -> None:
    [result] = sync(
        buyer, item(), assignments=[wish("banner", package_of(served))], now=late(served)
    )

    assert (result.action, result.errors) == ("unchanged", [])
    assert result.outcome.assigned_to == [package_of(served)]


def test_after_it_no_other_creative_joins_what_serves(buyer: Buyer, served: MediaBuy) -> None:
    sync(buyer, item("second"))
    before = state()

    [result] = sync(
        buyer, item("second"), assignments=[wish("second", package_of(served))], now=late(served)
    )

    assert refused(result) == [(EXCEEDED, "assignments[0].package_id")]
    assert result.outcome.errors == {
        package_of(served): f"{EXCEEDED}: The creative deadline has passed."
    }
    assert state() == before


@pytest.mark.usefixtures("reviewing")
def test_what_is_being_reviewed_is_not_swapped_under_the_reviewer(
    buyer: Buyer, served: MediaBuy
) -> None:
    [result] = sync(buyer, item(name="Bolder"), now=late(served))

    assert refused(result) == [(EXCEEDED, "creatives[0].creative_id")]
    assert Creative.objects.get().revision == 1


def test_a_lenient_sync_keeps_what_no_deadline_holds(buyer: Buyer, served: MediaBuy) -> None:
    sync(buyer, item("free"))

    held, free = sync(
        buyer,
        item(name="Bolder"),
        item("free", name="Free"),
        strict=False,
        now=late(served),
    )

    assert (refused(held), free.action) == ([(EXCEEDED, "creatives[0].creative_id")], "updated")
    assert dict(Creative.objects.values_list("creative_id", "name")) == {
        "banner": "Banner",
        "free": "Free",
    }


def test_a_rejected_creative_is_corrected_after_the_deadline(
    buyer: Buyer, served: MediaBuy
) -> None:
    reject("banner")

    [result] = sync(buyer, item(name="Quieter"), now=late(served))

    assert (result.action, result.status, result.errors) == ("updated", "approved", [])
    assert Creative.objects.get().revision == 2


def test_a_rejected_creative_is_replaced_after_the_deadline(buyer: Buyer, served: MediaBuy) -> None:
    reject("banner")

    [result] = sync(
        buyer, item("second"), assignments=[wish("second", package_of(served))], now=late(served)
    )

    assert (result.errors, result.outcome.assigned_to) == ([], [package_of(served)])


def test_beside_one_that_serves_a_rejected_one_is_replaced_too(
    buyer: Buyer, served: MediaBuy
) -> None:
    sync(buyer, item("second"), assignments=[wish("second", package_of(served))])
    reject("second")

    [result] = sync(
        buyer, item("third"), assignments=[wish("third", package_of(served))], now=late(served)
    )
    [content] = sync(buyer, item(name="Bolder"), now=late(served))

    assert result.outcome.assigned_to == [package_of(served)]
    assert refused(content) == [(EXCEEDED, "creatives[0].creative_id")]


def test_a_package_with_nothing_to_show_still_takes_a_late_creative(
    buyer: Buyer, buy: MediaBuy
) -> None:
    [result] = sync(buyer, item(), assignments=[wish("banner", package_of(buy))], now=late(buy))

    assert result.outcome.assigned_to == [package_of(buy)]
    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_START


def test_a_package_that_starts_later_stays_open_longer(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    own_start = buy.start_time + timedelta(days=2)
    later = booked_buy(
        buyer,
        idempotency_key="key-0000000000000002",
        start_time=in_wire(buy.start_time),
        end_time=in_wire(buy.end_time),
        packages=[
            LINE | {"start_time": in_wire(own_start), "end_time": in_wire(buy.end_time)},
        ],
    )
    sync(buyer, item(), assignments=[wish("banner", package_of(later))])

    [open_still] = sync(buyer, item(name="Two"), now=late(later) + timedelta(days=1))
    [closed] = sync(buyer, item(name="Three"), now=late(later) + timedelta(days=2))

    assert (open_still.action, closed.action) == ("updated", "failed")
    assert refused(closed) == [(EXCEEDED, "creatives[0].creative_id")]


def test_a_promise_that_is_kept_too_late_changes_nothing_that_serves(buyer: Buyer) -> None:
    wishes = [{"creative_id": "banner"}, {"creative_id": "later"}]
    sync(buyer, item())
    buy = booked_buy(buyer, packages=[LINE | {"creative_assignments": wishes}])

    [result] = sync(buyer, item("later"), now=late(buy))

    assert (result.action, result.errors, result.outcome.assigned_to) == ("created", [], [])
    assert result.outcome.errors == {
        package_of(buy): f"{EXCEEDED}: The creative deadline has passed."
    }
    linked = CreativeAssignment.objects.filter(creative__isnull=False)
    assert [row.creative_ref for row in linked] == ["banner"]


@pytest.mark.parametrize("over", ["canceled buy", "canceled package", "ended package"])
def test_what_is_over_holds_nothing(buyer: Buyer, served: MediaBuy, over: str) -> None:
    now = late(served)
    if over == "canceled buy":
        MediaBuy.objects.update(status=BuyStatus.CANCELED, canceled_at=now)
    elif over == "canceled package":
        served.packages.update(is_canceled=True, canceled_at=now)
    else:
        served.packages.update(end_time=now)

    [result] = sync(buyer, item(name="Bolder"), now=now)

    assert (result.action, result.errors) == ("updated", [])


def test_a_strangers_deadline_holds_only_the_strangers_creative(
    buyer: Buyer, stranger: Buyer, served: MediaBuy
) -> None:
    sync(stranger, item())

    [result] = sync(stranger, item(name="Bolder"), now=late(served))

    assert (result.action, result.errors) == ("updated", [])
