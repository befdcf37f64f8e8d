"""The `context_id` of a corrected order over REST: odd values, replays and what they cost."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from mediabuys.models import MediaBuy
from tasks_hitl.models import Task
from tests import people
from tests.protocol.conftest import Buyer, ask, guaranteed_order
from tests.trade.orders import send_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "rules")]


@pytest.fixture
def approver(db: Any) -> User:
    return people.make_staff("approver", "approver")


def test_a_replayed_correction_replaces_the_order_once(buyer: Buyer, approver: User) -> None:
    first = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body
    send_back(Task.objects.get(), approver)
    corrected = guaranteed_order(buyer, 2, context_id=first["context_id"])

    answers = [ask("create_media_buy", corrected, buyer.token) for _ in range(2)]

    assert answers[0].body["task_id"] == answers[1].body["task_id"]
    assert (Task.objects.count(), MediaBuy.objects.count()) == (2, 2)
    assert Task.objects.filter(status="canceled").count() == 1


@pytest.mark.parametrize("context_id", ["", " ", "x" * 5000, "ctx_none", "%", "\N{SNOWMAN}"])
def test_an_odd_context_id_is_only_an_envelope_field(buyer: Buyer, context_id: str) -> None:
    answer = ask("create_media_buy", guaranteed_order(buyer, context_id=context_id), buyer.token)

    assert answer.body["status"] == "submitted"
    assert Task.objects.get().context_id != context_id


@pytest.mark.parametrize("context_id", [7, None, ["ctx"], {"id": "ctx"}, "a\x00b"])
def test_what_is_no_text_is_refused_at_its_field(buyer: Buyer, context_id: Any) -> None:
    answer = ask("create_media_buy", guaranteed_order(buyer, context_id=context_id), buyer.token)

    assert answer.status == 400
    assert answer.error["code"] == "INVALID_REQUEST"
    assert Task.objects.count() == 0
    assert MediaBuy.objects.count() == 0
