"""The catalog: what is for sale, where it runs, and what it costs."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextareaWidget,
)

from mediabuys.admin.base import DeskModelAdmin
from mediabuys.admin.fields import CHANNELS, CountriesField, WordsField
from mediabuys.models import CreativeFormat, PricingOption, Product, Property
from mediabuys.states import DeliveryType

PERCENTILES = ("p25", "p50", "p75", "p90")


class ProductForm(forms.ModelForm):
    """A product in a salesperson's words."""

    channels = forms.MultipleChoiceField(
        choices=CHANNELS, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    countries = CountriesField(
        required=False, help_text="Two-letter codes with commas between them; empty means all."
    )

    class Meta:
        model = Product
        fields = "__all__"  # noqa: DJ007 (every column is a salesperson's; the admin names them)
        widgets = {
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "formats": UnfoldAdminCheckboxSelectMultipleWidget,
            "properties": UnfoldAdminCheckboxSelectMultipleWidget,
        }


class PricingOptionForm(forms.ModelForm):
    """A price, with an auction's winning prices as four plain fields."""

    p25, p50, p75, p90 = (
        forms.DecimalField(
            required=False,
            min_value=Decimal(0),
            label=f"Auction price that wins {percentile[1:]} %",
            widget=UnfoldAdminDecimalFieldWidget,
        )
        for percentile in PERCENTILES
    )

    class Meta:
        model = PricingOption
        fields = (
            "pricing_option_id",
            "pricing_model",
            "currency",
            "fixed_price",
            "floor_price",
            "rate_card_price",
            "min_spend_per_package",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for percentile, value in (self.instance.price_guidance or {}).items():
            if percentile in self.fields:
                self.initial[percentile] = value

    def clean(self) -> dict[str, Any]:
        """Refuse a price that is both fixed and found by auction."""
        cleaned = super().clean() or {}
        if cleaned.get("fixed_price") is not None and cleaned.get("floor_price") is not None:
            self.add_error("floor_price", "A price is either fixed or has a floor, not both.")
        return cleaned

    def save(self, commit: bool = True) -> PricingOption:
        """Keep the winning prices as the protocol's price guidance."""
        guidance = {
            percentile: float(self.cleaned_data[percentile])
            for percentile in PERCENTILES
            if self.cleaned_data.get(percentile) is not None
        }
        self.instance.price_guidance = guidance or None
        option: PricingOption = super().save(commit)
        return option


class PricingOptionInline(StackedInline):
    """Ways to pay for the product."""

    model = PricingOption
    form = PricingOptionForm
    extra = 0
    tab = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("pricing_option_id", "pricing_model"),
                    ("currency", "min_spend_per_package"),
                    ("fixed_price", "floor_price"),
                    "rate_card_price",
                    PERCENTILES[:2],
                    PERCENTILES[2:],
                )
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders name their prices for ever."""
        return False


@admin.register(Product)
class ProductAdmin(DeskModelAdmin):
    """Products with their prices and formats."""

    form = ProductForm
    inlines = (PricingOptionInline,)
    list_display = (
        "name",
        "shown_delivery",
        "shown_channels",
        "shown_prices",
        "category",
        "is_live",
    )
    list_filter = ("is_live", "delivery_type", "category")
    search_fields = ("name", "product_id", "description")
    fieldsets = (
        (None, {"fields": ("name", ("product_id", "is_live"), "description")}),
        (
            "What it is",
            {"fields": (("delivery_type", "category"), "channels", "countries", "expires_at")},
        ),
        (
            "What it delivers",
            {"fields": (("daily_impressions", "minimum_impressions"),)},
        ),
        ("Formats", {"classes": ("tab",), "fields": ("formats",)}),
        ("Properties", {"classes": ("tab",), "fields": ("properties",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Join what the list shows."""
        products: QuerySet[Product] = super().get_queryset(request)
        return products.prefetch_related("pricing_options")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Product | None = None
    ) -> tuple[str, ...]:
        """Buyers hold on to a product's id."""
        return ("product_id",) if obj else ()

    @display(
        description="Delivery",
        ordering="delivery_type",
        label={DeliveryType.GUARANTEED: "info", DeliveryType.NON_GUARANTEED: ""},
    )
    def shown_delivery(self, product: Product) -> tuple[str, str]:
        return product.delivery_type, product.get_delivery_type_display()

    @display(description="Channels")
    def shown_channels(self, product: Product) -> str:
        labels = dict(CHANNELS)
        return ", ".join(labels.get(channel, channel) for channel in product.channels)

    @display(description="Prices")
    def shown_prices(self, product: Product) -> str:
        return ", ".join(_price_in_words(option) for option in product.pricing_options.all())


def _price_in_words(option: PricingOption) -> str:
    model = option.get_pricing_model_display()
    if option.fixed_price is not None:
        return f"{option.currency} {option.fixed_price.normalize():f} {model}"
    if option.floor_price is not None:
        return f"{model} from {option.currency} {option.floor_price.normalize():f}"
    return f"{model} auction in {option.currency}"


class PropertyForm(forms.ModelForm):
    """A property with its tags as words."""

    tags = WordsField(required=False, help_text="Words with commas between them.")

    class Meta:
        model = Property
        fields = ("name", "property_id", "property_type", "publisher_domain", "identifiers", "tags")


@admin.register(Property)
class PropertyAdmin(DeskModelAdmin):
    """Places where advertising runs."""

    form = PropertyForm
    list_display = ("name", "property_type", "publisher_domain", "product_count")
    list_filter = ("property_type",)
    search_fields = ("name", "property_id", "publisher_domain")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Property]:
        """Count the products on each."""
        properties: QuerySet[Property] = super().get_queryset(request)
        return properties.annotate(product_number=Count("products"))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Property | None = None
    ) -> tuple[str, ...]:
        """Buyers hold on to a property's id."""
        return ("property_id",) if obj else ()

    @display(description="Products", ordering="product_number")
    def product_count(self, row: Property) -> int:
        number: int = getattr(row, "product_number", 0)
        return number


@admin.register(CreativeFormat)
class CreativeFormatAdmin(DeskModelAdmin):
    """Creative formats that products take."""

    list_display = ("name", "format_id", "media", "shown_size", "shown_duration")
    list_filter = ("media",)
    search_fields = ("name", "format_id")
    fieldsets = (
        (None, {"fields": (("name", "format_id"), "description")}),
        ("Shape", {"fields": ("media", ("width", "height", "duration_ms"))}),
        ("Assets", {"fields": ("assets",)}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: CreativeFormat | None = None
    ) -> tuple[str, ...]:
        """Buyers hold on to a format's id."""
        return ("format_id",) if obj else ()

    @display(description="Size")
    def shown_size(self, row: CreativeFormat) -> str:
        return f"{row.width} × {row.height}" if row.width and row.height else "–"  # noqa: RUF001

    @display(description="Duration")
    def shown_duration(self, row: CreativeFormat) -> str:
        return f"{row.duration_ms / 1000:g} s" if row.duration_ms else "–"  # noqa: RUF001
