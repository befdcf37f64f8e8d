"""What happened to a buy, in order, never changed afterwards."""

from django.db import models
from django.utils import timezone

from mediabuys.models.buys import MediaBuy


class Event(models.Model):
    """One entry of a buy's history; every status change has exactly one.

    Rows with a `wire_action` are what the buyer reads as history.
    """

    class Action(models.TextChoices):
        DRAFTED = "drafted", "Drafted"
        DECLINED = "declined", "Declined"
        CREATED = "created", "Created"
        CONFIRMED = "confirmed", "Confirmed"
        CREATIVES_ASSIGNED = "creatives_assigned", "Creatives assigned"
        CREATIVE_REVOKED = "creative_revoked", "Creative revoked"
        MADE_READY = "made_ready", "Ready to start"
        ACTIVATED = "activated", "Activated"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Resumed"
        CANCELED = "canceled", "Canceled"
        REJECTED = "rejected", "Rejected"
        COMPLETED = "completed", "Completed"
        BUDGET_UPDATED = "budget_updated", "Budget changed"
        DATES_UPDATED = "dates_updated", "Dates changed"
        PACKAGES_UPDATED = "packages_updated", "Packages changed"
        PACKAGE_CANCELED = "package_canceled", "Package canceled"
        PACKAGE_PAUSED = "package_paused", "Package paused"
        PACKAGE_RESUMED = "package_resumed", "Package resumed"
        DETAILS_UPDATED = "details_updated", "Details changed"
        AD_SERVER_REFUSED = "ad_server_refused", "Refused by the ad server"
        ARCHIVED = "archived", "Archived"
        UNARCHIVED = "unarchived", "Taken out of the archive"

    media_buy = models.ForeignKey(MediaBuy, on_delete=models.PROTECT, related_name="events")
    action = models.CharField(max_length=30, choices=Action.choices)
    from_status = models.CharField(max_length=50, blank=True)
    to_status = models.CharField(max_length=50, blank=True)
    revision = models.PositiveIntegerField()
    actor = models.CharField(max_length=200)
    summary = models.CharField(max_length=500, blank=True)
    package_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["media_buy", "-id"], name="event_history")]

    def __str__(self) -> str:
        return f"{self.action} {self.media_buy}"
