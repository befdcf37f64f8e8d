"""The desk's list of delivery that counts nowhere."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mediabuys.models import Package, StrayDelivery
from mediabuys.services.stray_delivery import strays_keep
from mediabuys.states import StrayReason
from tests.bench.statements import statements
from tests.delivery.scripted import FIRST_HOUR, NOW, told

pytestmark = pytest.mark.django_db

LIST = "/admin/mediabuys/straydelivery/"


@pytest.fixture
def strays(package: Package) -> list[StrayDelivery]:
    """One in the wrong currency, one of an unknown order, one that was not understood."""
    rows = [
        (told(package, currency="EUR"), StrayReason.CURRENCY),
        (told(package, order_reference="ord_elsewhere"), StrayReason.UNKNOWN_ORDER),
    ]
    strays_keep(strays=rows, unreadable=[{"hour": 5, "impressions": "<b>", "spend": None}], now=NOW)
    return list(StrayDelivery.objects.order_by("pk"))


def page(client: Client, viewer: User, address: str = LIST, **query: str) -> str:
    client.force_login(viewer)
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_says_what_was_told_and_why_it_counts_nowhere(
    client: Client, viewer: User, strays: list[StrayDelivery]
) -> None:
    shown = page(client, viewer)

    assert f"{FIRST_HOUR:%-d %b %Y, %H:%M} UTC".replace(" ", "\N{NO-BREAK SPACE}") in shown
    assert "1,000 impressions, EUR 10.00" in shown
    assert "In another currency than the package" in shown
    assert "No such order" in shown
    assert "Not understood" in shown


def test_it_is_narrowed_by_reason_and_by_whether_a_place_was_found(
    client: Client, viewer: User, strays: list[StrayDelivery]
) -> None:
    StrayDelivery.objects.filter(reason="unknown_order").update(settled_at=NOW)

    counts = {
        str(query): page(client, viewer, **query).count("ord_elsewhere")
        for query in ({}, {"place": "found"}, {"place": "all"}, {"reason__exact": "currency"})
    }

    assert counts == {
        "{}": 0, "{'place': 'found'}": 1, "{'place': 'all'}": 1, "{'reason__exact': 'currency'}": 0,
    }  # fmt: skip


def test_one_row_is_shown_as_it_came_and_cannot_be_changed(
    client: Client, viewer: User, strays: list[StrayDelivery]
) -> None:
    _, unknown, unreadable = strays
    address = f"{LIST}{unreadable.pk}/change/"

    assert "&quot;impressions&quot;: &quot;&lt;b&gt;&quot;" in page(client, viewer, address)
    shown = page(client, viewer, f"{LIST}{unknown.pk}/change/")
    assert "Each import tries it again" in shown
    assert "&#x27;unknown_order&#x27;" not in shown
    answer = client.post(address, {"reason": "currency"})
    assert answer.status_code == 403
    unreadable.refresh_from_db()
    assert unreadable.reason == "unreadable"


def test_the_list_costs_the_same_however_long(
    client: Client, viewer: User, strays: list[StrayDelivery], package: Package
) -> None:
    page(client, viewer)
    before = len(statements(lambda: page(client, viewer)))
    rows: Any = [
        (told(package, order_reference=f"ord_{n}"), StrayReason.UNKNOWN_ORDER) for n in range(20)
    ]
    strays_keep(strays=rows, unreadable=[], now=NOW)

    assert len(statements(lambda: page(client, viewer))) == before
