"""What a buyer asked to be sent about a buy while it runs: reports, and what was shown beside."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from mediabuys.models.buys import MediaBuy
from mediabuys.states import ArtifactMode, ReportingFrequency
from webhooks.encryption import EncryptedTextField


class ReportingWebhook(models.Model):
    """Where and how often a buy's delivery figures are sent."""

    media_buy = models.OneToOneField(
        MediaBuy, on_delete=models.CASCADE, related_name="reporting_webhook"
    )
    destination = models.ForeignKey(
        "webhooks.Destination", on_delete=models.PROTECT, related_name="+"
    )
    token = EncryptedTextField(blank=True, default="", editable=False)
    frequency = models.CharField(max_length=10, choices=ReportingFrequency.choices)
    requested_metrics = models.JSONField(
        default=list, blank=True, help_text="Empty: every metric of the products."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(frequency__in=ReportingFrequency.values),
                name="reporting_webhook_frequency_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_frequency_display()} reports of {self.media_buy}"


class ArtifactWebhook(models.Model):
    """Where the content beside which a buy's advertising was shown is sent."""

    media_buy = models.OneToOneField(
        MediaBuy, on_delete=models.CASCADE, related_name="artifact_webhook"
    )
    destination = models.ForeignKey(
        "webhooks.Destination", on_delete=models.PROTECT, related_name="+"
    )
    token = EncryptedTextField(blank=True, default="", editable=False)
    delivery_mode = models.CharField(max_length=10, choices=ArtifactMode.choices)
    batch_frequency = models.CharField(
        max_length=10,
        choices=[
            (choice.value, choice.label)
            for choice in (ReportingFrequency.HOURLY, ReportingFrequency.DAILY)
        ],
        blank=True,
    )
    sampling_rate = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal(1),
        help_text="Share of impressions: 0 to 1.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(delivery_mode=ArtifactMode.REALTIME)
                | (
                    Q(delivery_mode=ArtifactMode.BATCHED)
                    & Q(batch_frequency__in=(ReportingFrequency.HOURLY, ReportingFrequency.DAILY))
                ),
                name="artifact_webhook_batched_how_often",
            ),
            models.CheckConstraint(
                condition=Q(sampling_rate__gte=0, sampling_rate__lte=1),
                name="artifact_webhook_rate_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"Artifacts of {self.media_buy}"
