"""What a get_products request narrows its list by, and what of it we do not apply."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from django.conf import settings

from adcp_sales.protocol.errors import AdcpError
from mediabuys.creative_validation import is_ours
from mediabuys.pricing import from_wire
from mediabuys.selectors.catalog import ProductFilter

SUPPORTED_FILTERS = frozenset(
    {
        "delivery_type",
        "is_fixed_price",
        "pricing_currencies",
        "format_ids",
        "start_date",
        "end_date",
        "budget_range",
        "countries",
        "channels",
        "ext",
    }
)
LAST_SECOND = time(23, 59, 59)


def product_filter(filters: Mapping[str, Any]) -> ProductFilter:
    """Return the filter that schema-valid `filters` ask for.

    Raises AdcpError INVALID_REQUEST for a range that ends before it begins.
    """
    _check_ranges(filters)
    budget = filters.get("budget_range") or {}
    starts_on = filters.get("start_date")
    asked = filters.get("format_ids", [])
    formats = [str(item["id"]) for item in asked if is_ours(item, settings.PUBLIC_URL)]
    return ProductFilter(
        delivery_type=filters.get("delivery_type", ""),
        channels=tuple(filters.get("channels", ())),
        countries=tuple(filters.get("countries", ())),
        # A format of another agent matches no product: the empty name is nobody's.
        format_keys=tuple(formats or [""]) if asked else (),
        currencies=tuple(filters.get("pricing_currencies", ())),
        is_fixed_price=filters.get("is_fixed_price"),
        budget_currency=budget.get("currency", ""),
        budget_max=from_wire(budget["max"]) if "max" in budget else None,
        starts_on=_midnight(starts_on) if starts_on else None,
    )


def _check_ranges(filters: Mapping[str, Any]) -> None:
    flight = [filters[name] for name in ("start_date", "end_date") if name in filters]
    if flight != sorted(flight):
        raise AdcpError(
            "INVALID_REQUEST",
            "filters.end_date is before filters.start_date.",
            field="filters.end_date",
            suggestion="Send an end_date on or after start_date.",
        )
    budget = filters.get("budget_range") or {}
    if "min" in budget and "max" in budget and budget["max"] < budget["min"]:
        raise AdcpError(
            "INVALID_REQUEST",
            "filters.budget_range.max is under its min.",
            field="filters.budget_range.max",
            suggestion="Send a max of at least min.",
        )


def flight_end(filters: Mapping[str, Any]) -> datetime | None:
    """Return the last moment of the flight that the filters name, in UTC."""
    end = filters.get("end_date")
    return datetime.combine(date.fromisoformat(end), LAST_SECOND, tzinfo=UTC) if end else None


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.min, tzinfo=UTC)


def unapplied_filters(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say which filters did not narrow the list, so that nobody believes they did."""
    unheard = [
        f"filters.{name}"
        for name in sorted((params.get("filters") or {}).keys())
        if name not in SUPPORTED_FILTERS
    ]
    unheard += [
        name
        for name in ("catalog", "property_list", "required_policies", "time_budget")
        if params.get(name)
    ]
    return [
        AdcpError(
            "UNSUPPORTED_FEATURE",
            f"{name} was not applied: the list is wider than asked for.",
            field=name,
            suggestion="Check the products themselves for this property.",
        ).as_dict()
        for name in unheard
    ]
