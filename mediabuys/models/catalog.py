"""What is for sale: products, their prices and the creative formats that they take."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from mediabuys.models.accounts import Property
from mediabuys.states import DeliveryType, PricingModel


class CreativeFormat(models.Model):
    """A creative format as `list_creative_formats` describes it."""

    format_id = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    media = models.CharField(max_length=20, help_text="display, video, audio, native")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    assets = models.JSONField(default=list, help_text="Asset slots in the protocol's own shape.")

    class Meta:
        ordering = ["format_id"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """Something that a buyer can put in a package."""

    product_id = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField()
    delivery_type = models.CharField(max_length=20, choices=DeliveryType.choices)
    channels = models.JSONField(default=list, help_text="display, olv, ctv, streaming_audio, …")
    category = models.CharField(
        max_length=60, blank=True, help_text="An approval rule may name it, such as politics."
    )
    properties = models.ManyToManyField(Property, related_name="products")
    formats = models.ManyToManyField(CreativeFormat, related_name="products")
    countries = models.JSONField(default=list, blank=True, help_text="ISO codes; empty means all.")
    minimum_impressions = models.PositiveBigIntegerField(null=True, blank=True)
    daily_impressions = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="What an ordinary day can deliver."
    )
    is_live = models.BooleanField(default=True, help_text="Off: not shown and not sold.")
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(delivery_type__in=DeliveryType.values),
                name="product_delivery_type_known",
            )
        ]

    def __str__(self) -> str:
        return self.name


class PricingOption(models.Model):
    """One way to pay for a product: fixed, or an auction above a floor.

    `rate_card_price` is what the publisher asks; a fixed price or a bid under it is a discount.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="pricing_options")
    pricing_option_id = models.CharField(max_length=100)
    pricing_model = models.CharField(max_length=20, choices=PricingModel.choices)
    currency = models.CharField(max_length=3)
    fixed_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    floor_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    rate_card_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    price_guidance = models.JSONField(
        null=True, blank=True, help_text="Auctions: p25, p50, p75, p90 of winning prices."
    )
    parameters = models.JSONField(null=True, blank=True)
    min_spend_per_package = models.DecimalField(
        max_digits=18, decimal_places=4, null=True, blank=True
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "pricing_option_id"], name="pricing_option_once"
            ),
            models.CheckConstraint(
                condition=Q(fixed_price__isnull=True) | Q(floor_price__isnull=True),
                name="pricing_option_fixed_or_floor",
            ),
            models.CheckConstraint(
                condition=Q(fixed_price__isnull=True) | Q(fixed_price__gte=0),
                name="pricing_option_fixed_positive",
            ),
            models.CheckConstraint(
                condition=Q(floor_price__isnull=True) | Q(floor_price__gte=0),
                name="pricing_option_floor_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pricing_option_id} ({self.pricing_model}, {self.currency})"

    @property
    def is_fixed(self) -> bool:
        """Whether the price is set, and not found by auction."""
        return self.fixed_price is not None

    @property
    def list_price(self) -> Decimal | None:
        """The rate card's price, else the fixed price, else the floor."""
        for price in (self.rate_card_price, self.fixed_price, self.floor_price):
            if price is not None:
                return price
        return None
