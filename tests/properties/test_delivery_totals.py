"""Whatever pages come in whatever order, each hour counts as told last, and the totals are sums."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediabuys.adservers.port import DeliveredHour
from mediabuys.models import (
    AdServerFeed,
    DeliveryRevision,
    DeliveryRow,
    DeliverySnapshot,
    Package,
    StrayDelivery,
)
from mediabuys.services.delivery_import import delivery_import
from tests.delivery.conftest import ad_server  # noqa: F401 (a fixture)
from tests.delivery.scripted import FIRST_HOUR, HOUR, NOW, ScriptedAdServer, told
from tests.documents.scenes import running_buy
from tests.people import Buyer

pytestmark = pytest.mark.django_db

Hour = tuple[int, Any, str, str]
Build = Callable[[list[Package]], DeliveredHour]


@st.composite
def rows(draw: st.DrawFn) -> Build:
    """Return what makes a row of one of two packages: good ones and, at times, strays."""
    position = draw(st.integers(0, 1))
    fields: dict[str, Any] = {
        "hour": FIRST_HOUR + draw(st.integers(0, 2)) * HOUR,
        "country": draw(st.sampled_from(["", "US"])),
        "version": draw(st.integers(0, 4)),
        "impressions": draw(st.sampled_from([-1, 0, 1, 999, 10**9])),
        "clicks": draw(st.integers(0, 3)),
        "spend": draw(st.sampled_from([Decimal(0), Decimal("0.0001"), Decimal("12.34005")])),
        "currency": draw(st.sampled_from(["USD", "USD", "USD", "EUR"])),
    }
    return lambda packages: told(packages[position], **fields)


def counted(pages: list[list[DeliveredHour]], keys: dict[str, int]) -> dict[Hour, DeliveredHour]:
    """Return each hour as it should stand, by the simplest reckoning there is."""
    standing: dict[Hour, DeliveredHour] = {}
    for row in (row for page in pages for row in page):
        key = (keys[row.package_id], row.hour, "banner", row.country)
        is_good = row.impressions >= 0 and row.currency == "USD"
        if is_good and (key not in standing or row.version > standing[key].version):
            standing[key] = row
    return standing


@pytest.fixture
def packages(buyer: Buyer) -> list[Package]:
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 400}
    return list(running_buy(buyer, packages=[line, line]).packages.order_by("position"))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    built=st.lists(st.lists(rows(), max_size=12), min_size=1, max_size=4),
    again=st.lists(st.integers(0, 3), max_size=3),
)
def test_totals_are_always_the_sum_of_what_was_told_last(
    packages: list[Package],
    ad_server: ScriptedAdServer,  # noqa: F811 (the fixture)
    built: list[list[Build]],
    again: list[int],
) -> None:
    with transaction.atomic():
        ad_server.pages = [[build(packages) for build in page] for page in built]
        pages = [list(page) for page in ad_server.pages]
        delivery_import(now=NOW)
        for number in again:
            # The feed is set back, as a backup would: everything from there comes again.
            AdServerFeed.objects.update(cursor=str(min(number, len(pages))))
            delivery_import(now=NOW + timedelta(seconds=1))

        standing = counted(pages, {one.package_id: one.pk for one in packages})
        _compare(standing, packages)
        told_rows = sum(map(len, pages))
        assert DeliveryRevision.objects.count() <= told_rows - len(standing)
        assert DeliverySnapshot.objects.count() == len({key[0] for key in standing})
        assert not StrayDelivery.objects.filter(settled_at__isnull=False).exists()
        transaction.set_rollback(True)


def _compare(standing: dict[Hour, DeliveredHour], packages: list[Package]) -> None:
    stored = {
        (row.package_id, row.hour, row.creative_ref, row.country): (
            row.version, row.impressions, row.clicks, row.spend,
        )
        for row in DeliveryRow.objects.all()
    }  # fmt: skip
    step = Decimal("0.0001")
    assert stored == {
        key: (row.version, row.impressions, row.clicks, row.spend.quantize(step))
        for key, row in standing.items()
    }
    for package in packages:
        sums = DeliveryRow.objects.filter(package=package).aggregate(
            impressions=Sum("impressions"), clicks=Sum("clicks"), spend=Sum("spend")
        )
        snapshot = DeliverySnapshot.objects.filter(package=package).first()
        if snapshot is None:
            assert sums["impressions"] is None
        else:
            assert (snapshot.impressions, snapshot.clicks, snapshot.spend) == (
                sums["impressions"], sums["clicks"], sums["spend"],
            )  # fmt: skip
