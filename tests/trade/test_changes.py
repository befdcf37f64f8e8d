"""Changes of a buy that are applied at once: what they write, and what they leave alone."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import Booking, CreativeAssignment, Event, MediaBuy, Package
from mediabuys.services.clock import flights_activate
from mediabuys.states import BookingStatus, BuyStatus
from tasks_hitl.models import RuleVersion
from tests.people import Buyer, in_wire, order_params
from tests.trade.changes import active_buy, change, started
from tests.trade.orders import booked_buy, give_creatives, place

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def events_after(buy: MediaBuy, revision: int) -> list[tuple[str, str, str]]:
    """Return action, summary and package of what the history says since this revision."""
    found = Event.objects.filter(media_buy=buy, revision__gt=revision).order_by("pk")
    return [(event.action, event.summary, event.package_id) for event in found]


def test_a_budget_within_the_threshold_is_raised_at_once(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    package = buy.packages.get()

    applied = change(
        buyer, buy, packages=[{"package_id": package.package_id, "budget": Decimal("1500.505")}]
    )

    buy.refresh_from_db()
    package.refresh_from_db()
    assert package.budget == Decimal("1500.50")
    assert buy.total_budget == Decimal("1500.50")
    assert applied.revision == buy.revision
    assert [one.pk for one in applied.packages] == [package.pk]
    assert events_after(buy, buy.revision - 1) == [
        (
            "budget_updated",
            f"Budget changed from $1,000 to $1,500.50 on {package.package_id}",
            package.package_id,
        )
    ]


def test_one_request_is_one_revision_and_one_entry_for_each_thing(buyer: Buyer) -> None:
    buy = active_buy(buyer, packages=[LINE, LINE])
    first, second = buy.packages.all()
    end = buy.end_time + timedelta(days=2)

    change(
        buyer,
        buy,
        paused=True,
        end_time=in_wire(end),
        packages=[
            {"package_id": first.package_id, "budget": 1200, "pacing": "asap", "paused": True},
            {"package_id": second.package_id, "targeting_overlay": {"geo_countries": ["US"]}},
        ],
    )

    after = MediaBuy.objects.get(pk=buy.pk)
    assert (after.status, after.end_time) == (BuyStatus.PAUSED, end)
    assert after.revision == buy.revision + 1
    assert after.total_budget == Decimal(2200)
    assert [entry[0] for entry in events_after(buy, buy.revision)] == [
        "paused",
        "dates_updated",
        "budget_updated",
        "packages_updated",
        "package_paused",
        "packages_updated",
    ]
    moved = [
        (event.from_status, event.to_status)
        for event in Event.objects.filter(media_buy=buy, revision=after.revision)
        if event.from_status != event.to_status
    ]
    assert moved == [("active", "paused")]


def test_what_is_already_so_changes_nothing(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    package = buy.packages.get()
    assigned = package.assignments.get().creative_ref

    applied = change(
        buyer,
        buy,
        paused=False,
        end_time=in_wire(buy.end_time),
        packages=[
            {
                "package_id": package.package_id,
                "budget": 1000,
                "paused": False,
                "creative_assignments": [{"creative_id": assigned}],
                "negative_keywords_remove": [{"keyword": "casino", "match_type": "exact"}],
            }
        ],
    )

    after = MediaBuy.objects.get(pk=buy.pk)
    assert (after.revision, after.updated_at) == (buy.revision, buy.updated_at)
    assert [one.pk for one in applied.packages] == [package.pk]
    assert events_after(buy, buy.revision) == []


def test_a_weight_is_read_alike_in_an_order_and_in_a_change(buyer: Buyer) -> None:
    wish = {"creative_assignments": [{"creative_id": "to-come", "weight": 33.345}]}
    ordered = place(buyer, order_params(buyer, packages=[{**LINE, **wish}])).drafted
    buy, package = ordered.buy, ordered.packages[0]

    change(buyer, buy, packages=[{"package_id": package.package_id, **wish}])

    assert [row.weight for row in ordered.assignments] == [Decimal("33.34")]
    assert package.assignments.get().weight == Decimal("33.34")
    assert events_after(buy, buy.revision) == []


def test_a_running_buy_is_paused_and_resumed(buyer: Buyer) -> None:
    buy = active_buy(buyer)

    change(buyer, buy, paused=True)
    paused = MediaBuy.objects.get(pk=buy.pk)
    change(buyer, buy, paused=True)
    change(buyer, buy, paused=False)
    change(buyer, buy, paused=False)

    resumed = MediaBuy.objects.get(pk=buy.pk)
    assert (paused.status, paused.revision) == (BuyStatus.PAUSED, buy.revision + 1)
    assert (resumed.status, resumed.revision) == (BuyStatus.ACTIVE, buy.revision + 2)
    assert [entry[:2] for entry in events_after(buy, buy.revision)] == [
        ("paused", "Paused by the buyer"),
        ("resumed", "Resumed by the buyer"),
    ]


def test_a_buy_that_has_not_begun_is_held_and_starts_paused(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    give_creatives(buy)

    change(buyer, buy, paused=True)
    held = MediaBuy.objects.get(pk=buy.pk)
    begun = started(held)

    # The change itself moved it on: nothing else was in its way.
    assert (held.status, held.is_held) == (BuyStatus.PENDING_START, True)
    assert begun.status == BuyStatus.PAUSED
    change(buyer, begun, paused=False)
    assert MediaBuy.objects.get(pk=buy.pk).status == BuyStatus.ACTIVE


def test_a_hold_is_lifted_before_the_start(buyer: Buyer) -> None:
    buy = booked_buy(buyer, paused=True)
    give_creatives(buy)

    change(buyer, buy, paused=False)

    assert started(buy).status == BuyStatus.ACTIVE


def test_canceling_wins_over_everything_else(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    package = buy.packages.get()
    creative = package.assignments.get().creative

    applied = change(
        buyer,
        buy,
        canceled=True,
        cancellation_reason="The launch was moved.",
        paused=True,
        end_time="1999-01-01T00:00:00Z",
        packages=[{"package_id": package.package_id, "budget": 0}],
    )

    after = MediaBuy.objects.get(pk=buy.pk)
    package.refresh_from_db()
    assert after.status == BuyStatus.CANCELED
    assert (after.canceled_by, after.cancellation_reason) == ("buyer", "The launch was moved.")
    assert after.revision == buy.revision + 1
    assert (package.budget, after.total_budget) == (Decimal(1000), Decimal(1000))
    assert CreativeAssignment.objects.count() == 0
    assert creative is not None
    creative.refresh_from_db()
    assert creative.status == "approved"
    assert [one.pk for one in applied.packages] == [package.pk]
    assert events_after(buy, buy.revision) == [("canceled", "The launch was moved.", "")]


def test_canceling_an_order_that_is_being_booked_stops_the_booking(buyer: Buyer) -> None:
    buy = place(buyer, order_params(buyer)).drafted.buy

    change(buyer, buy, canceled=True)

    booking = Booking.objects.get()
    assert booking.status == BookingStatus.FAILED
    assert booking.error_message == "The buy was canceled before it was booked."


def test_a_canceled_package_counts_no_more(buyer: Buyer) -> None:
    buy = active_buy(buyer, packages=[LINE, {**LINE, "budget": 500}])
    first, second = buy.packages.all()
    now = timezone.now()

    change(
        buyer,
        buy,
        now=now,
        packages=[
            {
                "package_id": second.package_id,
                "canceled": True,
                "cancellation_reason": "Too small.",
                "budget": 10**15,
            }
        ],
    )

    buy.refresh_from_db()
    second.refresh_from_db()
    assert buy.status == BuyStatus.ACTIVE
    assert (buy.total_budget, second.budget) == (Decimal(1000), Decimal(500))
    assert (second.is_canceled, second.canceled_at) == (True, now)
    assert (second.canceled_by, second.cancellation_reason) == ("buyer", "Too small.")
    assert second.assignments.count() == 0
    assert first.assignments.count() == 1
    assert events_after(buy, buy.revision - 1) == [
        (
            "package_canceled",
            f"Canceled: Too small. on {second.package_id}",
            second.package_id,
        )
    ]


def test_without_the_package_that_blocked_it_a_buy_moves_on(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[LINE, LINE])
    give_creatives(buy)
    blocking = buy.packages.all()[1]
    blocking.assignments.all().delete()

    applied = change(buyer, buy, packages=[{"package_id": blocking.package_id, "canceled": True}])

    assert applied.buy.status == BuyStatus.PENDING_START
    assert applied.buy.revision == buy.revision + 2
    assert [entry[0] for entry in events_after(buy, buy.revision)] == [
        "package_canceled",
        "made_ready",
    ]


def test_a_buy_without_packages_neither_ends_nor_starts(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    give_creatives(buy)
    package = buy.packages.get()

    applied = change(buyer, buy, packages=[{"package_id": package.package_id, "canceled": True}])

    assert applied.buy.status == BuyStatus.PENDING_CREATIVES
    assert applied.buy.total_budget == 0
    assert flights_activate(now=buy.start_time) == 0


def test_the_creative_deadline_moves_with_the_start(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    assert buy.creative_deadline is not None
    start = buy.start_time + timedelta(days=5)

    change(buyer, buy, start_time=in_wire(start))

    after = MediaBuy.objects.get(pk=buy.pk)
    assert after.start_time == start
    assert after.creative_deadline == buy.creative_deadline + timedelta(days=5)


def test_a_ready_buy_that_may_start_now_starts(buyer: Buyer) -> None:
    RuleVersion.objects.filter(kind="starts_soon").update(is_enabled=False)
    buy = booked_buy(buyer)
    give_creatives(buy)

    applied = change(buyer, buy, start_time="asap")

    assert (applied.buy.status, applied.buy.starts_asap) == (BuyStatus.ACTIVE, True)
    assert [entry[0] for entry in events_after(buy, buy.revision)] == [
        "dates_updated",
        "made_ready",
        "activated",
    ]


def test_a_package_gets_dates_of_its_own(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    package = buy.packages.get()
    start, end = buy.start_time + timedelta(days=2), buy.end_time - timedelta(days=2)

    change(
        buyer,
        buy,
        packages=[
            {
                "package_id": package.package_id,
                "start_time": in_wire(start),
                "end_time": in_wire(end),
            }
        ],
    )

    package.refresh_from_db()
    assert (package.start_time, package.end_time) == (start, end)
    assert [entry[0] for entry in events_after(buy, 1)][-2:] == ["dates_updated"] * 2


def test_packages_are_added_with_their_creatives(buyer: Buyer) -> None:
    buy = active_buy(buyer)
    creative = buy.packages.get().assignments.get().creative_ref

    applied = change(
        buyer,
        buy,
        new_packages=[{**LINE, "budget": 700, "creative_assignments": [{"creative_id": creative}]}],
    )

    buy.refresh_from_db()
    added = buy.packages.order_by("position")[1]
    assert added.position == 1
    assert (added.budget, buy.total_budget) == (Decimal(700), Decimal(1700))
    assert added.unit_price == Decimal("10.00")
    assert added.assignments.get().creative is not None
    assert [one.package_id for one in applied.packages] == [added.package_id]
    assert events_after(buy, buy.revision - 1) == [
        (
            "packages_updated",
            f"Run Of Site added, $700, as {added.package_id}",
            added.package_id,
        )
    ]


def test_keywords_are_added_changed_and_removed(buyer: Buyer) -> None:
    overlay = {
        "geo_countries": ["US"],
        "keyword_targets": [
            {"keyword": "boots", "match_type": "broad", "bid_price": 1},
            {"keyword": "tents", "match_type": "exact"},
        ],
        "negative_keywords": [{"keyword": "used", "match_type": "broad"}],
    }
    buy = active_buy(buyer, packages=[{**LINE, "targeting_overlay": overlay}])
    package = buy.packages.get()

    change(
        buyer,
        buy,
        packages=[
            {
                "package_id": package.package_id,
                "keyword_targets_add": [
                    {"keyword": "boots", "match_type": "broad", "bid_price": 2},
                    {"keyword": "boots", "match_type": "exact"},
                ],
                "keyword_targets_remove": [{"keyword": "tents", "match_type": "exact"}],
                "negative_keywords_add": [{"keyword": "used", "match_type": "broad"}],
                "negative_keywords_remove": [
                    {"keyword": "used", "match_type": "broad"},
                    {"keyword": "never there", "match_type": "exact"},
                ],
            }
        ],
    )

    package.refresh_from_db()
    assert package.targeting_overlay == {
        "geo_countries": ["US"],
        "keyword_targets": [
            {"keyword": "boots", "match_type": "broad", "bid_price": 2},
            {"keyword": "boots", "match_type": "exact"},
        ],
    }


def test_everything_of_a_package_that_may_change(buyer: Buyer, catalog: Any) -> None:
    catalog["run-of-site"].pricing_options.update(fixed_price=None, floor_price=Decimal(2))
    line = {**LINE, "bid_price": 3, "impressions": 1000, "context": {"a": 1}, "ext": {"b": 1}}
    buy = active_buy(buyer, packages=[line])
    package = buy.packages.get()

    change(
        buyer,
        buy,
        packages=[
            {
                "package_id": package.package_id,
                "bid_price": 4.25,
                "impressions": 2000,
                "pacing": "front_loaded",
                "targeting_overlay": {"device_type": ["mobile"]},
                "context": {"a": 2},
                "ext": {"b": 2},
                "paused": True,
            }
        ],
    )

    after = Package.objects.get(pk=package.pk)
    assert (after.bid_price, after.unit_price) == (Decimal("4.25"), Decimal("4.25"))
    assert (after.impressions, after.pacing) == (2000, "front_loaded")
    assert after.targeting_overlay == {"device_type": ["mobile"]}
    assert (after.request_context, after.ext, after.is_paused) == ({"a": 2}, {"b": 2}, True)
    where = f" on {package.package_id}"
    assert [entry[1] for entry in events_after(buy, buy.revision)] == [
        f"Bid changed from $3 to $4.25{where}",
        f"Impressions changed from 1,000 to 2,000{where}",
        f"Pacing changed from even to front loaded{where}",
        f"Targeting changed from Everybody to Devices: mobile{where}",
        f"Context replaced{where}",
        f"Extensions replaced{where}",
        f"Paused{where}",
    ]
