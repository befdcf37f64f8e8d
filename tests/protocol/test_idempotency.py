"""The same key makes one order and one answer, also at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from adcp_sales.protocol.idempotency import request_digest
from adcp_sales.protocol.models import IdempotencyRecord
from adcp_sales.protocol.tasks import forget_idempotency_keys
from mediabuys.models import Account, MediaBuy
from tasks_hitl.models import Task
from tests.concurrency import together
from tests.protocol.conftest import (
    KEY,
    Answer,
    Buyer,
    ask,
    guaranteed_order,
    in_thread,
    make_buyer,
    order,
    row_counts,
)

ROUNDS = 8


def without_replay(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "replayed"}


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_a_repeat_replays_the_same_body_with_its_own_context(buyer: Buyer) -> None:
    body = guaranteed_order(buyer)
    first = ask("create_media_buy", body | {"context": {"call": 1}}, buyer.token)
    before = row_counts()

    second = ask("create_media_buy", body | {"context": {"call": 2}}, buyer.token)

    assert second.status == 200
    assert second.body["replayed"] is True
    assert second.body["context"] == {"call": 2}
    assert "replayed" not in first.body
    first.body.pop("context")
    second.body.pop("context")
    assert without_replay(second.body) == first.body
    assert row_counts() == before


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_a_replay_after_the_decision_still_says_submitted(buyer: Buyer) -> None:
    body = guaranteed_order(buyer)
    ask("create_media_buy", body, buyer.token)
    Task.objects.update(queue_state="decided", status="working")

    again = ask("create_media_buy", body, buyer.token)

    assert again.body["status"] == "submitted"
    assert again.body["replayed"] is True


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
@pytest.mark.parametrize("change", [{"po_number": "PO-2"}, {"end_time": "2031-01-01T00:00:00Z"}])
def test_another_payload_under_the_key_is_a_conflict_that_tells_nothing(
    buyer: Buyer, change: dict[str, Any]
) -> None:
    body = order(buyer)
    first = ask("create_media_buy", body, buyer.token)
    before = row_counts()

    conflict = ask("create_media_buy", body | change, buyer.token)

    assert conflict.status == 409
    assert conflict.error["code"] == "IDEMPOTENCY_CONFLICT"
    assert conflict.error["recovery"] == "correctable"
    assert set(conflict.error) == {"code", "message", "field", "suggestion", "recovery"}
    assert first.body["media_buy_id"].encode() not in conflict.raw
    assert row_counts() == before


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_the_key_of_another_task_is_a_conflict(buyer: Buyer) -> None:
    # given a key that a creative sync already used on the same account
    body = order(buyer)
    ask("create_media_buy", body, buyer.token)
    IdempotencyRecord.objects.update(task="sync_creatives")

    conflict = ask("create_media_buy", body, buyer.token)

    assert conflict.error["code"] == "IDEMPOTENCY_CONFLICT"
    assert MediaBuy.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_the_same_key_of_two_agents_is_two_orders(buyer: Buyer, stranger: Buyer) -> None:
    first = ask("create_media_buy", order(buyer), buyer.token)
    second = ask("create_media_buy", order(stranger), stranger.token)

    assert first.body["media_buy_id"] != second.body["media_buy_id"]
    assert "replayed" not in second.body


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_an_old_key_is_expired(buyer: Buyer) -> None:
    body = order(buyer)
    ask("create_media_buy", body, buyer.token)
    record = IdempotencyRecord.objects.get()
    record.created_at -= timedelta(seconds=86_400 + 61)
    record.save()
    before = row_counts()

    expired = ask("create_media_buy", body, buyer.token)

    assert (expired.status, expired.error["code"]) == (409, "IDEMPOTENCY_EXPIRED")
    assert row_counts() == before


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_a_refused_call_keeps_no_key(buyer: Buyer) -> None:
    body = order(buyer)
    refused = ask(
        "create_media_buy",
        body | {"packages": [body["packages"][0] | {"product_id": "nothing"}]},
        buyer.token,
    )

    assert refused.error["code"] == "PRODUCT_NOT_FOUND"
    assert IdempotencyRecord.objects.count() == 0
    assert ask("create_media_buy", body, buyer.token).status == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("catalog", "rules")
def test_keys_are_forgotten_after_a_week(buyer: Buyer) -> None:
    for number in range(3):
        ask("create_media_buy", order(buyer, number), buyer.token)
    ages = (timedelta(days=6), timedelta(days=8), timedelta(days=9))
    for record, age in zip(IdempotencyRecord.objects.order_by("pk"), ages, strict=True):
        record.created_at -= age
        record.save()

    forget_idempotency_keys()

    assert [record.key for record in IdempotencyRecord.objects.all()] == [KEY.format(0)]
    assert MediaBuy.objects.count() == 3


@pytest.mark.django_db
def test_a_missing_key_is_refused(buyer: Buyer) -> None:
    body = order(buyer)
    del body["idempotency_key"]
    before = row_counts()

    answer = ask("create_media_buy", body, buyer.token)

    assert (answer.status, answer.error["field"]) == (400, "idempotency_key")
    assert row_counts() == before


@pytest.mark.django_db
def test_accounts_are_synced_once_for_a_key_without_an_account(buyer: Buyer) -> None:
    body = {
        "idempotency_key": "accounts-0000000001",
        "accounts": [
            {"brand": {"domain": "new.example"}, "operator": "new.example", "billing": "operator"}
        ],
    }
    first = ask("sync_accounts", body, buyer.token)
    second = ask("sync_accounts", body, buyer.token)

    assert second.body == first.body | {"replayed": True}
    assert first.body["accounts"][0]["action"] == "created"
    assert Account.objects.filter(brand_domain="new.example").count() == 1
    assert IdempotencyRecord.objects.filter(account=None).count() == 1


def test_the_digest_ignores_what_may_change_on_a_retry() -> None:
    push = {"url": "https://buyer.example/hook"}
    secret = {"schemes": ["Bearer"], "credentials": "x" * 32}
    body = {"a": 1, "push_notification_config": push | {"authentication": secret}}
    retried = {
        "push_notification_config": push
        | {"authentication": secret | {"credentials": "y" * 32}},
        "idempotency_key": "other",
        "context": {"b": 1},
        "governance_context": "z",
        "a": 1.0,
    }  # fmt: skip

    assert request_digest(body) == request_digest(retried)
    assert request_digest(body) != request_digest(body | {"a": 2})


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("catalog", "rules")
@pytest.mark.parametrize("make", [order, guaranteed_order])
def test_two_identical_calls_at_once_make_one_order(buyer: Buyer, make: Any) -> None:
    for number in range(ROUNDS):
        answers = at_once(make(buyer, number), buyer.token, times=3)

        bodies = [without_replay(answer.body) for answer in answers]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert bodies == [bodies[0]] * 3
        assert sum("replayed" in answer.body for answer in answers) == 2
    assert MediaBuy.objects.count() == ROUNDS
    assert IdempotencyRecord.objects.count() == ROUNDS


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("catalog", "rules")
def test_one_key_from_many_threads_with_altered_payloads(buyer: Buyer) -> None:
    # given twelve calls under one key, every third with another payload
    body = order(buyer)
    altered = body | {"po_number": "PO-2"}
    bodies = [altered if number % 3 == 0 else body for number in range(12)]

    answers = all_at_once(bodies, buyer.token)

    # then one payload won, its twins got its answer, and the others a conflict
    won = [answer for answer in answers if answer.status == 200]
    lost = [answer for answer in answers if answer.status != 200]
    assert len(won) in (4, 8)
    assert len({answer.body["media_buy_id"] for answer in won}) == 1
    assert {answer.error["code"] for answer in lost} == {"IDEMPOTENCY_CONFLICT"}
    assert MediaBuy.objects.count() == 1


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_identical_account_syncs_at_once_make_one_account(buyer: Buyer) -> None:
    for number in range(ROUNDS):
        entry = {"brand": {"domain": f"b{number}.example"}, "operator": "x.example"}
        body = {
            "idempotency_key": f"sync-at-once-{number:06d}",
            "accounts": [entry | {"billing": "operator"}],
        }

        answers = at_once(body, buyer.token, times=3, task="sync_accounts")

        assert len({answer.body["accounts"][0]["account_id"] for answer in answers}) == 1
    assert Account.objects.count() == ROUNDS + 1


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("catalog", "rules")
def test_a_twin_of_a_call_that_hangs_is_told_to_wait(buyer: Buyer) -> None:
    # given a first call that holds the key and the account, and does not end
    body = order(buyer)
    with held_key(buyer, body["idempotency_key"], lock_account=True):
        twin = ask("create_media_buy", body, buyer.token)
        other = ask("create_media_buy", order(buyer, 2), buyer.token)

    assert (twin.status, twin.error["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert twin.error["recovery"] == "transient"
    assert twin.error["retry_after"] == int(twin.headers["Retry-After"]) == 2
    # another order on the locked account is told so, and not that its key is in use
    assert (other.status, other.error["code"]) == (409, "CONFLICT")
    assert MediaBuy.objects.count() == 0
    assert IdempotencyRecord.objects.count() == 0


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("catalog", "rules")
def test_a_twin_of_a_call_that_fails_runs_itself(buyer: Buyer) -> None:
    body = order(buyer)
    with held_key(buyer, body["idempotency_key"], lock_account=False, release_after=0.3):
        twin = ask("create_media_buy", body, buyer.token)

    assert twin.status == 200
    assert "replayed" not in twin.body
    assert MediaBuy.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("catalog", "rules")
@override_settings(TOKEN_CACHE_SECONDS=5)
def test_orders_at_once_on_many_accounts_all_succeed(publisher: Any) -> None:
    buyers = [make_buyer(publisher, f"agent{number}") for number in range(4)]

    def place(buyer: Buyer, number: int) -> int:
        return ask("create_media_buy", order(buyer, number), buyer.token).status

    with ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(in_thread(partial(place, buyer, number)))
            for number in range(5)
            for buyer in buyers
        ]
        statuses = [call.result() for call in calls]

    assert statuses == [200] * 20
    assert MediaBuy.objects.count() == 20


def at_once(
    body: dict[str, Any], token: str, *, times: int, task: str = "create_media_buy"
) -> list[Answer]:
    """Send the same call from several threads that start together."""
    return all_at_once([body] * times, token, task=task)


def all_at_once(
    bodies: list[dict[str, Any]], token: str, *, task: str = "create_media_buy"
) -> list[Answer]:
    """Send one call for each body, from threads that start together."""
    return together(*[partial(ask, task, body, token) for body in bodies])


class held_key:  # noqa: N801 (a context manager)
    """Hold an uncommitted record, as a call in flight does, and roll it back at the end."""

    def __init__(
        self, buyer: Buyer, key: str, *, lock_account: bool, release_after: float | None = None
    ) -> None:
        self.buyer, self.key, self.lock_account = buyer, key, lock_account
        self.release_after = release_after
        self.holds, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        try:
            with transaction.atomic():
                if self.lock_account:
                    Account.objects.select_for_update().get(pk=self.buyer.account.pk)
                IdempotencyRecord.objects.create(
                    principal=self.buyer.principal,
                    account=self.buyer.account,
                    key=self.key,
                    task="create_media_buy",
                    request_digest=b"",
                    created_at=self.buyer.account.created_at,
                )
                self.holds.set()
                self.release.wait(self.release_after or 20)
                transaction.set_rollback(True)
        finally:
            connections.close_all()

    def __enter__(self) -> None:
        self.thread.start()
        assert self.holds.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 400")

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.thread.join()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 3000")
