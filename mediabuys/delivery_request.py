"""What a buyer asks to read of its delivery, and what of it no ad server of ours can tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from mediabuys.delivery_periods import GRANULARITIES, Period, whole_days
from mediabuys.errors import InvalidRequest, TradeError, UnsupportedFeature, UnsupportedGranularity

GEO_LIMIT = 25
COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class Ranking:
    """How many rows of a breakdown are wanted, and by which metric the highest come first."""

    limit: int
    metric: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRequest:
    """The parts of a delivery report.

    Without `period` it is about the whole flight so far. `window` is the granularity in which it
    is cut, "" for not at all.
    """

    period: Period | None = None
    window: str = ""
    package_days: bool = False
    countries: Ranking | None = None


def delivery_request(params: Mapping[str, Any], *, now: datetime) -> DeliveryRequest:
    """Return what a schema-valid `get_media_buy_delivery` asks for.

    Raises `InvalidRequest` at the date that makes no sense, and `UnsupportedGranularity`.
    """
    granularity = params.get("time_granularity", "")
    if granularity and granularity not in GRANULARITIES:
        raise UnsupportedGranularity(
            f"Delivery is not reported {granularity}.",
            field="time_granularity",
            suggestion=f"Ask for one of: {', '.join(GRANULARITIES)}.",
            details={"supported_granularities": list(GRANULARITIES)},
        )
    geo = params.get("reporting_dimensions", {}).get("geo", {})
    return DeliveryRequest(
        period=_period(params, now),
        window=granularity if params.get("include_window_breakdown") else "",
        package_days=params.get("include_package_daily_breakdown", False),
        countries=Ranking(geo.get("limit", GEO_LIMIT), geo.get("sort_by", "spend"))
        if geo.get("geo_level") == COUNTRY
        else None,
    )


def untold(params: Mapping[str, Any]) -> Iterator[TradeError]:
    """Yield what was asked for and is answered with nothing, each at its field, not raised."""
    dimensions = params.get("reporting_dimensions", {})
    for name in dimensions:
        if name != "geo":
            yield _untold(f"Delivery is not reported by {name}.", f"reporting_dimensions.{name}")
    level = dimensions.get("geo", {}).get("geo_level", COUNTRY)
    if level != COUNTRY:
        yield _untold(
            f"Delivery is not reported by {level}.",
            "reporting_dimensions.geo.geo_level",
            "Ask for the geo_level country.",
        )
    if params.get("attribution_window"):
        yield _untold(
            "No conversions are measured, so that no attribution window applies.",
            "attribution_window",
        )


def _untold(message: str, field: str, suggestion: str = "") -> UnsupportedFeature:
    return UnsupportedFeature(
        message, field=field, suggestion=suggestion or "Leave it out; the rest is answered."
    )


def _period(params: Mapping[str, Any], now: datetime) -> Period | None:
    asked = {name: params.get(name) for name in ("start_date", "end_date")}
    missing = [name for name, value in asked.items() if value is None]
    if len(missing) == len(asked):
        return None
    if missing:
        raise InvalidRequest(
            "A report needs both of its dates, or neither.",
            field=missing[0],
            suggestion="Send both; without either the report is about the whole flight.",
        )
    start, end = (_day(value, name) for name, value in asked.items())
    if start >= end:
        raise InvalidRequest(
            "The end of the report is not after its start; the end itself does not count.",
            field="end_date",
            suggestion=f"Send {(start + timedelta(days=1)).isoformat()} or later."
            if start < date.max
            else "Send an earlier start_date.",
        )
    return whole_days(start, end, now=now)


def _day(value: Any, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(
            f"There is no such day as the {field}.",
            field=field,
            suggestion="Write it as YYYY-MM-DD.",
        ) from None
