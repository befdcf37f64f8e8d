"""The queue: what waits, in which order, found by which words, page by page."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from mediabuys.selectors import desk as trade_desk
from tasks_hitl.desk.queue import QueueView, queue_page
from tasks_hitl.models import Task
from tests.desk.forms import address
from tests.people import Buyer
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db

QUEUE = "/admin/approvals/"


def tasks_due(buyer: Buyer, *minutes: int) -> list[Task]:
    """Return waiting tasks that are due so many minutes from now."""
    tasks = []
    for number, offset in enumerate(minutes):
        task = waiting_task(buyer, idempotency_key=f"key-{number:016}", po_number=f"BB-{number:03}")
        task.due_at = timezone.now() + timedelta(minutes=offset)
        task.save(update_fields=["due_at"])
        tasks.append(task)
    return tasks


def ids_in(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{QUEUE}{query}").context["page"]
    return [row.task.task_id for row in page.rows]


def test_the_queue_shows_what_waits_and_why(staff_client: Client, buyer: Buyer) -> None:
    task = waiting_task(buyer, po_number="BB-0482")

    page = staff_client.get(QUEUE).content.decode()

    for words in (
        "Pending manual approval",
        "acmeoutdoor.example",
        "Pinnacle",
        "Acme Outdoor via Pinnacle",
        "$50,000",
        "PO BB-0482",
        "1 package",
        ">guaranteed<",
        ">budget<",
        address(task),
    ):
        assert words in page, words
    assert ">starts soon<" not in page


def test_the_most_urgent_comes_first(staff_client: Client, buyer: Buyer) -> None:
    later, overdue, soon = tasks_due(buyer, 600, -5, 30)

    assert ids_in(staff_client) == [overdue.task_id, soon.task_id, later.task_id]


@pytest.mark.parametrize(
    ("view", "expected"),
    [("all", [1, 2, 0]), ("soon", [2]), ("overdue", [1]), ("nonsense", [1, 2, 0])],
)
def test_each_view_holds_its_own(
    staff_client: Client, buyer: Buyer, view: str, expected: list[int]
) -> None:
    tasks = tasks_due(buyer, 600, -5, 30)

    assert ids_in(staff_client, f"?view={view}") == [tasks[place].task_id for place in expected]


def test_flights_that_start_soon_have_a_view(staff_client: Client, buyer: Buyer) -> None:
    far, near = tasks_due(buyer, 600, 601)
    far.media_buy.start_time = timezone.now() + timedelta(days=9)
    far.media_buy.save(update_fields=["start_time"])

    assert ids_in(staff_client, "?view=starts") == [near.task_id]


def test_a_decided_order_leaves_the_queue(
    staff_client: Client, buyer: Buyer, approver: Any
) -> None:
    approve(waiting_task(buyer), approver)

    response = staff_client.get(QUEUE)

    assert response.context["page"].rows == ()
    assert response.context["decided"].count.number == 1
    assert "Nothing waits for approval." in response.content.decode()


@pytest.mark.parametrize(
    "words",
    [
        "pinnacle",
        "ACMEOUTDOOR",
        "BB-001",
        "homepage",
        "{task.task_id}",
        "{task.context_id}",
        "{task.media_buy.reference}",
        "  {task.task_id}\x00",
    ],
)
def test_search_finds_an_order(staff_client: Client, buyer: Buyer, words: str) -> None:
    tasks = tasks_due(buyer, 10, 20)

    found = ids_in(staff_client, f"?q={quote(words.format(task=tasks[1]))}")

    assert tasks[1].task_id in found


def test_search_leaves_the_others_out(staff_client: Client, buyer: Buyer) -> None:
    tasks = tasks_due(buyer, 10, 20)

    assert ids_in(staff_client, "?q=BB-001") == [tasks[1].task_id]
    assert ids_in(staff_client, "?q=nobody") == []
    assert ids_in(staff_client, "?q=%00") == [task.task_id for task in tasks]


def test_pages_follow_each_other_and_lead_back(buyer: Buyer) -> None:
    tasks = tasks_due(buyer, 10, 20, 20, 40, 50)
    same_moment = tasks[1].due_at
    Task.objects.filter(pk=tasks[2].pk).update(due_at=same_moment)
    now = timezone.now()

    def page(after: str = "", before: str = "") -> Any:
        return queue_page(view=QueueView.ALL, words="", after=after, before=before, now=now, size=2)

    first = page()
    second = page(after=first.next_cursor)
    third = page(after=second.next_cursor)
    walked = [row.task.pk for part in (first, second, third) for row in part.rows]
    assert walked == [task.pk for task in tasks]
    assert (first.previous_cursor, third.next_cursor) == ("", "")
    assert page(before=third.previous_cursor).rows == second.rows
    assert page(before=second.previous_cursor) == first


def test_a_decision_between_two_pages_skips_nobody(buyer: Buyer, approver: Any) -> None:
    tasks = tasks_due(buyer, 10, 20, 30, 40)
    now = timezone.now()
    first = queue_page(view=QueueView.ALL, words="", after="", before="", now=now, size=2)

    approve(tasks[0], approver)
    second = queue_page(
        view=QueueView.ALL, words="", after=first.next_cursor, before="", now=now, size=2
    )

    assert [row.task.pk for row in second.rows] == [tasks[2].pk, tasks[3].pk]


@pytest.mark.parametrize(
    "cursor",
    ["x", "1-", "-1", "²-1", f"{'9' * 40}-1", f"1-{'9' * 40}", "1-2-3", f"{'9' * 4301}-1"],
)
def test_what_is_no_cursor_is_ignored(staff_client: Client, buyer: Buyer, cursor: str) -> None:
    task = tasks_due(buyer, 10)[0]

    assert ids_in(staff_client, f"?after={cursor}") == [task.task_id]
    assert ids_in(staff_client, f"?before={cursor}") == [task.task_id]


def test_counting_stops_at_the_limit(
    staff_client: Client, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks_due(buyer, 10, 20, 30)
    assert str(staff_client.get(QUEUE).context["counts"]["all"]) == "3"

    monkeypatch.setattr(trade_desk, "COUNT_LIMIT", 2)

    assert str(staff_client.get(QUEUE).context["counts"]["all"]) == "2+"


def test_the_queue_costs_the_same_however_long(
    staff_client: Client, buyer: Buyer, django_assert_num_queries: Any
) -> None:
    tasks_due(buyer, 10)
    staff_client.get(QUEUE)
    # session, person, its permissions (2), publisher, rows, four views, money, decided, badges (3)
    with django_assert_num_queries(15):
        staff_client.get(QUEUE)

    tasks_due(buyer, *range(1, 9))[0].refresh_from_db()

    with django_assert_num_queries(15):
        staff_client.get(QUEUE)


def test_the_list_of_decisions_names_who_decided(
    staff_client: Client, buyer: Buyer, approver: Any
) -> None:
    approve(waiting_task(buyer), approver)

    for address_of_list in ("/admin/approvals/decided/", "/admin/approvals/decided/?day=today"):
        page = staff_client.get(address_of_list).content.decode()
        assert "Approved" in page
        assert "acmeoutdoor.example" in page
        assert ">approver<" in page
    for before in ("%C2%B2", "9" * 4301):
        assert staff_client.get(f"/admin/approvals/decided/?before={before}").status_code == 200
