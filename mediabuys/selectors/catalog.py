"""Reads of what is for sale; live and unexpired products only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.search import SearchRank, SearchVector
from django.db.models import (
    BigIntegerField,
    Exists,
    Func,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Round

from mediabuys.errors import TradeError
from mediabuys.models.accounts import Publisher
from mediabuys.models.catalog import CreativeFormat, PricingOption, Product
from mediabuys.selectors.brief import search_words

RANK_SCALE = 1_000_000
# Nothing of what is matched is long, so length does not count (0); 32 maps the rank to 0…1.
RANK_NORMALIZATION = 32


@dataclass(frozen=True)
class ProductFilter:
    """What a buyer wants to see; an empty member does not filter."""

    delivery_type: str = ""
    channels: Sequence[str] = ()
    countries: Sequence[str] = ()
    format_keys: Sequence[str] = ()
    product_ids: Sequence[str] = ()
    currencies: Sequence[str] = ()
    is_fixed_price: bool | None = None
    budget_currency: str = ""
    budget_max: Decimal | None = None
    starts_on: datetime | None = None


@dataclass(frozen=True)
class ProductPage:
    """One page: products with formats, properties and the pricing options that fit the filter."""

    products: list[Product]
    has_more: bool
    total: int


def the_publisher() -> Publisher:
    """Return the deployment's publisher; one query. Raises TradeError before it was set up."""
    publisher = Publisher.objects.first()
    if publisher is None:
        raise TradeError(
            "This publisher is not set up yet.",
            code="CONFIGURATION_ERROR",
            suggestion="Ask the publisher to finish its set-up.",
        )
    return publisher


def products_for_sale(*, now: datetime) -> QuerySet[Product]:
    """Return what may be shown and sold at this moment."""
    return Product.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), is_live=True)


def pricing_models_for_sale(*, now: datetime) -> list[str]:
    """Return the pricing models of the live catalog, in alphabetical order; one query."""
    models = PricingOption.objects.filter(product__in=products_for_sale(now=now))
    return list(models.order_by("pricing_model").values_list("pricing_model", flat=True).distinct())


def channels_for_sale(*, now: datetime) -> list[str]:
    """Return the channels of the live catalog, in alphabetical order; one query."""
    lists = products_for_sale(now=now).values_list("channels", flat=True)
    return sorted({channel for channels in lists for channel in channels})


def products_page(
    *,
    now: datetime,
    wanted: ProductFilter,
    brief: str = "",
    after: tuple[int, int] | None = None,
    limit: int,
) -> ProductPage:
    """Return one page of products, best match first when there is a brief; at most 6 queries.

    A brief that names nothing we sell matches everything, in the catalog's order. `after` is the
    `(rank, pk)` of the last product of the page before.
    """
    products: QuerySet[Any] = _filtered(products_for_sale(now=now), wanted).annotate(
        rank=_rank(brief)
    )
    named = Q(("rank__gt", 0))
    if brief and products.filter(named).exists():
        products = products.filter(named)
    total = products.count()
    if after is not None:
        products = products.filter(_below(*after))
    found = list(_complete(products, wanted).order_by("-rank", "pk")[: limit + 1])
    return ProductPage(found[:limit], len(found) > limit, total)


def products_matching(*, now: datetime, wanted: ProductFilter, limit: int) -> list[Product]:
    """Return the products that fit, in the catalog's order, without what belongs to them."""
    return list(_filtered(products_for_sale(now=now), wanted).order_by("pk")[:limit])


def products_named(*, now: datetime, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return those of these products that are for sale, by their ids; one query."""
    named = products_for_sale(now=now).filter(product_id__in=product_ids)
    return {product.product_id: product for product in named}


def products_complete(
    *, pks: Sequence[int], wanted: ProductFilter | None = None
) -> dict[int, Product]:
    """Return the products with formats, properties and prices, by pk; four queries.

    With `wanted`, only its prices, and no product that has none of them.
    """
    complete = _complete(Product.objects.filter(pk__in=pks), wanted or ProductFilter())
    return {product.pk: product for product in complete if product.pricing_options.all()}


def _below(rank: int, pk: int) -> Q:
    return Q(("rank__lt", rank)) | Q(("rank", rank), pk__gt=pk)


def _complete(products: QuerySet[Any], wanted: ProductFilter) -> QuerySet[Any]:
    fitting = PricingOption.objects.filter(_fitting_prices(wanted)).order_by("pk")
    return products.prefetch_related(
        "formats", "properties", Prefetch("pricing_options", queryset=fitting)
    )


def _filtered(products: QuerySet[Product], wanted: ProductFilter) -> QuerySet[Product]:
    conditions = Q()
    if wanted.delivery_type:
        conditions &= Q(delivery_type=wanted.delivery_type)
    if wanted.product_ids:
        conditions &= Q(product_id__in=wanted.product_ids)
    if wanted.channels:
        conditions &= _holds_any("channels", wanted.channels)
    if wanted.countries:
        conditions &= Q(countries=[]) | _holds_any("countries", wanted.countries)
    if wanted.starts_on is not None:
        conditions &= Q(expires_at=None) | Q(expires_at__gt=wanted.starts_on)
    products = products.filter(conditions)
    if wanted.format_keys:
        takes = CreativeFormat.objects.filter(
            products=OuterRef("pk"), format_id__in=wanted.format_keys
        )
        products = products.filter(Exists(takes))
    priced = PricingOption.objects.filter(_fitting_prices(wanted), product=OuterRef("pk"))
    return products.filter(Exists(priced))


def _holds_any(column: str, values: Sequence[str]) -> Q:
    condition = Q()
    for value in values:
        condition |= Q(**{f"{column}__contains": [value]})
    return condition


def _fitting_prices(wanted: ProductFilter) -> Q:
    condition = Q()
    if wanted.is_fixed_price is not None:
        condition &= Q(fixed_price__isnull=not wanted.is_fixed_price)
    if wanted.currencies:
        condition &= Q(currency__in=wanted.currencies)
    if wanted.budget_currency:
        condition &= Q(currency=wanted.budget_currency)
    if wanted.budget_max is not None:
        condition &= Q(min_spend_per_package=None) | Q(min_spend_per_package__lte=wanted.budget_max)
    return condition


def _rank(brief: str) -> Combinable:
    words = search_words(brief)
    if not words:
        return Value(0, output_field=BigIntegerField())
    document = (
        SearchVector("name", weight="A", config="english")
        + SearchVector(Cast("channels", TextField()), weight="A", config="english")
        + SearchVector("category", weight="B", config="english")
        + SearchVector("description", weight="C", config="english")
    )
    rank = SearchRank(document, _AnyWord(Value(words)), normalization=Value(RANK_NORMALIZATION))
    return Cast(Round(rank * Value(RANK_SCALE)), BigIntegerField())


class _AnyWord(Func):
    """A tsquery that matches a document with any of the words, stemmed, stop words left out."""

    template = "replace(plainto_tsquery('english', %(expressions)s)::text, '&', '|')::tsquery"


def formats_page(
    *,
    keys: Sequence[str] | None = None,
    asset_types: Sequence[str] = (),
    name: str = "",
    sizes: Q | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[list[CreativeFormat], bool, int]:
    """Return up to `limit` formats, whether more follow, and how many fit; two queries."""
    formats = CreativeFormat.objects.order_by("pk")
    if keys is not None:
        formats = formats.filter(format_id__in=keys)
    if asset_types:
        wanted = Q()
        for asset_type in asset_types:
            wanted |= Q(assets__contains=[{"asset_type": asset_type}])
        formats = formats.filter(wanted)
    if name:
        formats = formats.filter(name__icontains=name)
    if sizes is not None:
        formats = formats.filter(sizes)
    total = formats.count()
    if after is not None:
        formats = formats.filter(pk__gt=after)
    found = list(formats[: limit + 1])
    return found[:limit], len(found) > limit, total
