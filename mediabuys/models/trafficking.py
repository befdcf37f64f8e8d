"""What the ad server must still be told, and what is read back from it."""

from django.db import models
from django.db.models import F, Q

from mediabuys.models.buys import MediaBuy
from mediabuys.models.creatives import Creative


class Trafficking(models.Model):
    """One order or one creative as the ad server should have it: wanted, and told so far.

    Whatever changes the order or the creative raises `wanted`; a worker reads the row's subject as
    it is now, tells the ad server the whole of it, and writes down which version that was. So a
    repeated or a lost telling does no harm, and many changes may be told at once. The lease token
    fences a worker that was taken for dead.
    """

    media_buy = models.OneToOneField(
        MediaBuy, on_delete=models.PROTECT, null=True, blank=True, related_name="trafficking"
    )
    creative = models.OneToOneField(
        Creative, on_delete=models.PROTECT, null=True, blank=True, related_name="trafficking"
    )
    wanted = models.PositiveIntegerField(default=1)
    told = models.PositiveIntegerField(default=0)
    behind_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is not told what it should have."
    )
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "trafficking"
        constraints = [
            models.CheckConstraint(
                condition=Q(media_buy__isnull=False, creative__isnull=True)
                | Q(media_buy__isnull=True, creative__isnull=False),
                name="trafficking_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(told__lte=F("wanted")), name="trafficking_told_what_was_wanted"
            ),
        ]
        indexes = [
            models.Index(
                fields=["attempt_count", "next_attempt_at", "id"],
                name="trafficking_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index(
                fields=["leased_until"],
                name="trafficking_leased",
                condition=Q(leased_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.media_buy or self.creative)

    @property
    def is_told(self) -> bool:
        """Whether the ad server has what it should have."""
        return self.told == self.wanted


class AdServerFeed(models.Model):
    """One thing that is read from the ad server again and again, and how far it has been read.

    The cursor moves in the transaction that writes what was read up to it, so that a crash reads a
    page again and never skips one. `as_of` is what the ad server said of the data, on our clock;
    `clock_skew_seconds` is how far its clock is ahead of ours.
    """

    class Name(models.TextChoices):
        DELIVERY = "delivery", "Delivery"
        CREATIVES = "creatives", "Creative reviews"
        INVENTORY = "inventory", "Inventory"

    name = models.CharField(max_length=20, choices=Name.choices, unique=True)
    cursor = models.CharField(max_length=500, blank=True)
    as_of = models.DateTimeField(null=True, blank=True)
    clock_skew_seconds = models.FloatField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True, help_text="Last read without an error.")
    leased_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    failure_count = models.PositiveIntegerField(default=0, help_text="In a row.")
    failed_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="The first failure since it was last read."
    )
    error_message = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "ad server feed"
        constraints = [
            models.CheckConstraint(
                condition=Q(name__in=("delivery", "creatives", "inventory")),
                name="ad_server_feed_known",
            )
        ]

    def __str__(self) -> str:
        return str(self.get_name_display())
