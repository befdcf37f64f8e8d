"""How much one delivery report may hold: buyers' SDKs refuse more than 10,000 JSON nodes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mediabuys.delivery_periods import Period, flight_so_far
from mediabuys.delivery_request import DeliveryRequest
from mediabuys.errors import InvalidRequest, TradeError, UnsupportedFeature
from mediabuys.models import MediaBuy
from mediabuys.states import ReportingFrequency

BUYS_LIMIT = 100
NODE_LIMIT = 9_500
# What breakdowns by time may take of that, and what a row of them takes.
BREAKDOWN_NODES = 8_000
WINDOW_NODES = 11
DAY_NODES = 4
# So many ids are named where there is no room for all.
NAMED = 10


def refuse_too_much(buys: Sequence[MediaBuy], asked: DeliveryRequest, *, now: datetime) -> None:
    """Raise `InvalidRequest` where windows or package days of these buys would not fit.

    It asks the database nothing, so that what would not fit is not read either.
    """
    windows, days = _asked_nodes(buys, asked, now)
    if windows + days <= BREAKDOWN_NODES:
        return
    field = "include_window_breakdown" if windows >= days else "include_package_daily_breakdown"
    raise InvalidRequest(
        "The breakdown has more rows than one answer holds.",
        field=field,
        suggestion="Ask for fewer media buys or a shorter time"
        + (", or for daily windows." if asked.window == ReportingFrequency.HOURLY else "."),
        details={"rows": (windows // WINDOW_NODES) + (days // DAY_NODES)},
    )


def shows_days(buys: Sequence[MediaBuy], asked: DeliveryRequest, *, now: datetime) -> bool:
    """Whether there is room for each buy's days beside what was asked for."""
    days = sum(_day_count(buy, asked, now) for buy in buys)
    return days * DAY_NODES + sum(_asked_nodes(buys, asked, now)) <= BREAKDOWN_NODES


def without_days() -> TradeError:
    """Return the word that buys' days were left out."""
    return UnsupportedFeature(
        "The answer has no daily_breakdown: it does not hold the days of so many media buys.",
        field="media_buy_ids",
        suggestion="Name fewer media_buy_ids, or ask for a shorter time.",
    )


def without_the_rest(shown: int) -> TradeError:
    """Return the word that there are more buys than were answered."""
    return UnsupportedFeature(
        f"More media buys match than one answer holds: these are the newest {shown}.",
        field="media_buy_ids",
        suggestion="Name those that are missing in media_buy_ids, in a call of their own.",
        details={"returned": shown},
    )


def unseen(fields: Sequence[str]) -> list[TradeError]:
    """Return the word on buys whose figures the agent may not see, one for each field."""
    return [
        TradeError(
            "This agent may not see what the media buy delivered.",
            code="PERMISSION_DENIED",
            field=field,
            suggestion="Ask the publisher to let the agent see delivery of this account.",
        )
        for field in fields
    ]


def late(as_of: datetime | None, *, now: datetime) -> TradeError:
    """Return the word that the figures are older than they should be."""
    if as_of is None:
        return TradeError(
            "The ad server has not reported any delivery yet.",
            code="SERVICE_UNAVAILABLE",
            suggestion="Ask again later.",
        )
    return TradeError(
        f"The ad server has reported nothing since {as_of.isoformat(timespec='seconds')}.",
        code="STALE_RESPONSE",
        suggestion="Ask again later; the figures are those of that time.",
        details={
            "served_from_cache": True,
            "cache_age_seconds": max(0, int((now - as_of).total_seconds())),
        },
    )


def in_one_currency(buys: Sequence[MediaBuy]) -> tuple[list[MediaBuy], list[TradeError]]:
    """Return the buys in the currency of the first, and a word on each other currency.

    A report has one currency, and a figure of another one would be misread as it.
    """
    currency = buys[0].currency if buys else ""
    kept = [buy for buy in buys if buy.currency == currency]
    others = sorted({buy.currency for buy in buys} - {currency})
    return kept, [_other_currency(other, buys, currency) for other in others]


def _other_currency(other: str, buys: Sequence[MediaBuy], currency: str) -> TradeError:
    ids = [str(buy.media_buy_id) for buy in buys if buy.currency == other]
    return UnsupportedFeature(
        f"A report is in one currency, here {currency}: media buys in {other} were left out.",
        field="media_buy_ids",
        suggestion=f"Name those in {other} in media_buy_ids, in a call of their own.",
        details={"currency": other, "media_buy_ids": ids[:NAMED], "left_out": len(ids)},
    )


def fitting(bodies: Sequence[dict[str, Any]]) -> int:
    """Return how many of the entries fit into one answer; the first always does."""
    size = 0
    for index, body in enumerate(bodies):
        size += _nodes(body)
        if size > NODE_LIMIT and index:
            return index
    return len(bodies)


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


def _asked_nodes(
    buys: Sequence[MediaBuy], asked: DeliveryRequest, now: datetime
) -> tuple[int, int]:
    """Return how many nodes the windows, and the days of packages, would take."""
    windows = days = 0
    for buy in buys:
        packages = len(buy.packages.all())
        if asked.window:
            count = _period(buy, asked, now).window_count(asked.window)
            windows += count * (packages + 1) * WINDOW_NODES
        if asked.package_days:
            days += _day_count(buy, asked, now) * packages * DAY_NODES
    return windows, days


def _day_count(buy: MediaBuy, asked: DeliveryRequest, now: datetime) -> int:
    """Return how many days of the report may have delivery: those of the flight."""
    period, flight = _period(buy, asked, now), _flight(buy, now)
    both = Period(max(period.start, flight.start), min(period.end, flight.end))
    return both.window_count(ReportingFrequency.DAILY)


def _period(buy: MediaBuy, asked: DeliveryRequest, now: datetime) -> Period:
    return asked.period or _flight(buy, now)


def _flight(buy: MediaBuy, now: datetime) -> Period:
    return flight_so_far(buy, first_hour=None, last_hour=None, now=now)
