"""Seeding: whole or not at all, once, and telling nobody outside."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from adcp_sales.demo import seeding
from adcp_sales.demo.seeding import NotTheDemo, demo_seed
from adcp_sales.protocol.auth import authenticate
from mediabuys.models import MediaBuy, Principal, Product, Publisher
from tasks_hitl.models import Task
from tests.concurrency import together
from tests.demo.conftest import NOW


def dump() -> dict[str, list[str]]:
    """Return every row of every table of ours, as text."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        rows = {}
        for name in names:
            cursor.execute(f'SELECT t::text FROM "{name}" AS t ORDER BY 1')  # noqa: S608
            rows[name] = [text for (text,) in cursor.fetchall()]
    return rows


def test_second_seeding_changes_nothing(db: None) -> None:
    demo = demo_seed(now=NOW)
    before = dump()

    again = demo_seed(now=NOW + timedelta(days=3), random_passwords=True)

    assert dump() == before
    assert len(before["mediabuys_mediabuy"]) > 40
    assert {buyer["token"] for buyer in again.buyers} == {None}
    assert {person["password"] for person in again.staff} == {None}
    assert [buyer["account_id"] for buyer in again.buyers] == [
        buyer["account_id"] for buyer in demo.buyers
    ]


def test_seeding_that_breaks_leaves_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump()

    def broken(**_: datetime) -> None:
        raise RuntimeError("the last step breaks")

    monkeypatch.setattr(seeding, "history_dated", broken)
    with pytest.raises(RuntimeError, match="the last step"):
        demo_seed(now=NOW)

    assert dump() == before


def test_another_publisher_is_left_alone(db: None) -> None:
    Publisher.objects.create(name="Summit Media", domain="summit.example")
    before = dump()

    with pytest.raises(NotTheDemo):
        demo_seed(now=NOW)
    with pytest.raises(CommandError, match="publisher of its own"):
        call_command("seed_demo")

    assert dump() == before


def test_json_names_buyers_and_staff(db: None) -> None:
    printed = StringIO()

    call_command("seed_demo", "--json", stdout=printed)

    told = json.loads(printed.getvalue())
    assert [buyer["name"] for buyer in told["buyers"]] == [
        "Pinnacle Media",
        "Kestrel Trading",
        "Oranje Labs",
    ]
    for buyer in told["buyers"]:
        assert authenticate(buyer["token"]).principal_id == buyer["principal_id"]
        owner = Principal.objects.get(principal_id=buyer["principal_id"])
        assert owner.accounts.get(account_id=buyer["account_id"]).brand_domain == buyer["brand"]
    assert {person["username"]: person["password"] for person in told["staff"]} == {
        role: f"{role}-demo" for role in ("rep", "approver", "director", "viewer")
    }


def test_random_passwords_are_not_the_known_ones(db: None) -> None:
    seeded = demo_seed(now=NOW, random_passwords=True)

    passwords = {person["password"] for person in seeded.staff}
    assert len(passwords) == 4
    for person in seeded.staff:
        user = User.objects.get(username=person["username"])
        assert user.check_password(person["password"])
        assert not user.check_password(f"{person['role']}-demo")


def test_two_starts_at_once_seed_once(transactional_db: None) -> None:
    first, second = together(*[partial(demo_seed, now=NOW)] * 2)

    assert Publisher.objects.count() == 1
    assert Product.objects.filter(product_id="premium_ctv").count() == 1
    assert sorted(result.buyers[0]["token"] is None for result in (first, second)) == [False, True]


@pytest.mark.parametrize(
    "now",
    [
        datetime(2027, 3, 13, 9, 0, tzinfo=UTC),
        datetime(2027, 3, 14, 8, 30, tzinfo=UTC),
        datetime(2027, 11, 8, 4, 45, tzinfo=UTC),
    ],
    ids=["saturday", "sunday the clocks change", "sunday before midnight"],
)
def test_every_day_tells_the_same_story(db: None, now: datetime) -> None:
    demo_seed(now=now)

    assert Counter(MediaBuy.objects.values_list("status", flat=True)) == {
        "completed": 14,
        "draft": 10,
        "active": 7,
        "pending_creatives": 3,
        "declined": 3,
        "pending_start": 2,
        "canceled": 2,
        "rejected": 2,
        "paused": 1,
    }
    assert Task.objects.filter(status="submitted", due_at__lt=now).count() >= 2
    assert Task.objects.filter(status="input-required").count() == 1
    assert Task.objects.filter(status="submitted", task_type="update_media_buy").count() == 1
    assert not Task.objects.filter(status="submitted", expires_at__lt=now).exists()
