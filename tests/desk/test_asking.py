"""Asking for a change on the desk: what the form needs, what the page shows afterwards."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks_hitl.models import Decision
from tasks_hitl.states import Outcome, TaskStatus
from tests.desk.forms import address, assert_undecided, rendered, shown
from tests.people import Buyer
from tests.trade.orders import send_back, waiting_task

pytestmark = pytest.mark.django_db

ASKED = {"note": "Sold <b>out</b> until 8 March.", "suggestion": "Start on 8 March or later."}


def test_looking_at_the_form_asks_nothing(staff_client: Client, buyer: Buyer) -> None:
    task = waiting_task(buyer)

    page = staff_client.get(address(task, "ask"))

    assert page.status_code == 200
    assert "Send acmeoutdoor.example, $50,000 back?" in page.content.decode()
    assert_undecided(task)


def test_the_order_goes_back_with_what_was_written(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer)
    fields = rendered(staff_client, task, "ask") | ASKED | {"internal_note": "Velo has it."}

    response = staff_client.post(address(task, "ask"), fields, follow=True)

    decision = Decision.objects.get()
    assert (decision.outcome, decision.decided_by) == (Outcome.CHANGE_ASKED, approver)
    assert response.redirect_chain == [(address(task), 302)]
    page = response.content.decode()
    for words in (
        "You sent this order back.",
        "Asked for a change by approver",
        "Sold &lt;b&gt;out&lt;/b&gt; until 8 March.",
        "Start on 8 March or later.",
        "Waits for the buyer until ",
        "Sent back for a change",
        "Velo has it.",
    ):
        assert words in page, words
    assert "Approve…" not in page
    task.refresh_from_db()
    assert task.status == TaskStatus.INPUT_REQUIRED


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"note": " "}, "Write a note that tells the buyer why."),
        ({"suggestion": " "}, "Say what the buyer should send instead."),
        ({"suggestion": "x" * 501}, "at most 500 characters"),
        ({"reason_code": "mood"}, "Select a valid choice."),
    ],
)
def test_the_form_says_what_is_missing(
    staff_client: Client, buyer: Buyer, missing: dict[str, str], said: str
) -> None:
    task = waiting_task(buyer)

    response = staff_client.post(address(task, "ask"), shown(task, **ASKED) | missing)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert_undecided(task)


def test_a_viewer_asks_nothing(client: Client, buyer: Buyer, viewer: User) -> None:
    client.force_login(viewer)
    task = waiting_task(buyer)

    assert client.get(address(task, "ask")).status_code == 403
    assert client.post(address(task, "ask"), shown(task, **ASKED)).status_code == 403

    assert_undecided(task)


def test_what_was_sent_back_leaves_the_queue_for_the_decided(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer)

    send_back(task, approver)

    assert staff_client.get("/admin/approvals/").context["page"].rows == ()
    assert "Asked for a change" in staff_client.get("/admin/approvals/decided/").content.decode()


def test_the_replaced_order_leads_to_the_corrected_one(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    old = waiting_task(buyer)
    send_back(old, approver)
    new = waiting_task(buyer, key="key-0000000000000002", context_id=old.context_id)

    page = staff_client.get(address(old)).content.decode()

    assert "Replaced by a corrected one" in page
    assert f'The buyer sent a corrected one: <a href="{address(new)}">' in page
