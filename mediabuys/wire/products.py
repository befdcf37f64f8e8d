"""Products as buyers read them."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import Any

from mediabuys.forecasting import Forecast, Point
from mediabuys.models.accounts import Property
from mediabuys.models.catalog import PricingOption, Product
from mediabuys.reporting import reporting_capabilities
from mediabuys.selectors.brief import named_words
from mediabuys.wire.formats import format_reference

# What the protocol requires of every product, whichever fields the buyer picks.
REQUIRED_FIELDS = frozenset(
    {
        "product_id",
        "name",
        "description",
        "publisher_properties",
        "delivery_type",
        "pricing_options",
        "reporting_capabilities",
        "format_ids",
    }
)
GENERAL_RELEVANCE = "The brief names nothing specific to this product."


def product_body(
    product: Product,
    *,
    agent_url: str,
    brief: str = "",
    fields: Iterable[str] = (),
    forecast: Forecast | None = None,
) -> dict[str, Any]:
    """Return the product's body; `pricing_options`, `formats` and `properties` are prefetched.

    With `fields`, only those and what the protocol requires. Without a `forecast` it has none.
    """
    body: dict[str, Any] = {
        "product_id": product.product_id,
        "name": product.name,
        "description": product.description,
        "publisher_properties": property_selectors(product.properties.all()),
        "channels": list(product.channels),
        "format_ids": [
            format_reference(item.format_id, agent_url=agent_url) for item in product.formats.all()
        ],
        "delivery_type": product.delivery_type,
        "pricing_options": [pricing_body(option) for option in product.pricing_options.all()],
        "reporting_capabilities": reporting_capabilities(product),
    }
    if product.expires_at is not None:
        body["expires_at"] = product.expires_at
    if forecast is not None:
        body["forecast"] = forecast_body(forecast)
    if brief:
        body["brief_relevance"] = relevance(product, brief)
    kept = REQUIRED_FIELDS | set(fields)
    return {key: value for key, value in body.items() if key in kept} if fields else body


def pricing_body(option: PricingOption) -> dict[str, Any]:
    """Return one way to pay; what is absent is left out."""
    body: dict[str, Any] = {
        "pricing_option_id": option.pricing_option_id,
        "pricing_model": option.pricing_model,
        "currency": option.currency,
        "fixed_price": option.fixed_price,
        "floor_price": option.floor_price,
        "price_guidance": option.price_guidance,
        "parameters": option.parameters,
        "min_spend_per_package": option.min_spend_per_package,
    }
    return {key: value for key, value in body.items() if value is not None}


def forecast_body(forecast: Forecast) -> dict[str, Any]:
    """Return a forecast: what a budget buys, or all that is free and what that would cost."""
    return {
        "points": [_point_body(point) for point in forecast.points],
        "forecast_range_unit": "spend" if forecast.is_by_budget else "availability",
        "method": "modeled",
        "currency": forecast.currency,
        "generated_at": forecast.as_of,
        "valid_until": forecast.valid_until,
    }


def _point_body(point: Point) -> dict[str, Any]:
    metrics: dict[str, Any] = {"impressions": asdict(point.impressions)}
    if point.cost is not None:
        low, mid, high = point.cost
        metrics["spend"] = {"low": low, "mid": mid, "high": high}
    return (
        {"metrics": metrics}
        if point.budget is None
        else {"budget": point.budget, "metrics": metrics}
    )


def property_selectors(properties: Iterable[Property]) -> list[dict[str, Any]]:
    """Return the properties grouped by the domain that publishes them."""
    ordered = sorted(properties, key=lambda item: (item.publisher_domain, item.property_id))
    return [
        {
            "publisher_domain": domain,
            "selection_type": "by_id",
            "property_ids": [item.property_id for item in group],
        }
        for domain, group in groupby(ordered, key=lambda item: item.publisher_domain)
    ]


def relevance(product: Product, brief: str) -> str:
    """Say which words of the brief the product answers, and nothing that is not so."""
    text = " ".join([product.name, product.description, product.category, *product.channels])
    words = named_words(brief, text)
    return f"Matches the brief on: {', '.join(words)}." if words else GENERAL_RELEVANCE
