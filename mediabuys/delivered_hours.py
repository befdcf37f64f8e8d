"""Judging what an ad server says of an hour: whose it is, whether it may stand, what it changes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from mediabuys.adservers.port import DeliveredHour
from mediabuys.states import StrayReason

# How far the ad server's clock may be ahead of ours before its hours count as the future's.
TOLERANCE = timedelta(minutes=2)
HOUR = timedelta(hours=1)
# An hour of one creative in one country: what is above this is an error of somebody's, and a
# hundred thousand of the highest still fit into their package's totals.
COUNT_LIMIT = 10**12
SPEND_LIMIT = Decimal(10) ** 9
SPEND_STEP = Decimal("0.0001")
VERSION_LIMIT = 2**63 - 1
NAME_CHARACTERS = 255
COUNTRY_CHARACTERS = 2

# A package's key, the hour, the buyer's creative_id, the country.
HourKey = tuple[int, datetime, str, str]


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A package of ours that the ad server reports on; `last_hour` is the latest that is stored."""

    package_pk: int
    account_id: str
    currency: str
    last_hour: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row belongs; a reason instead of a package where it cannot count."""

    line: KnownLine
    creative_ref: str


class HourFigures(NamedTuple):
    """An hour as it stands: the figures, the ad server's version, and our count of restatements."""

    impressions: int
    clicks: int
    completed_views: int
    spend: Decimal
    version: int
    revision: int = 1


@dataclass(slots=True)
class Difference:
    """What is added to a package's totals; less than nothing where it was restated lower."""

    impressions: int = 0
    clicks: int = 0
    completed_views: int = 0
    spend: Decimal = Decimal(0)

    def take_out(self, hour: HourFigures) -> None:
        """Count an hour no longer."""
        self.impressions -= hour.impressions
        self.clicks -= hour.clicks
        self.completed_views -= hour.completed_views
        self.spend -= hour.spend


@dataclass(frozen=True)
class JudgedRows:
    """The rows of a page that may stand, each with its key, and those that may not, with why.

    `touched` are the packages and hours that may be stored already.
    """

    placed: list[tuple[HourKey, DeliveredHour]]
    strays: list[tuple[DeliveredHour, StrayReason]]
    touched: set[tuple[int, datetime]]


@dataclass
class PageChanges:
    """What a page changes: hours that are new, hours that are told anew, what those replaced."""

    new: dict[HourKey, HourFigures] = field(default_factory=dict)
    rewritten: dict[HourKey, HourFigures] = field(default_factory=dict)
    replaced: list[tuple[HourKey, HourFigures]] = field(default_factory=list)
    differences: dict[int, Difference] = field(default_factory=lambda: defaultdict(Difference))


class KnownOrders:
    """The orders and packages of ours that a page names, and the place of each of its rows."""

    def __init__(self, orders: Mapping[str, Mapping[str, KnownLine]]) -> None:
        self.orders = orders
        self._places: dict[tuple[str, str, str, str, str], Place | StrayReason] = {}

    def place_of(self, row: DeliveredHour) -> Place | StrayReason:
        """Return where the row belongs, or why nowhere; remembered, because rows repeat it."""
        named = (row.order_reference, row.package_id, row.creative, row.country, row.currency)
        place = self._places.get(named)
        if place is None:
            place = self._places[named] = self._find(row)
        return place

    def _find(self, row: DeliveredHour) -> Place | StrayReason:
        packages = self.orders.get(row.order_reference)
        if packages is None:
            return StrayReason.UNKNOWN_ORDER
        line = packages.get(row.package_id)
        if line is None:
            return StrayReason.UNKNOWN_PACKAGE
        if row.currency != line.currency:
            return StrayReason.CURRENCY
        creative_ref = row.creative.removeprefix(f"{line.account_id}/")
        # Another account's creative is nothing that this account's buyer may read of.
        is_foreign = creative_ref == row.creative and "/" in row.creative
        if is_foreign:
            return StrayReason.FOREIGN_CREATIVE
        if not (is_tidy(creative_ref, NAME_CHARACTERS) and _is_country(row.country)):
            return StrayReason.UNREADABLE
        return Place(line, creative_ref)


def is_tidy(text: str, characters: int) -> bool:
    """Whether the database takes the text as it is: short enough, and nothing but characters."""
    return len(text) <= characters and (text.isprintable() or _is_storable(text))


def _is_storable(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8", "ignore").decode() == text


def _is_country(text: str) -> bool:
    return not text or (
        len(text) == COUNTRY_CHARACTERS and text.isascii() and text.isalpha() and text.isupper()
    )


def judge(rows: Iterable[DeliveredHour], known: KnownOrders, *, now: datetime) -> JudgedRows:
    """Sort a page's rows into those that may stand and those that may not."""
    judged = JudgedRows([], [], set())
    hours = _HourReasons(now)
    for row in rows:
        place = known.place_of(row)
        if isinstance(place, StrayReason):
            judged.strays.append((row, place))
            continue
        reason = hours[row.hour] or _number_reason(row)
        if reason is not None:
            judged.strays.append((row, reason))
            continue
        line, hour = place.line, row.hour
        judged.placed.append(((line.package_pk, hour, place.creative_ref, row.country), row))
        if line.last_hour is not None and hour <= line.last_hour:
            judged.touched.add((line.package_pk, hour))
    return judged


class _HourReasons(dict[datetime, StrayReason | None]):
    """Why an hour cannot stand, worked out once for each hour of a page."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.latest = now + TOLERANCE

    def __missing__(self, hour: datetime) -> StrayReason | None:
        reason = None
        if hour.astimezone(UTC).replace(minute=0, second=0, microsecond=0) != hour:
            reason = StrayReason.UNREADABLE
        elif hour > self.latest:
            reason = StrayReason.FUTURE
        self[hour] = reason
        return reason


def _number_reason(row: DeliveredHour) -> StrayReason | None:
    impressions, clicks, views = row.impressions, row.clicks, row.completed_views
    try:
        if (
            0 <= impressions <= COUNT_LIMIT
            and 0 <= clicks <= COUNT_LIMIT
            and 0 <= views <= COUNT_LIMIT
            and 0 <= row.spend <= SPEND_LIMIT
            and 0 <= row.version <= VERSION_LIMIT
        ):
            return None
        is_negative = impressions < 0 or clicks < 0 or views < 0 or row.spend < 0
    except InvalidOperation:
        return StrayReason.UNREADABLE
    return StrayReason.NEGATIVE if is_negative else StrayReason.UNREADABLE


def changes_of(
    placed: Iterable[tuple[HourKey, DeliveredHour]],
    stored: Mapping[HourKey, HourFigures],
    *,
    told_until: datetime,
) -> PageChanges:
    """Return what the rows change of what is stored; a version that is not higher changes nothing.

    Hours that were over at `told_until`, when the ad server had told all of them, are restated:
    what is replaced is kept. An hour that still ran has only grown.
    """
    changes = PageChanges()
    current = dict(stored)
    for key, row in placed:
        before = current.get(key)
        if before is None:
            current[key] = _figures(row, 1)
        elif row.version > before.version:
            was_over = key[1] + HOUR <= told_until
            if was_over:
                changes.replaced.append((key, before))
            current[key] = _figures(row, before.revision + was_over)
    for key, hour in current.items():
        before = stored.get(key)
        if before is hour:
            continue
        difference = changes.differences[key[0]]
        difference.impressions += hour.impressions
        difference.clicks += hour.clicks
        difference.completed_views += hour.completed_views
        difference.spend += hour.spend
        if before is None:
            changes.new[key] = hour
        else:
            changes.rewritten[key] = hour
            difference.take_out(before)
    return changes


def _figures(row: DeliveredHour, revision: int) -> HourFigures:
    return HourFigures(
        row.impressions,
        row.clicks,
        row.completed_views,
        row.spend.quantize(SPEND_STEP),
        row.version,
        revision,
    )
