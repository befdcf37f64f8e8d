"""What the ad server last said that it can deliver."""

from django.db import models
from django.db.models import Q

from mediabuys.models.catalog import Product


class InventoryDay(models.Model):
    """A product's impressions on one day (UTC) in one country, as the ad server last told it.

    `capacity` is what it expects to have, between `capacity_low` and `capacity_high`; `reserved` is
    what its booked orders take of that, ours and others'. No country means everywhere at once.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="inventory")
    day = models.DateField()
    country = models.CharField(max_length=2, blank=True)
    capacity = models.PositiveBigIntegerField()
    capacity_low = models.PositiveBigIntegerField()
    capacity_high = models.PositiveBigIntegerField()
    reserved = models.PositiveBigIntegerField(default=0)
    as_of = models.DateTimeField()

    class Meta:
        ordering = ["product", "day", "country"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "day", "country"], name="inventory_day_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    capacity_low__lte=models.F("capacity"), capacity__lte=models.F("capacity_high")
                ),
                name="inventory_day_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} on {self.day} {self.country}".strip()
