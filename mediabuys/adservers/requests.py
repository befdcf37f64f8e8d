"""Orders and creatives of ours as the ad server should have them."""

from collections.abc import Iterable

from django.db.models import Prefetch

from mediabuys.adservers.port import (
    AssignedCreative,
    CreativeRequest,
    LineItemRequest,
    OrderRequest,
)
from mediabuys.demand import impressions_wanted
from mediabuys.flights import flight_of
from mediabuys.models import Account, Creative, CreativeAssignment, MediaBuy, Package
from mediabuys.states import CreativeStatus, DeliveryType


def creative_reference(creative: Creative) -> str:
    """Return the name of a creative on the ad server: `<account_id>/<creative_id>`."""
    return _reference(creative.account, creative.creative_id)


def _reference(account: Account, creative_id: str) -> str:
    return f"{account.account_id}/{creative_id}"


def order_request(buy: MediaBuy, *, revision: int = 1) -> OrderRequest:
    """Return the order as the ad server should have it now, with its approved creatives.

    `revision` is higher each time that the order is told anew; a booking is the first. Two
    queries, and the account where it was not read yet.
    """
    approved = CreativeAssignment.objects.filter(
        creative__status=CreativeStatus.APPROVED
    ).select_related("creative")
    packages = (
        buy.packages.filter(is_canceled=False)
        .select_related("product", "pricing_option")
        .prefetch_related(Prefetch("assignments", approved.order_by("pk")))
    )
    return OrderRequest(
        reference=buy.reference,
        advertiser=buy.brand_domain,
        start_time=buy.start_time,
        end_time=buy.end_time,
        line_items=tuple(_line_item(buy, package) for package in packages),
        revision=revision,
    )


def _line_item(buy: MediaBuy, package: Package) -> LineItemRequest:
    start, end = flight_of(package, buy)
    return LineItemRequest(
        package_id=package.package_id,
        product_id=package.product.product_id,
        pricing_model=package.pricing_option.pricing_model,
        unit_price=package.unit_price,
        budget=package.budget,
        currency=package.currency,
        start_time=start,
        end_time=end,
        impressions=impressions_wanted(package),
        is_guaranteed=package.product.delivery_type == DeliveryType.GUARANTEED,
        is_paused=package.is_paused,
        pacing=package.pacing,
        countries=tuple((package.targeting_overlay or {}).get("geo_countries") or ()),
        creatives=_creatives(buy.account, package.assignments.all()),
    )


def _creatives(
    account: Account, assignments: Iterable[CreativeAssignment]
) -> tuple[AssignedCreative, ...]:
    return tuple(
        AssignedCreative(_reference(account, assignment.creative_ref), assignment.weight)
        for assignment in assignments
    )


def creative_request(creative: Creative) -> CreativeRequest:
    """Return the creative's present revision; reads its account."""
    return CreativeRequest(
        reference=creative_reference(creative),
        revision=creative.revision,
        advertiser=creative.account.brand_domain,
        name=creative.name,
        format_id=creative.format_key,
        assets=creative.assets,
    )
