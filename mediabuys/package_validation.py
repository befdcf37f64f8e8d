"""A package of an order, checked against the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mediabuys.creative_placement import weight_of
from mediabuys.creative_validation import is_ours
from mediabuys.errors import (
    BudgetTooLow,
    InvalidRequest,
    ProductNotFound,
    ProductUnavailable,
    UnsupportedFeature,
)
from mediabuys.models import PricingOption, Product
from mediabuys.order_fields import buyer_reference
from mediabuys.pricing import BUDGET_LIMIT, from_wire, in_currency, in_words, to_wire
from mediabuys.requests import AssignmentRequest, FirmTerms, PackageRequest
from mediabuys.times import parse_time

# Refused where they stand rather than accepted and ignored.
UNSUPPORTED_PACKAGE_FIELDS = {
    "creatives": "Sync the creative with sync_creatives and assign it by creative_id.",
    "catalogs": "Send the package without it.",
    "optimization_goals": "Send the package without it.",
    "committed_metrics": "Send the package without it.",
    "format_option_refs": "Choose formats with format_ids.",
    "format_kind": "Choose formats with format_ids.",
    "params": "Choose formats with format_ids.",
}
TERMS_FIELDS = ("measurement_terms", "performance_standards")


@dataclass(frozen=True)
class Catalog:
    """The products that an order names, with their pricing options and formats."""

    products: Mapping[str, Product]
    options: Mapping[tuple[str, str], PricingOption]
    agent_url: str


@dataclass(frozen=True)
class Flight:
    """The buy's own flight; `asap` starts it at the request."""

    start: datetime
    end: datetime
    asap: bool


def package_from_request(
    line: Mapping[str, Any],
    path: str,
    catalog: Catalog,
    flight: Flight,
    now: datetime,
    *,
    firm: FirmTerms | None = None,
) -> PackageRequest:
    """Return the package that a schema-valid line asks for; `path` is the line's own field.

    With `firm` terms their budget and price hold, and the catalog's minimum and floor say nothing.
    Raises a `TradeError` with the exact field of the first thing that cannot be sold.
    """
    refuse_unsupported(line, UNSUPPORTED_PACKAGE_FIELDS, prefix=f"{path}.")
    product = _product(line, path, catalog, now)
    option = _option(line, path, catalog)
    budget = firm.budget if firm else budget_of(line, path, option)
    bid = bid_of(line, path, option)
    asked_price = option.fixed_price if option.is_fixed else (bid or option.floor_price)
    start, end = _package_flight(line, path, flight)
    check_countries(line, path, product)
    return PackageRequest(
        product=product,
        pricing_option=option,
        budget=budget,
        unit_price=firm.unit_price if firm and firm.unit_price else asked_price,
        bid_price=bid,
        impressions=impressions_of(line, path),
        pacing=line.get("pacing") or "",
        start_time=start,
        end_time=end,
        is_paused=bool(line.get("paused", False)),
        format_ids=_formats(line, path, product, catalog.agent_url),
        targeting_overlay=line.get("targeting_overlay"),
        terms={name: line[name] for name in TERMS_FIELDS if line.get(name)},
        assignments=assignments_of(line, path),
        agency_estimate_number=short_text(line, "agency_estimate_number", 100, prefix=f"{path}."),
        buyer_ref=buyer_reference(line, prefix=f"{path}."),
        context=line.get("context"),
        ext=line.get("ext"),
    )


def _product(line: Mapping[str, Any], path: str, catalog: Catalog, now: datetime) -> Product:
    product = catalog.products.get(line["product_id"])
    if product is None:
        raise ProductNotFound(
            "There is no such product.",
            field=f"{path}.product_id",
            suggestion="Use a product_id from get_products.",
        )
    if not product.is_live:
        raise ProductUnavailable(
            "This product is not on sale.",
            field=f"{path}.product_id",
            suggestion="Choose another product from get_products.",
        )
    if product.expires_at is not None and product.expires_at <= now:
        raise ProductUnavailable(
            "This product's offer has ended.",
            code="PRODUCT_EXPIRED",
            field=f"{path}.product_id",
            suggestion="Choose another product from get_products.",
        )
    return product


def _option(line: Mapping[str, Any], path: str, catalog: Catalog) -> PricingOption:
    option = catalog.options.get((line["product_id"], line["pricing_option_id"]))
    if option is None:
        raise InvalidRequest(
            "This product has no such pricing option.",
            field=f"{path}.pricing_option_id",
            suggestion="Use a pricing_option_id of this product from get_products.",
        )
    return option


def budget_of(line: Mapping[str, Any], path: str, option: PricingOption) -> Decimal:
    """Return the line's budget in the option's currency, or refuse it at `path`.budget."""
    asked = from_wire(line["budget"])
    if not asked.is_finite() or asked < 0 or asked > BUDGET_LIMIT:
        raise InvalidRequest(
            "The budget is not an amount that can be ordered.",
            code="VALIDATION_ERROR",
            field=f"{path}.budget",
            suggestion="Send a positive amount in the pricing option's currency.",
        )
    budget = in_currency(asked, option.currency)
    minimum = option.min_spend_per_package or Decimal(0)
    if budget <= 0 or budget < minimum:
        raise BudgetTooLow(
            f"The budget is under the minimum of {in_words(minimum, option.currency)}.",
            field=f"{path}.budget",
            suggestion="Raise the budget or choose another pricing option.",
            details={"minimum_budget": to_wire(minimum), "currency": option.currency},
        )
    return budget


def bid_of(line: Mapping[str, Any], path: str, option: PricingOption) -> Decimal | None:
    """Return the line's bid, None where it makes none, or refuse it at `path`.bid_price."""
    if line.get("bid_price") is None:
        return None
    bid = from_wire(line["bid_price"])
    field = f"{path}.bid_price"
    if option.is_fixed:
        raise InvalidRequest(
            "This pricing option has a fixed price.",
            field=field,
            suggestion="Send the package without bid_price.",
        )
    if not bid.is_finite() or bid > BUDGET_LIMIT or bid < (option.floor_price or 0):
        raise InvalidRequest(
            f"The bid is under the floor of {option.floor_price} {option.currency}.",
            field=field,
            suggestion="Bid at or above floor_price.",
        )
    return bid


def impressions_of(line: Mapping[str, Any], path: str) -> int | None:
    """Return the line's impression goal, None where it has none, or refuse it."""
    asked = line.get("impressions")
    if asked is not None and not 0 <= asked <= BUDGET_LIMIT:
        raise InvalidRequest(
            "The impressions are not a number that can be ordered.",
            code="VALIDATION_ERROR",
            field=f"{path}.impressions",
            suggestion="Send a positive whole number.",
        )
    return None if asked is None else int(asked)


def _package_flight(
    line: Mapping[str, Any], path: str, flight: Flight
) -> tuple[datetime | None, datetime | None]:
    start = parse_time(line["start_time"], f"{path}.start_time") if line.get("start_time") else None
    end = parse_time(line["end_time"], f"{path}.end_time") if line.get("end_time") else None
    if start is not None and not flight.start <= start < (end or flight.end):
        raise InvalidRequest(
            "The package starts outside the buy's flight.",
            field=f"{path}.start_time",
            suggestion="Start it within the buy's start_time and end_time.",
        )
    if end is not None and not (start or flight.start) < end <= flight.end:
        raise InvalidRequest(
            "The package ends outside the buy's flight.",
            field=f"{path}.end_time",
            suggestion="End it within the buy's start_time and end_time.",
        )
    return start, end


def check_countries(line: Mapping[str, Any], path: str, product: Product) -> None:
    """Raise `UnsupportedFeature` where the product is sold in none of the countries targeted."""
    asked = (line.get("targeting_overlay") or {}).get("geo_countries")
    if asked and product.countries and not set(asked) & set(product.countries):
        raise UnsupportedFeature(
            "This product is not sold in any of these countries.",
            field=f"{path}.targeting_overlay.geo_countries",
            suggestion=f"Target at least one of: {', '.join(product.countries)}.",
        )


def _formats(
    line: Mapping[str, Any], path: str, product: Product, agent_url: str
) -> list[dict[str, Any]]:
    chosen = line.get("format_ids") or []
    known = (
        {creative_format.format_id for creative_format in product.formats.all()}
        if chosen
        else set()
    )
    for index, reference in enumerate(chosen):
        if not is_ours(reference, agent_url) or reference["id"] not in known:
            raise UnsupportedFeature(
                "This product does not take this format.",
                field=f"{path}.format_ids[{index}]",
                suggestion="Use one of the product's format_ids from get_products.",
            )
    return list(chosen)


def assignments_of(line: Mapping[str, Any], path: str) -> tuple[AssignmentRequest, ...]:
    """Return the creatives that the line wants, each once, or refuse them at their index."""
    assignments = line.get("creative_assignments") or []
    _refuse_placements(assignments, f"{path}.creative_assignments")
    seen: set[str] = set()
    for index, assignment in enumerate(assignments):
        if assignment["creative_id"] in seen or len(assignment["creative_id"]) > 255:
            raise InvalidRequest(
                "A creative is assigned to a package once, by an id of at most 255 characters.",
                field=f"{path}.creative_assignments[{index}].creative_id",
                suggestion="Send each creative_id once.",
            )
        seen.add(assignment["creative_id"])
    return tuple(
        AssignmentRequest(assignment["creative_id"], weight_of(assignment))
        for assignment in assignments
    )


def _refuse_placements(wishes: list[Mapping[str, Any]], path: str) -> None:
    for index, wish in enumerate(wishes):
        for name in ("placement_ids", "placement_refs"):
            if wish.get(name):
                raise UnsupportedFeature(
                    "Creatives are assigned to whole packages.",
                    field=f"{path}[{index}].{name}",
                    suggestion=f"Leave {name} out.",
                )


def short_text(params: Mapping[str, Any], name: str, limit: int, *, prefix: str = "") -> str:
    """Return a text of at most `limit` characters, empty where it is absent."""
    value = params.get(name) or ""
    if len(value) > limit:
        raise InvalidRequest(
            f"{name} is longer than {limit} characters.",
            field=f"{prefix}{name}",
            suggestion="Shorten it.",
        )
    return str(value)


def refuse_unsupported(
    params: Mapping[str, Any], unsupported: Mapping[str, str], *, prefix: str
) -> None:
    """Raise `UnsupportedFeature` at the first of these fields that the request has."""
    for name, suggestion in unsupported.items():
        if params.get(name):
            raise UnsupportedFeature(
                f"{name} is not supported.", field=f"{prefix}{name}", suggestion=suggestion
            )
