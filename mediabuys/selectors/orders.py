"""What an order needs to know about the catalog and its buyer."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from mediabuys.models import Account, MediaBuy, PricingOption, Principal
from mediabuys.package_validation import Catalog
from mediabuys.states import LIVE_BUY_STATUSES, WIRE_BUY_STATUSES, BuyStatus

KNOWN_BUYS = 100


@dataclass(frozen=True)
class BuyerStanding:
    """What is known of a buyer when an order arrives; money in the account's currency."""

    accepted_buys: int
    credit_used: Decimal


def catalog_for_order(*, product_ids: Iterable[str], agent_url: str, with_formats: bool) -> Catalog:
    """Return the named products with their pricing options, in one query.

    `with_formats` adds the formats (two queries), for orders that choose among them.
    """
    options = PricingOption.objects.filter(product__product_id__in=set(product_ids)).select_related(
        "product"
    )
    if with_formats:
        options = options.prefetch_related("product__formats")
    rows = list(options)
    return Catalog(
        products={row.product.product_id: row.product for row in rows},
        options={(row.product.product_id, row.pricing_option_id): row for row in rows},
        agent_url=agent_url,
    )


def buyer_standing(*, principal: Principal, account: Account) -> BuyerStanding:
    """Return the buyer's record in one query.

    A waiting order counts against the credit too, so that two orders at once cannot both fit.
    The record is counted up to `KNOWN_BUYS`, because no rule asks for more.
    """
    accepted = MediaBuy.objects.filter(
        principal=principal, account=OuterRef("pk"), status__in=WIRE_BUY_STATUSES
    ).values("pk")[:KNOWN_BUYS]
    row = (
        Account.objects.filter(pk=account.pk)
        .annotate(
            running=Coalesce(Subquery(_committed(Q(status__in=LIVE_BUY_STATUSES))), Decimal(0)),
            waiting=Coalesce(Subquery(_committed(Q(status=BuyStatus.DRAFT))), Decimal(0)),
            accepted=ArraySubquery(accepted),
        )
        .values_list("accepted", "running", "waiting")
        .get()
    )
    return BuyerStanding(accepted_buys=len(row[0]), credit_used=row[1] + row[2])


def _committed(status: Q) -> QuerySet[MediaBuy, Any]:
    """Return an account's money in buys of one kind; each kind has its own partial index."""
    return (
        MediaBuy.objects.filter(status, account=OuterRef("pk"))
        .order_by()
        .values("account")
        .annotate(total=Sum("total_budget"))
        .values("total")
    )
