"""The sums of delivered hours, made by the database in one pass, whatever is asked of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from mediabuys.delivery_metrics import Metrics


class Dimension(StrEnum):
    """What a package's delivery can be broken down by."""

    CREATIVE = "creative"
    COUNTRY = "country"
    DAY = "day"
    HOUR = "hour"


@dataclass(slots=True)
class PackageSums:
    """What one package delivered: all of it, and by each dimension that was asked for.

    A creative or country of "" is what the ad server named none for. The hours are the first and
    the last that were delivered.
    """

    total: Metrics = field(default_factory=Metrics)
    first_hour: datetime | None = None
    last_hour: datetime | None = None
    by_creative: dict[str, Metrics] = field(default_factory=dict)
    by_country: dict[str, Metrics] = field(default_factory=dict)
    by_day: dict[date, Metrics] = field(default_factory=dict)
    by_hour: dict[datetime, Metrics] = field(default_factory=dict)


# Only the sets that are wanted are grouped: each costs a third of the whole. `{dimension}` and
# `{columns}` say which set a row is of. All are made of the words of `Dimension` alone.
_SUMS = """
    SELECT package_id, {dimension}, {columns}, min(hour), max(hour),
        sum(impressions)::bigint, sum(clicks)::bigint, sum(completed_views)::bigint, sum(spend)
    FROM (
        SELECT package_id, creative_ref AS creative, country, hour,
            (hour AT TIME ZONE 'UTC')::date AS day, impressions, clicks, completed_views, spend
        FROM mediabuys_deliveryrow
        WHERE package_id = ANY(%(packages)s)
            AND hour >= coalesce(%(start)s, '-infinity'::timestamptz)
            AND hour < coalesce(%(end)s, 'infinity'::timestamptz)
    ) delivered
    GROUP BY GROUPING SETS ({sets})
"""


def sums_of(
    packages: Collection[int],
    *,
    start: datetime | None,
    end: datetime | None,
    by: Collection[Dimension],
) -> Mapping[int, PackageSums]:
    """Return the sums of these packages by their keys, in one query; of nothing there is no entry.

    Hours count from `start` to right before `end`, and all where these are None.
    """
    found: dict[int, PackageSums] = {}
    for package, dimension, *values, first, last, metrics in _rows(packages, start, end, by):
        sums = found.setdefault(package, PackageSums())
        creative, country, day, hour = values
        match dimension:
            case Dimension.CREATIVE:
                sums.by_creative[creative] = metrics
            case Dimension.COUNTRY:
                sums.by_country[country] = metrics
            case Dimension.DAY:
                sums.by_day[day] = metrics
            case Dimension.HOUR:
                sums.by_hour[hour.astimezone(UTC)] = metrics
            case _:
                sums.total = metrics
                sums.first_hour, sums.last_hour = first.astimezone(UTC), last.astimezone(UTC)
    return found


def _rows(
    packages: Collection[int],
    start: datetime | None,
    end: datetime | None,
    by: Collection[Dimension],
) -> list[tuple[Any, ...]]:
    if not packages:
        return []
    wanted = {"packages": list(packages), "start": start, "end": end}
    with connection.cursor() as cursor:
        cursor.execute(_statement(by), wanted)
        return [(*row[:-4], Metrics(*row[-4:])) for row in cursor.fetchall()]


def _statement(by: Collection[Dimension]) -> str:
    labels = "".join(f" WHEN GROUPING({name}) THEN '{name}'" for name in by)
    return _SUMS.format(
        dimension=f"CASE 0{labels} END" if labels else "NULL",
        columns=", ".join(name if name in by else "NULL" for name in Dimension),
        sets=", ".join(["(package_id)", *(f"(package_id, {name})" for name in by)]),
    )
