"""Changes that wait: applied as they were shown, or not at all."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from mediabuys.errors import ChangeStale
from mediabuys.models import Event, MediaBuy, MediaBuyChange, Product, ReportingWebhook
from mediabuys.services.changes import AppliedChange
from mediabuys.services.parked_changes import change_apply_parked, change_outdate, change_refuse
from mediabuys.states import ChangeStatus
from tasks_hitl.models import Task
from tests.people import Buyer, in_wire
from tests.trade.changes import ask_change, change
from tests.trade.orders import booked_buy, give_creatives
from tests.trade.parked import sold_buy

pytestmark = pytest.mark.django_db

LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}
SECRETS: dict[str, Any] = {
    "invoice_recipient": {
        "legal_name": "Acme Holding",
        "bank": {"account_holder": "Acme", "iban": "GB82WEST12345698765432"},
    },
    "push_notification_config": {
        "url": "https://buyer.example/hook",
        "operation_id": "op-7",
        "token": "push-token-0123456789",
    },
    "reporting_webhook": {
        "url": "https://buyer.example/reports",
        "token": "reports-token-0123456789",
        "reporting_frequency": "daily",
        "authentication": {"schemes": ["Bearer"], "credentials": "c" * 32},
    },
}


def parked(buyer: Buyer, buy: MediaBuy, **fields: Any) -> MediaBuyChange:
    """Return the change that this request leaves waiting."""
    assert isinstance(ask_change(buyer, buy, **fields), Task)
    return MediaBuyChange.objects.get(media_buy=buy, status=ChangeStatus.WAITING)


def apply(waiting: MediaBuyChange) -> AppliedChange:
    """Apply the change in a transaction of its own."""
    with transaction.atomic():
        return change_apply_parked(change=waiting, now=timezone.now())


def stale(waiting: MediaBuyChange) -> ChangeStale:
    """Return why the change is stale, after making sure that nothing was written."""
    before = _state(waiting)
    with pytest.raises(ChangeStale) as refused:
        apply(waiting)
    assert _state(waiting) == before
    return refused.value


def _state(waiting: MediaBuyChange) -> tuple[Any, ...]:
    buy = waiting.media_buy_id
    return (
        MediaBuy.objects.filter(pk=buy).values().get(),
        list(MediaBuy.objects.get(pk=buy).packages.order_by("pk").values()),
        list(Event.objects.filter(media_buy=buy).values_list("pk", flat=True)),
        MediaBuyChange.objects.filter(pk=waiting.pk).values().get(),
    )


def test_everything_that_was_asked_is_applied_at_once(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    give_creatives(buy)
    package = buy.packages.get()
    name = package.assignments.get().creative_ref
    waiting = parked(
        buyer,
        buy,
        paused=True,
        packages=[{"package_id": package.package_id, "budget": 12_000}],
        new_packages=[{**LINE, "creative_assignments": [{"creative_id": name, "weight": 50}]}],
        **SECRETS,
    )

    applied = apply(waiting)

    waiting.refresh_from_db()
    after = MediaBuy.objects.get(pk=buy.pk)
    assert (waiting.status, waiting.applied_revision) == ("applied", buy.revision + 1)
    assert waiting.settled_at is not None
    assert waiting.sealed == ""
    assert (after.is_held, after.total_budget) == (True, Decimal(13_000))
    assert waiting.budget_after == after.total_budget
    assert after.invoice_recipient == {"legal_name": "Acme Holding"}
    assert orjson.loads(after.invoice_bank)["iban"] == "GB82WEST12345698765432"
    assert (after.operation_id, after.push_token) == ("op-7", "push-token-0123456789")
    reports = ReportingWebhook.objects.get(media_buy=buy)
    assert (reports.destination.url, reports.token) == (
        "https://buyer.example/reports",
        "reports-token-0123456789",
    )
    added = after.packages.order_by("position")[1]
    assert added.assignments.get().weight == Decimal(50)
    assert [one.package_id for one in applied.packages] == [package.package_id, added.package_id]


def test_a_buy_that_moved_makes_it_stale(buyer: Buyer, approver: User) -> None:
    buy = sold_buy(buyer, approver)
    package_id = buy.packages.get().package_id
    waiting = parked(buyer, buy, packages=[{"package_id": package_id, "budget": 60_000}])
    change(buyer, buy, paused=True)

    refused = stale(waiting)

    assert refused.code == "CONFLICT"
    assert refused.moved == ("Paused by the buyer, held from its start",)
    assert refused.details == {
        "resource_id": buy.media_buy_id,
        "expected_version": buy.revision,
        "current_version": buy.revision + 1,
    }


def test_a_price_that_moved_makes_it_stale(buyer: Buyer, catalog: dict[str, Product]) -> None:
    buy = booked_buy(buyer)
    waiting = parked(buyer, buy, new_packages=[{**LINE, "budget": 20_000}])
    catalog["run-of-site"].pricing_options.update(fixed_price=Decimal(11))

    assert stale(waiting).moved == (
        "What was asked for would not be what was shown: prices or packages have changed.",
    )


def test_what_is_not_sold_any_more_makes_it_stale(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    buy = booked_buy(buyer)
    waiting = parked(buyer, buy, new_packages=[{**LINE, "budget": 20_000}])
    catalog["run-of-site"].is_live = False
    catalog["run-of-site"].save()

    assert stale(waiting).moved == ("This product is not on sale.",)


def test_a_start_that_has_passed_makes_it_stale(buyer: Buyer, approver: User) -> None:
    buy = sold_buy(buyer, approver)
    soon = in_wire(timezone.now() + (buy.start_time - timezone.now()) / 2)
    waiting = parked(buyer, buy, start_time=soon)

    with pytest.raises(ChangeStale) as refused, transaction.atomic():
        change_apply_parked(change=waiting, now=buy.start_time)

    assert refused.value.moved == ("start_time is in the past.",)
    assert MediaBuy.objects.get(pk=buy.pk).start_time == buy.start_time


@pytest.mark.parametrize(("end", "status"), [(change_refuse, "refused"), (change_outdate, "stale")])
def test_a_change_that_ends_forgets_its_secrets(end: Any, status: str, buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    waiting = parked(buyer, buy, new_packages=[{**LINE, "budget": 20_000}], **SECRETS)
    assert waiting.sealed

    end(change=waiting, now=timezone.now())

    waiting.refresh_from_db()
    assert (waiting.status, waiting.sealed, waiting.applied_revision) == (status, "", None)
    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision
