"""What was delivered, as the ad server last told it."""

from django.db import models
from django.db.models import Q

from mediabuys.models.buys import Package


class DeliverySnapshot(models.Model):
    """A package's totals since its start, as of one moment; replaced by each later import."""

    package = models.OneToOneField(Package, on_delete=models.CASCADE, related_name="snapshot")
    as_of = models.DateTimeField()
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField(null=True, blank=True)
    spend = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(spend__gte=0), name="delivery_snapshot_spend_positive"
            )
        ]

    def __str__(self) -> str:
        return f"{self.impressions} impressions of {self.package} by {self.as_of}"
