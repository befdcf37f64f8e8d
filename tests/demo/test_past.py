"""The weeks before the demo's first start: delivered by the simulator, imported by the product."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from adcp_sales.demo import past
from adcp_sales.demo.past import past_live
from adcp_sales.launcher.ad_server import INVENTORY
from mediabuys.models import DeliverySnapshot, MediaBuy, StrayDelivery, Trafficking
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.telling import trafficking_tell
from mediabuys.states import BuyStatus
from tests.demo.conftest import NOW
from tests.simulator import Simulator

pytestmark = pytest.mark.usefixtures("demo")


def test_what_ran_before_has_figures_that_were_imported(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the demo, of which the worker has told the ad server what runs
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    simulator.set_clock(NOW)
    simulator.ask("POST", "/simulation/inventory", json.loads(INVENTORY.read_text("utf-8")))
    while trafficking_tell(now=NOW) is not None:
        pass

    # When the past is lived and the report is read
    lived = past_live(now=NOW)
    while delivery_import(now=NOW + timedelta(seconds=30)):
        pass

    # Then every buy that ran has had most of what it should by now, and none more than its budget
    assert lived is True
    ran = MediaBuy.objects.filter(
        status__in=(BuyStatus.ACTIVE, BuyStatus.COMPLETED),
        account__sandbox=False,
        start_time__lt=NOW,
    )
    spent = {
        buy.reference: sum(
            row.spend for row in DeliverySnapshot.objects.filter(package__media_buy=buy)
        )
        for buy in ran
    }
    assert len(spent) == 19
    for buy in ran:
        part = (min(NOW, buy.end_time) - buy.start_time) / (buy.end_time - buy.start_time)
        assert 0.7 * part < spent[buy.reference] / buy.total_budget <= 1, buy.reference
    assert StrayDelivery.objects.count() == 0


def test_the_past_is_not_lived_before_the_orders_are_told(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "TELLING_SECONDS", 0)
    assert Trafficking.objects.exclude(behind_since=None).exists()

    lived = past_live(now=NOW)

    assert lived is False
    assert simulator.ask("GET", "/simulation/orders") == {"orders": []}
