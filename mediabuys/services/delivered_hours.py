"""Writing hours of delivery: what is new by COPY, what is told anew in its place, and the totals.

All of it belongs to the transaction of a page, which holds the feed's row: one writer at a time, in
a number of statements that does not depend on the page.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection

from mediabuys.adservers.port import DeliveredHour
from mediabuys.delivered_hours import (
    Difference,
    HourFigures,
    HourKey,
    KnownLine,
    KnownOrders,
    PageChanges,
    changes_of,
    is_tidy,
    judge,
)
from mediabuys.models import DeliveryRevision
from mediabuys.states import StrayReason

REFERENCE_CHARACTERS = 64
LINES_AT_ONCE = 1000

# Sandbox orders never leave us, so that nobody can deliver them.
_KNOWN_ORDERS = """
    SELECT buy.reference, package.package_id, package.id, account.account_id, package.currency,
        (SELECT max(stored.hour) FROM mediabuys_deliveryrow stored
            WHERE stored.package_id = package.id)
    FROM mediabuys_mediabuy buy
    JOIN mediabuys_account account ON account.id = buy.account_id
    LEFT JOIN mediabuys_package package
        ON package.media_buy_id = buy.id AND package.package_id = ANY(%(packages)s)
    WHERE buy.reference = ANY(%(orders)s) AND buy.media_buy_id IS NOT NULL AND NOT account.sandbox
"""
_STORED_HOURS = """
    SELECT package_id, hour, creative_ref, country,
        impressions, clicks, completed_views, spend, version, revision
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS touched (package_id, hour)
    JOIN mediabuys_deliveryrow USING (package_id, hour)
"""
_COLUMNS = (
    "package_id, hour, creative_ref, country,"
    " impressions, clicks, completed_views, spend, version, revision"
)
_COPY_HOURS = f"COPY mediabuys_deliveryrow ({_COLUMNS}) FROM STDIN"
_REWRITE_HOURS = f"""
    UPDATE mediabuys_deliveryrow stored SET
        impressions = told.impressions, clicks = told.clicks,
        completed_views = told.completed_views, spend = told.spend, version = told.version,
        revision = told.revision
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[], %s::int[]
    ) AS told ({_COLUMNS})
    WHERE stored.package_id = told.package_id AND stored.hour = told.hour
        AND stored.creative_ref = told.creative_ref AND stored.country = told.country
"""  # noqa: S608 (our own names)
_MOVE_TOTALS = """
    INSERT INTO mediabuys_deliverysnapshot AS snapshot
        (package_id, as_of, impressions, clicks, completed_views, spend, currency)
    SELECT package.id, %(as_of)s,
        coalesce(before.impressions, 0) + told.impressions,
        coalesce(before.clicks, 0) + told.clicks,
        coalesce(before.completed_views, 0) + told.completed_views,
        coalesce(before.spend, 0) + told.spend,
        package.currency
    FROM unnest(%(packages)s::bigint[], %(impressions)s::bigint[], %(clicks)s::bigint[],
        %(completed_views)s::bigint[], %(spend)s::numeric[]
    ) AS told (package_id, impressions, clicks, completed_views, spend)
    JOIN mediabuys_package package ON package.id = told.package_id
    LEFT JOIN mediabuys_deliverysnapshot before ON before.package_id = told.package_id
    ON CONFLICT (package_id) DO UPDATE SET
        as_of = excluded.as_of, impressions = excluded.impressions, clicks = excluded.clicks,
        completed_views = excluded.completed_views, spend = excluded.spend
"""
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def hours_write(
    *, rows: Sequence[DeliveredHour], told_until: datetime, as_of: datetime, now: datetime
) -> list[tuple[DeliveredHour, StrayReason]]:
    """Write what may stand of these rows, move the totals, and return the strays with their reason.

    `told_until` is up to when the ad server had told everything before these rows: what they say
    otherwise of earlier hours is a restatement, and what they replace is kept. `as_of` is the
    moment, on our clock, that the totals are of. In the caller's transaction, which holds the feed.
    """
    judged = judge(rows, _known_orders(rows), now=now)
    changes = changes_of(judged.placed, _stored_hours(judged.touched), told_until=told_until)
    _insert(changes.new)
    _rewrite(changes, now)
    _move_totals(changes.differences, as_of)
    return judged.strays


def _known_orders(rows: Sequence[DeliveredHour]) -> KnownOrders:
    orders: dict[str, dict[str, KnownLine]] = {}
    references = {
        "orders": _names(rows, lambda row: row.order_reference),
        "packages": _names(rows, lambda row: row.package_id),
    }
    if references["orders"]:
        for reference, package_id, *line in _fetch(_KNOWN_ORDERS, references):
            packages = orders.setdefault(reference, {})
            if package_id is not None:
                packages[package_id] = KnownLine(*line)
    return KnownOrders(orders)


def _names(rows: Sequence[DeliveredHour], name: Callable[[DeliveredHour], str]) -> list[str]:
    return [text for text in {name(row) for row in rows} if is_tidy(text, REFERENCE_CHARACTERS)]


def _stored_hours(touched: Collection[tuple[int, datetime]]) -> dict[HourKey, HourFigures]:
    if not touched:
        return {}
    packages, hours = zip(*touched, strict=True)
    found = _fetch(_STORED_HOURS, [list(packages), list(hours)])
    return {tuple(row[:4]): HourFigures(*row[4:]) for row in found}


def _fetch(query: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _insert(hours: Mapping[HourKey, HourFigures]) -> None:
    if not hours:
        return
    with connection.cursor() as cursor, cursor.copy(_COPY_HOURS) as copy:
        # Bit by bit, so that the database stores one part while the next is spelled.
        lines = _lines(hours)
        while part := "".join(islice(lines, LINES_AT_ONCE)):
            copy.write(part)


def _lines(hours: Mapping[HourKey, HourFigures]) -> Iterator[str]:
    """Spell rows for COPY in the order of their key: neighbours are stored side by side."""
    spelled_hours: dict[datetime, str] = {}
    spelled_names: dict[str, str] = {}
    for key in sorted(hours):
        package_pk, hour, creative_ref, country = key
        told = hours[key]
        at = spelled_hours.get(hour) or spelled_hours.setdefault(hour, str(hour))
        name = spelled_names.get(creative_ref)
        if name is None:
            name = spelled_names[creative_ref] = creative_ref.translate(_ESCAPES)
        yield (
            f"{package_pk}\t{at}\t{name}\t{country}\t{told.impressions}\t{told.clicks}"
            f"\t{told.completed_views}\t{told.spend}\t{told.version}\t{told.revision}\n"
        )


def _rewrite(changes: PageChanges, now: datetime) -> None:
    if changes.rewritten:
        rows = [(*key, *hour) for key, hour in changes.rewritten.items()]
        with connection.cursor() as cursor:
            cursor.execute(_REWRITE_HOURS, [list(column) for column in zip(*rows, strict=True)])
    DeliveryRevision.objects.bulk_create(
        DeliveryRevision(
            package_id=package_pk,
            hour=hour,
            creative_ref=creative_ref,
            country=country,
            replaced_at=now,
            **before._asdict(),
        )
        for (package_pk, hour, creative_ref, country), before in changes.replaced
    )


def _move_totals(differences: Mapping[int, Difference], as_of: datetime) -> None:
    if not differences:
        return
    moved = [differences[package_pk] for package_pk in sorted(differences)]
    parameters: dict[str, Any] = {
        "as_of": as_of,
        "packages": sorted(differences),
        "impressions": [one.impressions for one in moved],
        "clicks": [one.clicks for one in moved],
        "completed_views": [one.completed_views for one in moved],
        "spend": [one.spend for one in moved],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE_TOTALS, parameters)
