"""Very many buys, made in the database from one: each with a package, over several accounts."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, models

from mediabuys.models import MediaBuy, Package
from tests.people import Buyer, make_account

ACCOUNTS = 5
STATUSES = ("pending_creatives", "pending_start", "active", "paused", "completed")


def more_accounts(buyer: Buyer) -> list[int]:
    """Give the agent further accounts; return the keys of all of them."""
    keys = [buyer.account.pk]
    for number in range(1, ACCOUNTS):
        account = make_account(buyer.principal, brand_domain=f"brand{number}.example")
        keys.append(account.pk)
    return keys


def copy_buys(template: MediaBuy, *, first: int, last: int, accounts: list[int]) -> None:
    """Add the copies numbered `first` to `last`, statuses and accounts in turn."""
    buy = {
        "reference": "'copy-' || number",
        "media_buy_id": "'mb_copy_' || number",
        "context_id": "'ctx_copy_' || number",
        "account_id": "(%(accounts)s::bigint[])[1 + number %% cardinality(%(accounts)s)]",
        "status": "(%(statuses)s::text[])[1 + number / 7 %% cardinality(%(statuses)s::text[])]",
        "confirmed_at": "created_at",
    }
    package = {"package_id": "'pkg_copy_' || buy.number", "media_buy_id": "buy.id"}
    wanted: dict[str, Any] = {
        "first": first,
        "last": last,
        "accounts": accounts,
        "statuses": list(STATUSES),
        "template": template.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO mediabuys_mediabuy ({_names(MediaBuy)})"  # noqa: S608 (column names)
            f" SELECT {_values(MediaBuy, buy)} FROM mediabuys_mediabuy"
            " CROSS JOIN generate_series(%(first)s, %(last)s) AS number WHERE id = %(template)s"
            " ORDER BY number",
            wanted,
        )
        cursor.execute(
            f"INSERT INTO mediabuys_package ({_names(Package)})"  # noqa: S608 (column names)
            f" SELECT {_values(Package, package)} FROM mediabuys_package line, ("
            "   SELECT id, substr(reference, 6)::bigint AS number FROM mediabuys_mediabuy"
            "   WHERE reference LIKE 'copy-%%') buy"
            " WHERE line.media_buy_id = %(template)s"
            "   AND buy.number BETWEEN %(first)s AND %(last)s",
            wanted,
        )


def tidy() -> None:
    """Let the planner know the tables' sizes, as autovacuum would; not in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE mediabuys_mediabuy, mediabuys_package")


def _columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if not field.primary_key]


def _names(model: type[models.Model]) -> str:
    return ", ".join(f'"{column}"' for column in _columns(model))


def _values(model: type[models.Model], changed: Mapping[str, str]) -> str:
    owner = "line." if model is Package else ""
    return ", ".join(changed.get(name, f'{owner}"{name}"') for name in _columns(model))
