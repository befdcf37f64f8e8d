"""What a change of a buy is checked against."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch

from mediabuys.models import CreativeAssignment, MediaBuy, MediaBuyChange, Package
from mediabuys.package_validation import Catalog
from mediabuys.selectors.orders import catalog_for_order
from mediabuys.states import ChangeStatus


def packages_to_change(buy: MediaBuy, *, with_formats: bool = False) -> list[Package]:
    """Return all packages of a buy with product, price and creatives, in two queries.

    `with_formats` adds the products' formats (one query more), for changes that assign creatives.
    """
    assignments = CreativeAssignment.objects.select_related("creative").order_by("pk")
    packages = (
        Package.objects.filter(media_buy=buy)
        .select_related("product", "pricing_option")
        .prefetch_related(Prefetch("assignments", assignments))
        .order_by("position")
    )
    if with_formats:
        packages = packages.prefetch_related("product__formats")
    found = list(packages)
    for package in found:
        package.media_buy = buy
    return found


def catalog_of_change(params: Mapping[str, Any], *, agent_url: str) -> Catalog:
    """Return the products that a change adds packages of; no query where it adds none."""
    lines = params.get("new_packages") or []
    if not lines:
        return Catalog(products={}, options={}, agent_url=agent_url)
    return catalog_for_order(
        product_ids=[line["product_id"] for line in lines],
        agent_url=agent_url,
        with_formats=any(line.get("format_ids") for line in lines),
    )


def waiting_change(buy: MediaBuy) -> MediaBuyChange | None:
    """Return the change of this buy that waits for a person, or None."""
    return MediaBuyChange.objects.filter(media_buy=buy, status=ChangeStatus.WAITING).first()
