"""Everything about an order that can be checked before anybody decides on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mediabuys.errors import (
    BudgetTooLow,
    InvalidRequest,
    ProductNotFound,
    ProductUnavailable,
    TradeError,
    UnsupportedFeature,
)
from mediabuys.models import PricingOption, Product
from mediabuys.pricing import from_wire, in_currency, in_words, to_wire
from mediabuys.requests import AssignmentRequest, OrderRequest, PackageRequest

PACKAGES_LIMIT = 100
BUDGET_LIMIT = Decimal(10) ** 12
FLIGHT_LIMIT = timedelta(days=5 * 366)
START_TOLERANCE = timedelta(minutes=5)

# Refused where they stand rather than accepted and ignored.
UNSUPPORTED_ORDER_FIELDS = {
    "reporting_webhook": "Poll get_media_buys for the buy's state.",
    "artifact_webhook": "Send the order without it.",
    "invoice_recipient": "The account's own billing entity is invoiced.",
    "io_acceptance": "Only a committed proposal has an insertion order.",
}
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
class _Flight:
    start: datetime
    end: datetime
    asap: bool


def order_from_request(
    params: Mapping[str, Any], *, catalog: Catalog, now: datetime
) -> OrderRequest:
    """Return the order that a schema-valid `create_media_buy` request asks for.

    Raises a `TradeError` with the exact field of the first thing that cannot be sold. Reads only
    what it is given.
    """
    _refuse(params, UNSUPPORTED_ORDER_FIELDS, prefix="")
    if params.get("proposal_id"):
        raise TradeError(
            "There is no such proposal.",
            code="PROPOSAL_NOT_FOUND",
            field="proposal_id",
            suggestion="Send packages with products from get_products.",
        )
    flight = _flight(params, now)
    lines = params.get("packages") or []
    if not lines:
        raise InvalidRequest(
            "An order needs at least one package.",
            field="packages",
            suggestion="Send packages with product_id, pricing_option_id and budget.",
        )
    if len(lines) > PACKAGES_LIMIT:
        raise InvalidRequest(
            f"An order has at most {PACKAGES_LIMIT} packages.",
            field="packages",
            suggestion="Split it into several orders.",
        )
    packages = tuple(
        _package(line, f"packages[{index}]", catalog, flight, now)
        for index, line in enumerate(lines)
    )
    currency = _one_currency(packages)
    total = sum((package.budget for package in packages), Decimal(0))
    _check_total(params, total, currency)
    brand = params.get("brand") or {}
    return OrderRequest(
        brand_domain=brand.get("domain", ""),
        brand_id=brand.get("brand_id", ""),
        currency=currency,
        total_budget=total,
        start_time=flight.start,
        end_time=flight.end,
        starts_asap=flight.asap,
        packages=packages,
        is_held=bool(params.get("paused", False)),
        plan_id=_short(params, "plan_id", 255),
        po_number=_short(params, "po_number", 255),
        agency_estimate_number=_short(params, "agency_estimate_number", 100),
        advertiser_industry=_short(params, "advertiser_industry", 100),
        context=params.get("context"),
        ext=params.get("ext"),
    )


def _short(params: Mapping[str, Any], name: str, limit: int) -> str:
    value = params.get(name) or ""
    if len(value) > limit:
        raise InvalidRequest(
            f"{name} is longer than {limit} characters.", field=name, suggestion="Shorten it."
        )
    return str(value)


def _refuse(params: Mapping[str, Any], unsupported: Mapping[str, str], *, prefix: str) -> None:
    for name, suggestion in unsupported.items():
        if params.get(name):
            raise UnsupportedFeature(
                f"{name} is not supported.", field=f"{prefix}{name}", suggestion=suggestion
            )


def parse_time(value: str, field: str) -> datetime:
    """Return an RFC 3339 time with its offset, or raise `InvalidRequest` at the field."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidRequest(
            f"{field} is not a date and time with an offset.",
            field=field,
            suggestion="Write it as RFC 3339, such as 2027-03-01T00:00:00Z.",
        )
    return moment


def _flight(params: Mapping[str, Any], now: datetime) -> _Flight:
    asap = params["start_time"] == "asap"
    start = now if asap else parse_time(params["start_time"], "start_time")
    end = parse_time(params["end_time"], "end_time")
    if start < now - START_TOLERANCE:
        raise InvalidRequest(
            "start_time is in the past.",
            field="start_time",
            suggestion='Send a time in the future, or "asap".',
        )
    if end <= start:
        raise InvalidRequest(
            "end_time is not after start_time.",
            field="end_time",
            suggestion="Send an end_time after start_time.",
        )
    if end - now > FLIGHT_LIMIT:
        raise InvalidRequest(
            "end_time is more than five years away.",
            field="end_time",
            suggestion="Order a shorter flight.",
        )
    return _Flight(start, end, asap)


def _package(
    line: Mapping[str, Any], path: str, catalog: Catalog, flight: _Flight, now: datetime
) -> PackageRequest:
    _refuse(line, UNSUPPORTED_PACKAGE_FIELDS, prefix=f"{path}.")
    product = _product(line, path, catalog, now)
    option = _option(line, path, catalog)
    budget = _budget(line, path, option)
    bid = _bid(line, path, option)
    start, end = _package_flight(line, path, flight)
    _check_countries(line, path, product)
    return PackageRequest(
        product=product,
        pricing_option=option,
        budget=budget,
        unit_price=option.fixed_price if option.is_fixed else (bid or option.floor_price),
        bid_price=bid,
        impressions=_impressions(line, path),
        pacing=line.get("pacing") or "",
        start_time=start,
        end_time=end,
        is_paused=bool(line.get("paused", False)),
        format_ids=_formats(line, path, product, catalog.agent_url),
        targeting_overlay=line.get("targeting_overlay"),
        terms={name: line[name] for name in TERMS_FIELDS if line.get(name)},
        assignments=_assignments(line, path),
        agency_estimate_number=_short(line, "agency_estimate_number", 100),
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


def _budget(line: Mapping[str, Any], path: str, option: PricingOption) -> Decimal:
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


def _bid(line: Mapping[str, Any], path: str, option: PricingOption) -> Decimal | None:
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


def _impressions(line: Mapping[str, Any], path: str) -> int | None:
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
    line: Mapping[str, Any], path: str, flight: _Flight
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


def _check_countries(line: Mapping[str, Any], path: str, product: Product) -> None:
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
        ours = str(reference["agent_url"]).rstrip("/") == agent_url.rstrip("/")
        if not ours or reference["id"] not in known:
            raise UnsupportedFeature(
                "This product does not take this format.",
                field=f"{path}.format_ids[{index}]",
                suggestion="Use one of the product's format_ids from get_products.",
            )
    return list(chosen)


def _assignments(line: Mapping[str, Any], path: str) -> tuple[AssignmentRequest, ...]:
    assignments = line.get("creative_assignments") or []
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
        AssignmentRequest(
            assignment["creative_id"],
            from_wire(assignment["weight"]) if assignment.get("weight") is not None else None,
        )
        for assignment in assignments
    )


def _one_currency(packages: tuple[PackageRequest, ...]) -> str:
    currency = packages[0].pricing_option.currency
    for index, package in enumerate(packages):
        if package.pricing_option.currency != currency:
            raise InvalidRequest(
                "All packages of an order are in one currency.",
                field=f"packages[{index}].pricing_option_id",
                suggestion=f"Choose pricing options in {currency}, or send two orders.",
            )
    return currency


def _check_total(params: Mapping[str, Any], total: Decimal, currency: str) -> None:
    stated = params.get("total_budget")
    if not stated:
        return
    if (
        stated["currency"] != currency
        or in_currency(from_wire(stated["amount"]), currency) != total
    ):
        raise InvalidRequest(
            f"total_budget is not the sum of the packages, {in_words(total, currency)}.",
            field="total_budget",
            suggestion="Leave it out, or send the sum of the packages' budgets.",
        )
