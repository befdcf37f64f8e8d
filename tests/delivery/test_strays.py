"""Rows that count nowhere: kept as they came, in sight, and placed as soon as they can be."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from mediabuys.adservers.port import DeliveredHour
from mediabuys.models import DeliveryRow, MediaBuy, Package, StrayDelivery
from mediabuys.services import stray_delivery
from mediabuys.services.delivery_import import delivery_import
from mediabuys.states import StrayReason
from tests.bench.statements import statements
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, THIS_HOUR, ScriptedAdServer, told, totals
from tests.people import Buyer
from tests.trade.orders import approve, book_order, reject, waiting_task

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_reference": "ord_unknown"}, StrayReason.UNKNOWN_ORDER),
        ({"order_reference": ""}, StrayReason.UNKNOWN_ORDER),
        ({"order_reference": "x" * 5000}, StrayReason.UNKNOWN_ORDER),
        ({"package_id": "pkg_unknown"}, StrayReason.UNKNOWN_PACKAGE),
        ({"currency": "EUR"}, StrayReason.CURRENCY),
        ({"hour": THIS_HOUR + HOUR + HOUR}, StrayReason.FUTURE),
        ({"impressions": -1}, StrayReason.NEGATIVE),
        ({"clicks": -1}, StrayReason.NEGATIVE),
        ({"completed_views": -1}, StrayReason.NEGATIVE),
        ({"spend": Decimal("-0.01")}, StrayReason.NEGATIVE),
        ({"spend": Decimal("NaN")}, StrayReason.UNREADABLE),
        ({"spend": Decimal("Infinity")}, StrayReason.UNREADABLE),
        ({"spend": Decimal(10) ** 30}, StrayReason.UNREADABLE),
        ({"impressions": 10**30}, StrayReason.UNREADABLE),
        ({"version": 2**63}, StrayReason.UNREADABLE),
        ({"hour": FIRST_HOUR + MINUTE}, StrayReason.UNREADABLE),
        ({"country": "usa"}, StrayReason.UNREADABLE),
        ({"creative": "another_account/banner"}, StrayReason.FOREIGN_CREATIVE),
        ({"creative": "c" * 256}, StrayReason.UNREADABLE),
        ({"creative": "a\0b"}, StrayReason.UNREADABLE),
        ({"creative": "\ud83d"}, StrayReason.UNREADABLE),
        ({"order_reference": "a\0b"}, StrayReason.UNREADABLE),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_kept_with_its_reason_and_stops_nothing_else(
    package: Package, ad_server: ScriptedAdServer, changes: dict[str, Any], reason: StrayReason
) -> None:
    good = told(package, country="GB")
    ad_server.tell(told(package, **changes), good)

    assert delivery_import(now=NOW) == 2

    assert totals(package) == (1000, 10, 0, Decimal(10))
    assert DeliveryRow.objects.get().country == "GB"
    stray = StrayDelivery.objects.get()
    assert (stray.reason, stray.settled_at, stray.first_seen_at) == (reason, None, stray.checked_at)


def test_a_stray_is_kept_as_it_came(package: Package, ad_server: ScriptedAdServer) -> None:
    row = told(package, package_id="pkg_unknown", spend=Decimal("12.3450"), version=9)
    ad_server.tell(row)
    ad_server.unreadable = ({"impressions": "many", "order_reference": "ord_1", "hour": None},)

    delivery_import(now=NOW)

    unreadable, unknown = StrayDelivery.objects.order_by("version")
    assert unknown.row == {
        "order_reference": row.order_reference,
        "package_id": "pkg_unknown",
        "creative": row.creative,
        "country": "US",
        "hour": FIRST_HOUR.isoformat(),
        "impressions": 1000,
        "clicks": 10,
        "completed_views": 0,
        "spend": "12.3450",
        "currency": "USD",
        "version": 9,
    }
    assert (unknown.order_reference, unknown.package_ref) == (row.order_reference, "pkg_unknown")
    assert unreadable.row == {"impressions": "many", "order_reference": "ord_1", "hour": None}
    assert (unreadable.reason, unreadable.order_reference) == ("unreadable", "ord_1")


def nested(levels: int) -> dict[str, object]:
    row: dict[str, object] = {}
    for _ in range(levels):
        row = {"row": row}
    return row


@pytest.mark.parametrize(
    "row",
    [
        {"row": "a\0b"},
        {"row": "\ud83d"},
        {"row": float("nan"), "version": "many"},
        {"row": "x" * 20_000},
        {"order_reference": ["\0"], "package_id": "\0"},
        nested(5000),
    ],
    ids=["nul", "half a character", "no number", "long", "no text", "deep"],
)
def test_rubbish_that_a_database_cannot_hold_is_kept_as_text_and_stops_nothing(
    package: Package, ad_server: ScriptedAdServer, row: dict[str, object]
) -> None:
    ad_server.tell(told(package))
    ad_server.unreadable = (row, row)

    delivery_import(now=NOW)
    delivery_import(now=NOW)

    assert totals(package) == (1000, 10, 0, Decimal(10))
    stray = StrayDelivery.objects.get()
    assert (stray.reason, set(stray.row)) == ("unreadable", {"text"})


def test_a_stray_is_kept_once_as_it_was_told_last(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    for versions in ([1, 3], [2], [3], [4, 1]):
        ad_server.tell(*(told(package, package_id="other", version=v, clicks=v) for v in versions))
        delivery_import(now=NOW)

    stray = StrayDelivery.objects.get()
    assert (stray.version, stray.row["clicks"]) == (4, 4)
    ad_server.tell(told(package, package_id="other", currency="EUR"))
    delivery_import(now=NOW)
    assert StrayDelivery.objects.count() == 2


def test_an_order_that_is_accepted_later_gets_its_hours_then(
    buyer: Buyer, package: Package, ad_server: ScriptedAdServer, approver: User
) -> None:
    task = waiting_task(buyer)
    draft = MediaBuy.objects.get(pk=task.media_buy_id)
    its_package = draft.packages.get()
    ad_server.tell(told(its_package))
    delivery_import(now=NOW)
    assert StrayDelivery.objects.get().reason == StrayReason.UNKNOWN_ORDER
    assert totals(its_package) is None

    approve(task, approver)
    book_order(task)
    delivery_import(now=NOW + MINUTE)

    assert totals(its_package) == (1000, 10, 0, Decimal(10))
    stray = StrayDelivery.objects.get()
    assert stray.settled_at is not None
    assert (stray.settled_at - NOW) // MINUTE == 1
    delivery_import(now=NOW + 2 * MINUTE)
    assert totals(its_package) == (1000, 10, 0, Decimal(10))


def test_a_declined_order_delivers_nothing(
    buyer: Buyer, package: Package, ad_server: ScriptedAdServer, approver: User
) -> None:
    task = waiting_task(buyer)
    declined = MediaBuy.objects.get(pk=task.media_buy_id)
    reject(task, approver)
    ad_server.tell(told(declined.packages.get()))

    delivery_import(now=NOW)
    delivery_import(now=NOW)

    assert StrayDelivery.objects.get().reason == StrayReason.UNKNOWN_ORDER
    assert not DeliveryRow.objects.exists()


def test_nobody_delivers_a_sandbox_order(
    sandbox_buyer: Buyer, package: Package, ad_server: ScriptedAdServer
) -> None:
    package.media_buy.account.sandbox = True
    package.media_buy.account.save()
    ad_server.tell(told(package))

    delivery_import(now=NOW)

    assert StrayDelivery.objects.get().reason == StrayReason.UNKNOWN_ORDER
    assert totals(package) is None


def test_an_hour_of_the_future_counts_once_it_has_begun(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    hour = THIS_HOUR + HOUR
    early = hour - 2 * MINUTE - timedelta(seconds=30)
    ad_server.tell(told(package, hour=hour))

    delivery_import(now=early)
    assert StrayDelivery.objects.get().reason == StrayReason.FUTURE
    assert totals(package) is None
    # The ad server's clock may be two minutes ahead of ours.
    delivery_import(now=early + MINUTE)

    assert totals(package) == (1000, 10, 0, Decimal(10))
    assert StrayDelivery.objects.get().settled_at is not None


def test_a_stray_that_a_later_version_has_overtaken_is_settled_and_changes_nothing(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    hour = THIS_HOUR + HOUR
    ad_server.tell(told(package, hour=hour))
    delivery_import(now=hour - HOUR)
    late = told(package, hour=hour, version=2, impressions=5)
    StrayDelivery.objects.update(reason=StrayReason.FUTURE, checked_at=NOW)
    ad_server.tell(late)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stray_delivery, "RETRIES", 0)
        delivery_import(now=hour)

    delivery_import(now=hour)

    assert totals(package) == (5, 10, 0, Decimal(10))
    assert StrayDelivery.objects.get().settled_at is not None


def test_a_stray_whose_reason_changes_says_so(
    buyer: Buyer, package: Package, ad_server: ScriptedAdServer, approver: User
) -> None:
    task = waiting_task(buyer)
    draft = MediaBuy.objects.get(pk=task.media_buy_id)
    ad_server.tell(told(draft.packages.get(), currency="EUR"))
    delivery_import(now=NOW)

    approve(task, approver)
    book_order(task)
    delivery_import(now=NOW)

    stray = StrayDelivery.objects.get()
    assert (stray.reason, stray.settled_at) == (StrayReason.CURRENCY, None)


def flood(package: Package, number: int) -> list[DeliveredHour]:
    return [replace(told(package), order_reference=f"ord_other_{n}") for n in range(number)]


def test_a_flood_of_strays_costs_each_import_the_same(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stray_delivery, "RETRIES", 5)
    costs = []
    for number in (10, 300):
        ad_server.tell(told(package, version=number), *flood(package, number))
        delivery_import(now=NOW)
        costs.append(len(statements(lambda: delivery_import(now=NOW + MINUTE))))

    tried = StrayDelivery.objects.filter(checked_at__gte=NOW + MINUTE).count()
    assert costs[0] == costs[1]
    assert (StrayDelivery.objects.count(), tried) == (300, 10)
    assert totals(package) == (1000, 10, 0, Decimal(10))
