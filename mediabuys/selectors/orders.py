"""What an order needs to know about the catalog and its buyer."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import prefetch_related_objects

from mediabuys.models import Account, MediaBuy, Package, PricingOption, Principal, Product
from mediabuys.package_validation import Catalog
from mediabuys.proposal_execution import ChosenProposal
from mediabuys.selectors.handwritten import columns, rows
from mediabuys.states import LIVE_BUY_STATUSES, WIRE_BUY_STATUSES, BuyStatus

KNOWN_BUYS = 100

OPTIONS = f"""
    SELECT {columns(PricingOption, "option")}, {columns(Product, "product")}
    FROM mediabuys_pricingoption option
    JOIN mediabuys_product product ON product.id = option.product_id
    WHERE product.product_id = ANY(%s)
"""  # noqa: S608 (made of column names)

LINES = f"""
    SELECT {columns(Package, "package")}, {columns(Product, "product")},
        {columns(PricingOption, "option")}
    FROM mediabuys_package package
    JOIN mediabuys_product product ON product.id = package.product_id
    JOIN mediabuys_pricingoption option ON option.id = package.pricing_option_id
    WHERE package.media_buy_id = %s AND NOT package.is_canceled
    ORDER BY package.position
"""  # noqa: S608 (made of column names)

# Every order asks this. To compile it anew from the ORM costs as much as to insert the order, and
# the two sums stay apart so that each is read from its own partial index.
STANDING = """
    SELECT
        (SELECT count(*) FROM (
            SELECT FROM mediabuys_mediabuy
            WHERE account_id = %(account)s AND principal_id = %(principal)s
                AND status = ANY(%(accepted)s)
            LIMIT %(known_buys)s
        ) known),
        (SELECT coalesce(sum(total_budget), 0) FROM mediabuys_mediabuy
            WHERE account_id = %(account)s AND status = ANY(%(running)s)),
        (SELECT coalesce(sum(total_budget), 0) FROM mediabuys_mediabuy
            WHERE account_id = %(account)s AND status = %(waiting)s)
"""
STANDING_STATUSES: dict[str, Any] = {
    "accepted": [status.value for status in WIRE_BUY_STATUSES],
    "running": [status.value for status in LIVE_BUY_STATUSES],
    "waiting": BuyStatus.DRAFT.value,
}


@dataclass(frozen=True)
class BuyerStanding:
    """What is known of a buyer when an order arrives; money in the account's currency."""

    accepted_buys: int
    credit_used: Decimal


def catalog_for_order(*, product_ids: Iterable[str], agent_url: str, with_formats: bool) -> Catalog:
    """Return the named products with their pricing options, in one query.

    `with_formats` adds the formats (two queries), for orders that choose among them.
    """
    options = []
    for option, product in rows(OPTIONS, [list(set(product_ids))], PricingOption, Product):
        option.product = product
        options.append(option)
    if with_formats:
        prefetch_related_objects(options, "product__formats")
    return Catalog(
        products={option.product.product_id: option.product for option in options},
        options={
            (option.product.product_id, option.pricing_option_id): option for option in options
        },
        agent_url=agent_url,
    )


def catalog_of_proposal(chosen: ChosenProposal, *, agent_url: str, with_formats: bool) -> Catalog:
    """Return the products and prices of a proposal, which were read with it.

    `with_formats` adds the formats (two queries), for orders that choose among them.
    """
    if with_formats:
        prefetch_related_objects([row.product for row in chosen.allocations], "formats")
    return Catalog(
        products={row.product.product_id: row.product for row in chosen.allocations},
        options={
            (row.product.product_id, row.pricing_option.pricing_option_id): row.pricing_option
            for row in chosen.allocations
        },
        agent_url=agent_url,
    )


def live_lines(buy: MediaBuy) -> list[Package]:
    """Return the order's packages that are not canceled, with product and price, in one query.

    Every approval of guaranteed inventory asks this.
    """
    lines = []
    for package, product, option in rows(LINES, [buy.pk], Package, Product, PricingOption):
        package.media_buy, package.product, package.pricing_option = buy, product, option
        lines.append(package)
    return lines


def buyer_standing(*, principal: Principal, account: Account) -> BuyerStanding:
    """Return the buyer's record in one query.

    A waiting order counts against the credit too, so that two orders at once cannot both fit.
    The record is counted up to `KNOWN_BUYS`, because no rule asks for more.
    """
    wanted = {"account": account.pk, "principal": principal.pk, "known_buys": KNOWN_BUYS}
    with connection.cursor() as cursor:
        cursor.execute(STANDING, {**wanted, **STANDING_STATUSES})
        accepted, running, waiting = cursor.fetchone()
    return BuyerStanding(accepted_buys=accepted, credit_used=running + waiting)
