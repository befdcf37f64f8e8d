"""The dates of a change: when the buy and each of its packages will run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.change_request import PackageChange
from mediabuys.errors import InvalidRequest
from mediabuys.models import MediaBuy, Package
from mediabuys.package_validation import Flight
from mediabuys.states import PENDING_BUY_STATUSES
from mediabuys.times import parse_time
from mediabuys.validation import FLIGHT_LIMIT, START_TOLERANCE, refuse_past_start


@dataclass(frozen=True)
class PackageDates:
    """A package's own dates once it is changed; None follows the buy."""

    start: datetime | None
    end: datetime | None


def flight_after(params: Mapping[str, Any], *, buy: MediaBuy, now: datetime) -> Flight:
    """Return the buy's flight once the change is applied.

    Raises `InvalidRequest` at `start_time` or `end_time`: a start of a flight that runs, a moment
    in the past, an end before the start.
    """
    start, asap = _start(params, buy, now)
    end = parse_time(params["end_time"], "end_time") if "end_time" in params else buy.end_time
    if end != buy.end_time:
        _check_end(end, now)
    if end <= start:
        raise InvalidRequest(
            "end_time is not after start_time.",
            field="end_time" if "end_time" in params else "start_time",
            suggestion="Send an end_time after start_time.",
        )
    return Flight(start, end, asap)


def _start(params: Mapping[str, Any], buy: MediaBuy, now: datetime) -> tuple[datetime, bool]:
    asked = params.get("start_time")
    has_begun = buy.status not in PENDING_BUY_STATUSES
    if asked is None or (asked == "asap" and (has_begun or buy.starts_asap)):
        return buy.start_time, buy.starts_asap
    start = now if asked == "asap" else parse_time(asked, "start_time")
    if start == buy.start_time:
        return start, buy.starts_asap
    if has_begun:
        raise InvalidRequest(
            "The flight has begun, so its start does not move.",
            field="start_time",
            suggestion="Send the change without start_time.",
        )
    refuse_past_start(start, now)
    return start, asked == "asap"


def _check_end(end: datetime, now: datetime) -> None:
    if end <= now:
        raise InvalidRequest(
            "end_time is in the past.",
            field="end_time",
            suggestion="Send a time in the future, or cancel the media buy.",
        )
    if end - now > FLIGHT_LIMIT:
        raise InvalidRequest(
            "end_time is more than five years away.",
            field="end_time",
            suggestion="Ask for a shorter flight.",
        )


def package_dates(
    line: Mapping[str, Any], path: str, *, package: Package, flight: Flight, now: datetime
) -> PackageDates:
    """Return the package's own dates after its update; `flight` is the buy's after the change.

    Raises `InvalidRequest` at the package's `start_time` or `end_time`.
    """
    start = _own(line, path, "start_time", package.start_time)
    end = _own(line, path, "end_time", package.end_time)
    begins = package.start_time or package.media_buy.start_time
    if start != package.start_time and start is not None:
        if package.media_buy.status not in PENDING_BUY_STATUSES and begins <= now:
            raise _refusal(path, "start_time", "The package runs, so its start does not move.")
        if start < now - START_TOLERANCE:
            raise _refusal(path, "start_time", "The package would start in the past.")
        if not flight.start <= start < (end or flight.end):
            raise _refusal(path, "start_time", "The package would start outside the buy's flight.")
    if end != package.end_time and end is not None:
        if end <= now:
            raise _refusal(path, "end_time", "The package would end in the past.")
        if not (start or flight.start) < end <= flight.end:
            raise _refusal(path, "end_time", "The package would end outside the buy's flight.")
    return PackageDates(start, end)


def _own(
    line: Mapping[str, Any], path: str, name: str, present: datetime | None
) -> datetime | None:
    return parse_time(line[name], f"{path}.{name}") if name in line else present


def _refusal(path: str, name: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        field=f"{path}.{name}",
        suggestion="Send a future time within the buy's start_time and end_time.",
    )


def refuse_left_out(packages: Sequence[PackageChange], *, buy: MediaBuy, flight: Flight) -> None:
    """Refuse a flight that a package with dates of its own would not fit any more.

    `packages` are those that stay.
    """
    for change in packages:
        start, end = change.dates_after
        starts_outside = start is not None and not flight.start <= start < flight.end
        ends_outside = end is not None and not flight.start < end <= flight.end
        if starts_outside or ends_outside:
            field = "end_time" if flight.end != buy.end_time else "start_time"
            raise InvalidRequest(
                f"Package {change.package.package_id} has dates of its own outside this flight.",
                field=field,
                suggestion="Move that package's start_time and end_time in the same request.",
            )
