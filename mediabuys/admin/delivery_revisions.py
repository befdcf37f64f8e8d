"""Hours that the ad server told otherwise later, as they were told before."""

from django.contrib import admin

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.models import DeliveryRevision


@admin.register(DeliveryRevision)
class DeliveryRevisionAdmin(ReadOnlyAdmin):
    """What was replaced; a bill that was written from it can be explained."""

    list_display = (
        "package",
        "hour",
        "creative_ref",
        "country",
        "revision",
        "impressions",
        "clicks",
        "completed_views",
        "spend",
        "replaced_at",
    )
    list_select_related = ("package",)
    search_fields = ("package__package_id", "package__media_buy__media_buy_id", "creative_ref")
