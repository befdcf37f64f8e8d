"""Everything about an order that can be checked before anybody decides on it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mediabuys.errors import InvalidRequest
from mediabuys.order_fields import (
    brand_domain,
    buyer_reference,
    campaign_reference,
    governance_context,
    invoice_recipient,
)
from mediabuys.package_validation import (
    Catalog,
    Flight,
    package_from_request,
    short_text,
)
from mediabuys.pricing import BUDGET_LIMIT, from_wire, in_currency, in_words
from mediabuys.proposal_execution import ChosenProposal, acceptance_of, packages_of_proposal
from mediabuys.reporting import artifact_request, reporting_request
from mediabuys.requests import OrderRequest, PackageRequest
from mediabuys.times import parse_time

PACKAGES_LIMIT = 100
FLIGHT_LIMIT = timedelta(days=5 * 366)
START_TOLERANCE = timedelta(minutes=5)


def order_from_request(
    params: Mapping[str, Any],
    *,
    catalog: Catalog,
    now: datetime,
    chosen: ChosenProposal | None = None,
) -> OrderRequest:
    """Return the order that a schema-valid `create_media_buy` request asks for.

    `chosen` is the committed proposal that it executes. Raises a `TradeError` with the exact field
    of the first thing that cannot be sold. Reads only what it is given.
    """
    flight = _flight(params, now)
    proposal = chosen.proposal if chosen else None
    acceptance = acceptance_of(params, proposal, now)
    if chosen is None:
        packages = _packages(params, catalog, flight, now)
        currency = _one_currency(packages)
    else:
        packages = packages_of_proposal(params, chosen, catalog, flight, now)
        currency = chosen.proposal.currency
    total = sum((package.budget for package in packages), Decimal(0))
    _check_total(params, total, currency)
    brand = params.get("brand") or {}
    recipient, bank = invoice_recipient(params)
    products = [package.product for package in packages]
    return OrderRequest(
        brand_domain=brand_domain(params),
        brand_id=short_text(brand, "brand_id", 100, prefix="brand."),
        currency=currency,
        total_budget=total,
        start_time=flight.start,
        end_time=flight.end,
        starts_asap=flight.asap,
        packages=packages,
        is_held=bool(params.get("paused", False)),
        plan_id=short_text(params, "plan_id", 255),
        po_number=short_text(params, "po_number", 255),
        agency_estimate_number=short_text(params, "agency_estimate_number", 100),
        advertiser_industry=short_text(params, "advertiser_industry", 100),
        buyer_ref=buyer_reference(params),
        campaign_ref=campaign_reference(params),
        governance_context=governance_context(params),
        proposal=proposal,
        io_acceptance=acceptance,
        invoice_recipient=recipient,
        invoice_bank=bank,
        reporting=reporting_request(params, products=products),
        artifacts=artifact_request(params),
        context=params.get("context"),
        ext=params.get("ext"),
    )


def _packages(
    params: Mapping[str, Any], catalog: Catalog, flight: Flight, now: datetime
) -> tuple[PackageRequest, ...]:
    lines = params.get("packages") or []
    if not lines:
        raise InvalidRequest(
            "An order needs at least one package, or a proposal.",
            field="packages",
            suggestion="Send packages with product_id, pricing_option_id and budget, or proposal_id"
            " with total_budget.",
        )
    if len(lines) > PACKAGES_LIMIT:
        raise InvalidRequest(
            f"An order has at most {PACKAGES_LIMIT} packages.",
            field="packages",
            suggestion="Split it into several orders.",
        )
    return tuple(
        package_from_request(line, f"packages[{index}]", catalog, flight, now)
        for index, line in enumerate(lines)
    )


def _flight(params: Mapping[str, Any], now: datetime) -> Flight:
    asap = params["start_time"] == "asap"
    start = now if asap else parse_time(params["start_time"], "start_time")
    end = parse_time(params["end_time"], "end_time")
    refuse_past_start(start, now)
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
    return Flight(start, end, asap)


def refuse_past_start(start: datetime, now: datetime) -> None:
    """Raise `InvalidRequest` where the buy would start longer ago than clocks are apart."""
    if start < now - START_TOLERANCE:
        raise InvalidRequest(
            "start_time is in the past.",
            field="start_time",
            suggestion='Send a time in the future, or "asap".',
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
    asked = from_wire(stated["amount"])
    is_payable = asked.is_finite() and asked <= BUDGET_LIMIT * PACKAGES_LIMIT
    if not is_payable or stated["currency"] != currency or in_currency(asked, currency) != total:
        raise InvalidRequest(
            f"total_budget is not the sum of the packages, {in_words(total, currency)}.",
            field="total_budget",
            suggestion="Leave it out, or send the sum of the packages' budgets.",
        )
