"""Filling an empty database with the demo publisher, once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from adcp_sales.demo.buyers import BUYERS, buyers_create
from adcp_sales.demo.catalog import catalog_create, publisher_create
from adcp_sales.demo.dating import history_dated
from adcp_sales.demo.rules import rules_create
from adcp_sales.demo.staff import STAFF, staff_create
from adcp_sales.demo.stories import Scene, stories
from adcp_sales.demo.timeline import Calendar, play
from adcp_sales.protocol.auth import token_issue
from mediabuys.models import Account, Principal, Publisher
from mediabuys.services.publishers import publisher_save
from mediabuys.states import CreativeApprovalMode

STAFF_EMAIL = "sales-desk@northernledger.example"
# Two starts at once seed one after the other; the number is ours alone.
SEED_LOCK = 0x5EED_DE30
# The other start's seeding may take longer than a request may wait for a lock.
SEED_WAIT_SECONDS = 120
FIRST_HISTORY_DAY = -95


class NotTheDemo(Exception):
    """The database belongs to another publisher, and stays as it is."""


@dataclass(frozen=True)
class Seeded:
    """Who may sign in and call; tokens and passwords only where this run made them."""

    buyers: tuple[dict[str, Any], ...]
    staff: tuple[dict[str, Any], ...]


def demo_seed(*, now: datetime, random_passwords: bool = False) -> Seeded:
    """Create the demo publisher whole, or change nothing where it already is.

    One transaction under an advisory lock. Raises `NotTheDemo` when the database already has a
    publisher of its own.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{SEED_WAIT_SECONDS}s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEED_LOCK])
        if Publisher.objects.exists():
            return _found()
        return _created(now, random_passwords=random_passwords)


def _created(now: datetime, *, random_passwords: bool) -> Seeded:
    publisher = publisher_create()
    catalog_create()
    passwords = staff_create(random_passwords=random_passwords)
    accounts = buyers_create(publisher)
    staff = {user.username: user for user in User.objects.filter(username__in=passwords)}
    calendar = Calendar(publisher=publisher, now=now)
    rules_create(director=staff["director"], now=calendar.midnight(FIRST_HISTORY_DAY))
    # Until this morning a person reviewed every creative, so that some of them still wait.
    publisher.creative_approval_mode = CreativeApprovalMode.REQUIRE_HUMAN
    publisher.save(update_fields=["creative_approval_mode"])
    play(stories(Scene(calendar=calendar, accounts=accounts, staff=staff)), until=now)
    history_dated(now=now)
    publisher.creative_approval_mode = CreativeApprovalMode.AUTO_APPROVE
    # From now on staff hear of what waits; the history was told to nobody.
    publisher.staff_notice_emails = STAFF_EMAIL
    publisher_save(publisher=publisher)
    tokens = {
        principal.domain: token_issue(
            principal=principal, name="Demo agent", created_by="seed_demo"
        )[1]
        for principal in Principal.objects.all()
    }
    return _seeded(tokens=tokens, passwords=passwords)


def _found() -> Seeded:
    domains = [buyer.domain for buyer in BUYERS]
    if Principal.objects.filter(domain__in=domains).count() != len(domains):
        raise NotTheDemo("This database has a publisher of its own; the demo needs an empty one.")
    return _seeded(tokens={}, passwords={})


def _seeded(*, tokens: dict[str, str], passwords: dict[str, str]) -> Seeded:
    first_accounts = {
        account.owner.domain: account
        for account in Account.objects.select_related("owner").order_by("-pk")
    }
    return Seeded(
        buyers=tuple(
            {
                "name": buyer.name,
                "principal_id": first_accounts[buyer.domain].owner.principal_id,
                "token": tokens.get(buyer.domain),
                "account_id": first_accounts[buyer.domain].account_id,
                "brand": first_accounts[buyer.domain].brand_domain,
                "note": buyer.note,
            }
            for buyer in BUYERS
        ),
        staff=tuple(
            {
                "username": person.role,
                "password": passwords.get(person.role),
                "role": person.role,
                "name": f"{person.first_name} {person.last_name}",
            }
            for person in STAFF
        ),
    )
