"""The page of a change: before and after, the buy's state, and whether it is out of date."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mediabuys.models import MediaBuy, MediaBuyChange
from mediabuys.states import ChangeStatus
from tasks_hitl.models import Decision, Task
from tests.desk.forms import address, rejection, rendered, shown
from tests.desk.test_queue import ids_in
from tests.people import Buyer
from tests.trade.orders import approve, waiting_task
from tests.trade.parked import budget_change, change, sold_buy, waiting_change

pytestmark = pytest.mark.django_db

QUEUE = "/admin/approvals/"


@pytest.fixture
def buy(buyer: Buyer, approver: User) -> MediaBuy:
    return sold_buy(buyer, approver)


def pause(buyer: Buyer, buy: MediaBuy) -> None:
    change(buyer, {**budget_change(buy, 0), "packages": [], "paused": True})


def test_the_page_shows_what_changes_and_the_buy_now(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    task = waiting_change(buyer, buy)

    page = staff_client.get(address(task)).content.decode()

    for words in (
        "Change of acmeoutdoor.example",
        "$50,000 → $75,000",
        "What changes",
        "asked by Pinnacle",
        f"of revision {buy.revision}",
        "Budget of Homepage",
        "The buy now:",
        buy.get_status_display(),
        "Changes the buy of acmeoutdoor.example at once",
        "Guaranteed products",
        "Change submitted",
        "Ask for a change…",
        "Reject…",
        "Approve…",
    ):
        assert words in page, words
    assert "Out of date" not in page
    assert "Order submitted" not in page


def test_approving_on_the_desk_applies_the_change(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    task = waiting_change(buyer, buy)
    fields = rendered(staff_client, task, "approve")

    page = staff_client.post(address(task, "approve"), fields, follow=True).content.decode()

    assert "You approved this change. It is applied" in page
    assert "Approved by approver" in page
    assert "Approved and applied" in page
    assert f"is at revision {buy.revision + 1}" in page
    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision + 1


def test_a_stale_change_says_so_before_it_is_decided(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    task = waiting_change(buyer, buy)
    pause(buyer, buy)

    page = staff_client.get(address(task)).content.decode()

    assert "Out of date" in page
    assert f"moved on from revision {buy.revision} to {buy.revision + 1}" in page
    assert "What happened to the buy since" in page
    assert "Close as out of date…" in page
    assert "Approve…" not in page
    assert MediaBuyChange.objects.get().status == ChangeStatus.WAITING


def test_closing_a_stale_change_says_what_moved_and_that_the_buyer_was_told(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    task = waiting_change(buyer, buy)
    fields = rendered(staff_client, task, "approve")
    pause(buyer, buy)

    response = staff_client.post(address(task, "approve"), fields)

    page = response.content.decode()
    assert response.status_code == 409
    assert "This change is out of date" in page
    assert "The buy stays as it is, and the buyer is told so." in page
    assert "Your click changed nothing" not in page
    assert "What happened to the buy since it was asked" in page
    assert "Look at the change now" in page
    task.refresh_from_db()
    assert task.status == "failed"
    assert MediaBuyChange.objects.get().status == ChangeStatus.STALE
    assert "Refused as out of date" in staff_client.get(address(task)).content.decode()


def test_rejecting_on_the_desk_leaves_the_buy(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    task = waiting_change(buyer, buy)

    page = staff_client.post(address(task, "reject"), rejection(task), follow=True).content.decode()

    assert "You rejected this change. The buyer is told why." in page
    assert MediaBuy.objects.get(pk=buy.pk).revision == buy.revision
    assert Decision.objects.filter(task=task).count() == 1


def test_a_viewer_reads_a_change_and_decides_nothing(
    client: Client, buyer: Buyer, buy: MediaBuy, viewer: User
) -> None:
    client.force_login(viewer)
    task = waiting_change(buyer, buy)

    page = client.get(address(task)).content.decode()

    assert "What changes" in page
    assert "Approve…" not in page
    assert client.post(address(task, "approve"), shown(task)).status_code == 403
    assert MediaBuyChange.objects.get().status == ChangeStatus.WAITING


def test_the_queue_names_changes_and_is_narrowed_to_a_kind(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    changing = waiting_change(buyer, buy)
    ordering = waiting_task(buyer, idempotency_key="key-0000000000000002")

    page = staff_client.get(QUEUE).content.decode()

    assert '<span class="badge info">change</span>' in page
    assert "$75,000" in page
    assert "now $50,000" in page
    assert set(ids_in(staff_client)) == {changing.task_id, ordering.task_id}
    assert ids_in(staff_client, "?kind=changes") == [changing.task_id]
    assert ids_in(staff_client, "?kind=orders") == [ordering.task_id]
    assert len(ids_in(staff_client, "?kind=nonsense")) == 2
    counts = staff_client.get(f"{QUEUE}?kind=changes").context["counts"]
    assert str(counts["all"]) == "1"


def test_the_money_that_waits_is_what_a_change_would_add(
    staff_client: Client, buyer: Buyer, buy: MediaBuy
) -> None:
    waiting_change(buyer, buy)
    waiting_task(buyer, idempotency_key="key-0000000000000002")

    def money(query: str = "") -> dict[str, str]:
        return {
            key: f"{total:.0f}"
            for key, total in staff_client.get(f"{QUEUE}{query}").context["money"]
        }

    assert money() == {"USD": "75000"}
    assert money("?kind=changes") == {"USD": "25000"}
    assert money("?kind=orders") == {"USD": "50000"}


def test_a_change_is_found_by_its_buy(staff_client: Client, buyer: Buyer, buy: MediaBuy) -> None:
    task = waiting_change(buyer, buy)
    waiting_task(buyer, idempotency_key="key-0000000000000002")

    assert ids_in(staff_client, f"?q={buy.media_buy_id}") == [task.task_id]


def test_the_page_of_a_change_costs_the_same_however_large_it_is(
    staff_client: Client, buyer: Buyer, approver: User, django_assert_num_queries: Any
) -> None:
    line = {"product_id": "homepage", "pricing_option_id": "usd", "budget": 12_000}
    tasks: list[Task] = []
    for number, size in enumerate((1, 9)):
        sold = sold_buy(
            buyer, approver, idempotency_key=f"key-{number:016}", packages=[line] * size
        )
        packages = [
            {"package_id": package.package_id, "budget": 20_000} for package in sold.packages.all()
        ]
        tasks.append(waiting_change(buyer, sold, packages=packages))
    staff_client.get(address(tasks[0]))

    for task in tasks:
        with django_assert_num_queries(QUERIES):
            staff_client.get(address(task))


def test_a_decided_change_stands_among_the_decisions(
    staff_client: Client, buyer: Buyer, buy: MediaBuy, approver: User
) -> None:
    approve(waiting_change(buyer, buy), approver)

    page = staff_client.get("/admin/approvals/decided/").content.decode()

    assert '<span class="badge info">change</span>' in page


# As an order's page, without its booking and without counting its packages.
QUERIES = 20
