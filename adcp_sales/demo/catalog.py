"""Writing the demo publisher and what it sells."""

from zoneinfo import ZoneInfo

from adcp_sales.demo.formats import FORMATS
from adcp_sales.demo.products import PRODUCTS, DemoPrice, DemoProduct
from adcp_sales.demo.properties import DOMAIN, PROPERTIES
from mediabuys.models import CreativeFormat, PricingOption, Product, Property, Publisher

TIMEZONE = ZoneInfo("America/New_York")
GUIDANCE_NAMES = ("p25", "p50", "p75", "p90")


def publisher_create() -> Publisher:
    """Create the publisher, in the caller's transaction."""
    publisher = Publisher.objects.create(
        name="Northern Ledger Media",
        domain=DOMAIN,
        description=(
            "News, business and sport for 40 million readers, viewers and listeners a month in "
            "North America and Europe: web, app, connected TV, streaming audio and podcasts."
        ),
        currency="USD",
        timezone=TIMEZONE.key,
    )
    publisher.refresh_from_db()  # The business hours' defaults are text until they are read.
    return publisher


def catalog_create() -> None:
    """Create properties, formats, products and prices, in the caller's transaction."""
    Property.objects.bulk_create(
        Property(
            property_id=row.property_id,
            name=row.name,
            property_type=row.property_type,
            publisher_domain=DOMAIN,
            identifiers=[{"type": kind, "value": value} for kind, value in row.identifiers],
            tags=list(row.tags),
        )
        for row in PROPERTIES
    )
    CreativeFormat.objects.bulk_create(
        CreativeFormat(
            format_id=row.format_id,
            name=row.name,
            description=row.description,
            media=row.media,
            width=row.width,
            height=row.height,
            duration_ms=row.duration_ms,
            assets=list(row.assets),
        )
        for row in FORMATS
    )
    properties = {row.property_id: row for row in Property.objects.all()}
    formats = {row.format_id: row for row in CreativeFormat.objects.all()}
    for row in PRODUCTS:
        product = _product_create(row)
        product.properties.set(properties[name] for name in row.properties)
        product.formats.set(formats[name] for name in row.formats)
        PricingOption.objects.bulk_create(_option(product, price) for price in row.prices)


def _product_create(row: DemoProduct) -> Product:
    return Product.objects.create(
        product_id=row.product_id,
        name=row.name,
        description=row.description,
        delivery_type=row.delivery,
        channels=list(row.channels),
        category=row.category,
        countries=list(row.countries),
        daily_impressions=row.daily_impressions,
    )


def _option(product: Product, price: DemoPrice) -> PricingOption:
    guidance = price.guidance and dict(zip(GUIDANCE_NAMES, map(float, price.guidance), strict=True))
    return PricingOption(
        product=product,
        pricing_option_id=price.pricing_option_id,
        pricing_model=price.model,
        currency=price.currency,
        fixed_price=price.money("fixed"),
        floor_price=price.money("floor"),
        rate_card_price=price.money("card"),
        price_guidance=guidance,
        min_spend_per_package=price.money("minimum"),
    )
