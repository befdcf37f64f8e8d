"""Id 13: a million hours of delivery imported, against their bare COPY."""

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from mediabuys.adservers import profiles, registry
from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import DeliveredHour, DeliveryPage, Health
from mediabuys.models import AdServerFeed, DeliveryRow, DeliverySnapshot, MediaBuy
from mediabuys.services.delivery_import import delivery_import
from tests.bench import scenery
from tests.bench.measuring import Clock, Spent, own_clock
from tests.bench.rows import Row

ROWS = 1_000_000
PAGE = 10_000
BUYS = 20
PACKAGES = 5
CREATIVES = 2
COUNTRIES = ("US", "GB", "DE", "FR", "NL")
ROUNDS = 3
GOAL = 0.35
HOUR = timedelta(hours=1)

_BARE = """
    CREATE TABLE bare_delivery (
        order_reference text, package_id text, creative text, country text, hour timestamptz,
        impressions bigint, clicks bigint, completed_views bigint, spend numeric(18, 4),
        currency text, version bigint)
"""


@dataclass
class ToldBefore(InlineAdServer):
    """An ad server that has its pages ready, so that only their import is measured."""

    pages: list[tuple[DeliveredHour, ...]]

    def __post_init__(self) -> None:
        super().__init__("Bench")

    def delivery(self, cursor: str) -> DeliveryPage:
        """Return the page of this number."""
        number = int(cursor or 0)
        after = min(number + 1, len(self.pages))
        rows = self.pages[number] if number < len(self.pages) else ()
        return DeliveryPage(rows, str(after), after < len(self.pages), timezone.now())

    def health(self) -> Health:
        """Return our own clock."""
        return Health(is_well=True, message="", now=timezone.now())


def measure() -> list[Row]:
    """Return the import's rows a second over those of COPY."""
    # What was measured before may have left another one in use, which cannot book.
    settings.ADSERVER = "inline"
    buys = scenery.running_buys(scenery.new_buyer(), number=BUYS, packages=PACKAGES)
    rows = tuple(islice(_hours(buys), ROWS))
    ad_server = ToldBefore([rows[first : first + PAGE] for first in range(0, ROWS, PAGE)])
    plain = [tuple(vars(row).values()) for row in rows]
    _use(ad_server)
    gc.collect()
    gc.freeze()
    clock = own_clock()
    rounds = [(_import(clock), _copy(plain, clock)) for _ in range(ROUNDS)]
    gc.unfreeze()
    ours, bare = (ROWS / median(one[side].wall for one in rounds) for side in (0, 1))
    value = median(copied.wall / imported.wall for imported, copied in rounds)
    of_processor = median(copied.processor / imported.processor for imported, copied in rounds)
    return [
        Row(
            id=13,
            name="import of 1,000,000 delivery rows, rows a second",
            value=round(value, 3),
            goal=f"≥ {GOAL:g}",
            holds=value >= GOAL,
            baseline="COPY of the same rows into a bare table",
            detail=f"{ours:,.0f} against {bare:,.0f} rows a second; pages of {PAGE:,}; ratio of"
            f" processor times {of_processor:.2f}",
        )
    ]


def _hours(buys: list[MediaBuy]) -> Iterator[DeliveredHour]:
    """Tell the hours as they pass, and in each all packages: the order in which they change."""
    lines = [
        {
            "order_reference": buy.reference,
            "package_id": package.package_id,
            "creative": f"{buy.account.account_id}/creative-{number}",
            "country": country,
        }
        for buy in buys
        for package in buy.packages.all()
        for number in range(CREATIVES)
        for country in COUNTRIES
    ]
    for hour in _hours_before(timezone.now(), ROWS // len(lines)):
        for number, line in enumerate(lines, start=1):
            yield DeliveredHour(
                **line, hour=hour, impressions=1000 + number, clicks=number % 9,
                completed_views=number, spend=Decimal(1000 + number) / 100, currency="USD",
                version=1,
            )  # fmt: skip


def _hours_before(now: datetime, number: int) -> Iterator[datetime]:
    last = now.replace(minute=0, second=0, microsecond=0)
    return (last - ago * HOUR for ago in range(number, 0, -1))


def _use(ad_server: ToldBefore) -> None:
    registry.ADAPTERS["bench"] = lambda *_: ad_server
    profiles.PROFILES["bench"] = profiles.PROFILES["simulated"]


def _import(clock: Clock) -> Spent:
    """Import everything into empty tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {DeliveryRow._meta.db_table}")
    DeliverySnapshot.objects.all().delete()
    AdServerFeed.objects.all().delete()
    settings.ADSERVER = "bench"
    began, processor, imported = time.perf_counter(), clock(), 0
    while imported < ROWS:
        imported += delivery_import(now=timezone.now())
    spent = Spent(clock() - processor, time.perf_counter() - began)
    settings.ADSERVER = "inline"
    _require_all_counted()
    return spent


def _require_all_counted() -> None:
    told = DeliverySnapshot.objects.aggregate(told=Sum("completed_views"))["told"]
    stored = DeliveryRow.objects.count()
    lines = BUYS * PACKAGES * CREATIVES * len(COUNTRIES)
    if (stored, told) != (ROWS, ROWS // lines * lines * (lines + 1) // 2):
        raise RuntimeError(f"Of {ROWS} rows {stored} were imported.")


def _copy(rows: list[tuple[Any, ...]], clock: Clock) -> Spent:
    """Copy the same rows as they are, as anybody would."""
    with connection.cursor() as cursor:
        cursor.execute(_BARE)
        began, processor = time.perf_counter(), clock()
        with cursor.copy("COPY bare_delivery FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        spent = Spent(clock() - processor, time.perf_counter() - began)
        cursor.execute("DROP TABLE bare_delivery")
    return spent
