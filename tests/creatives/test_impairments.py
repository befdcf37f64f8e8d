"""health and impairments: which buys lost their last creative that could serve."""

from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import Creative, MediaBuy
from mediabuys.services.creatives import creative_review
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import CanceledBy
from tests.creatives.library import call, item, sync, wish
from tests.creatives.test_query_counts import statements
from tests.people import Buyer
from tests.trade.orders import booked_buy

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}


def read(buy: MediaBuy, buyer: Buyer) -> dict[str, Any]:
    status, body = call("get_media_buys", {"media_buy_ids": [buy.media_buy_id]}, buyer)
    assert status == 200, body
    found: dict[str, Any] = body["media_buys"][0]
    return found


def review(creative_id: str, *, approve: bool = False) -> None:
    creative_review(
        creative_pk=Creative.objects.get(creative_id=creative_id).pk,
        approve=approve,
        reason="" if approve else "The brand withdrew it.",
        reviewer="seller:rep",
    )


@pytest.fixture
def served(buyer: Buyer, buy: MediaBuy) -> MediaBuy:
    """The buy with one approved creative on its one package."""
    sync(buyer, item(), assignments=[wish("banner", buy.packages.get().package_id)])
    return buy


def test_a_buy_that_can_serve_is_well(buyer: Buyer, served: MediaBuy) -> None:
    body = read(served, buyer)

    assert (body["health"], "impairments" in body) == ("ok", False)


def test_a_revoked_creative_impairs_its_buy_and_keeps_its_status(
    buyer: Buyer, served: MediaBuy
) -> None:
    review("banner")

    body = read(served, buyer)

    assert (body["status"], body["health"]) == ("pending_start", "impaired")
    [impairment] = body["impairments"]
    assert impairment.pop("impairment_id").startswith("imp_")
    assert impairment.pop("observed_at")
    assert impairment == {
        "resource_type": "creative",
        "resource_id": "banner",
        "package_ids": [served.packages.get().package_id],
        "transition": {"from": "approved", "to": "rejected"},
        "reason_code": "content_rejected",
        "reason": "The brand withdrew it.",
        "remediation": (
            "Send a corrected version with sync_creatives, or assign another creative."
        ),
    }
    assert body["packages"][0]["creative_approvals"] == [
        {
            "creative_id": "banner",
            "approval_status": "rejected",
            "rejection_reason": "The brand withdrew it.",
        }
    ]


def test_the_id_stays_while_it_is_open_and_a_new_one_has_another(
    buyer: Buyer, served: MediaBuy
) -> None:
    review("banner")
    first = [read(served, buyer)["impairments"][0]["impairment_id"] for _ in range(2)]
    sync(buyer, item(name="Corrected"))
    closed = read(served, buyer)
    review("banner")
    second = read(served, buyer)["impairments"][0]["impairment_id"]

    assert closed["health"] == "ok"
    assert first[0] == first[1] != second


def test_a_peer_that_can_serve_makes_it_immaterial(buyer: Buyer, served: MediaBuy) -> None:
    sync(buyer, item("peer"), assignments=[wish("peer", served.packages.get().package_id)])

    review("banner")
    well = read(served, buyer)["health"]
    review("peer")
    both = read(served, buyer)

    assert (well, both["health"]) == ("ok", "impaired")
    assert [one["resource_id"] for one in both["impairments"]] == ["banner", "peer"]


def test_only_the_packages_without_a_peer_are_named(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[LINE, LINE])
    first, second = buy.packages.order_by("position")
    sync(
        buyer,
        item(),
        item("peer"),
        assignments=[
            wish("banner", first.package_id),
            wish("banner", second.package_id),
            wish("peer", second.package_id),
        ],
    )

    review("banner")

    [impairment] = read(buy, buyer)["impairments"]
    assert impairment["package_ids"] == [first.package_id]


@pytest.mark.usefixtures("reviewing")
def test_what_never_could_serve_impairs_nothing(buyer: Buyer, served: MediaBuy) -> None:
    review("banner")

    body = read(served, buyer)

    assert (body["status"], body["health"]) == ("pending_creatives", "ok")


def test_the_end_of_the_package_or_buy_closes_it(buyer: Buyer, served: MediaBuy) -> None:
    review("banner")
    served.packages.update(is_canceled=True, canceled_at=timezone.now(), canceled_by="buyer")
    without_package = read(served, buyer)["health"]
    served.packages.update(is_canceled=False)
    served.refresh_from_db()
    media_buy_cancel(
        buy=served,
        actor="system",
        canceled_by=CanceledBy.SELLER,
        reason="Over.",
        now=timezone.now(),
    )

    assert (without_package, read(served, buyer)["health"]) == ("ok", "ok")


def test_health_costs_one_statement_and_only_where_something_is_refused(
    buyer: Buyer, served: MediaBuy
) -> None:
    wanted = {"status_filter": ["pending_start", "pending_creatives"]}
    well = len(statements("get_media_buys", wanted, buyer))
    for number in range(2, 6):
        buy = booked_buy(buyer, idempotency_key=f"key-{number:016}")
        package_id = buy.packages.get().package_id
        sync(buyer, item(f"b-{number}"), assignments=[wish(f"b-{number}", package_id)])
        review(f"b-{number}")

    impaired = len(statements("get_media_buys", wanted, buyer))

    assert impaired == well + 1
