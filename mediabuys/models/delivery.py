"""What was delivered, as the ad server tells it: the hours, their earlier versions, the totals."""

from django.db import models
from django.db.models import Q

from mediabuys.models.buys import Package
from mediabuys.states import PASSING_STRAY_REASONS, StrayReason


class DeliveryRow(models.Model):
    """What one creative of one package delivered in one country in one hour (UTC).

    `version` is the ad server's own and only grows: a later one takes the place of an earlier one,
    and where the hour was over, so that this restates it, what stood before is kept as a
    `DeliveryRevision`. There is no foreign key in the database, because to
    check a million rows costs more than to write them: the import finds each row's package first,
    and packages are never deleted.
    """

    pk = models.CompositePrimaryKey("package", "hour", "creative_ref", "country")
    package = models.ForeignKey(
        Package, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    hour = models.DateTimeField(help_text="Start of the hour.")
    creative_ref = models.CharField(
        max_length=255, blank=True, help_text="The buyer's creative_id; empty where none is named."
    )
    country = models.CharField(max_length=2, blank=True)
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField()
    completed_views = models.PositiveBigIntegerField()
    spend = models.DecimalField(max_digits=18, decimal_places=4, help_text="In the package's own.")
    version = models.PositiveBigIntegerField()
    revision = models.PositiveIntegerField(
        default=1, help_text="One more each time that it was restated."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(spend__gte=0), name="delivery_row_spend_positive")
        ]

    def __str__(self) -> str:
        return f"{self.impressions} impressions of {self.package_id} in the hour of {self.hour}"


class DeliveryRevision(models.Model):
    """An hour as it was told before; never changed. `revision` is the one that was replaced."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    creative_ref = models.CharField(max_length=255, blank=True)
    country = models.CharField(max_length=2, blank=True)
    revision = models.PositiveIntegerField()
    version = models.PositiveBigIntegerField()
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField()
    completed_views = models.PositiveBigIntegerField()
    spend = models.DecimalField(max_digits=18, decimal_places=4)
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["package", "hour", "creative_ref", "country", "revision"],
                name="delivery_revision_once",
            )
        ]

    def __str__(self) -> str:
        return f"revision {self.revision} of {self.package_id} in the hour of {self.hour}"


class StrayDelivery(models.Model):
    """An hour of the ad server's report that counts nowhere, why, and the row as it came.

    Nothing is lost: a stray is tried again for as long as its reason may pass, and `settled_at`
    says when it found its place. `row_digest` names the hour, so that a later `version` of it takes
    the place of an earlier one; what is not understood is named by all of its text.
    """

    order_reference = models.CharField(max_length=64, blank=True)
    package_ref = models.CharField(max_length=64, blank=True)
    row = models.JSONField(help_text="The row as the ad server told it.")
    row_digest = models.CharField(max_length=64, unique=True)
    version = models.PositiveBigIntegerField(default=0)
    reason = models.CharField(max_length=20, choices=StrayReason.choices)
    first_seen_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "stray delivery"
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=StrayReason.values), name="stray_delivery_reason_known"
            )
        ]
        indexes = [
            models.Index(
                fields=["checked_at"],
                name="stray_delivery_to_retry",
                condition=Q(settled_at__isnull=True, reason__in=PASSING_STRAY_REASONS),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.order_reference}"


class DeliverySnapshot(models.Model):
    """A package's totals since its start: always the sum of its `DeliveryRow`s.

    `as_of` is when they last changed; what the ad server has told since is the feed's own `as_of`.
    """

    package = models.OneToOneField(Package, on_delete=models.CASCADE, related_name="snapshot")
    as_of = models.DateTimeField()
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField(null=True, blank=True)
    completed_views = models.PositiveBigIntegerField(null=True, blank=True)
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
