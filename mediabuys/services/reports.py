"""Registering where a buy's reports and the content beside it are sent."""

from mediabuys.models import ArtifactWebhook, MediaBuy, Principal, ReportingWebhook
from mediabuys.reporting import ArtifactRequest, ReportingRequest, WebhookAddress
from mediabuys.services.destinations import destination_register
from webhooks.models import Destination


def reporting_webhook_set(
    *, buy: MediaBuy, request: ReportingRequest, principal: Principal | None = None
) -> ReportingWebhook:
    """Send the buy's reports where and as often as this says, instead of as before.

    `principal` is the agent that asks, where it is not the one that ordered the buy.
    Joins the caller's transaction; the caller holds the buy, or has just written it. Raises
    `InvalidRequest` at `reporting_webhook.url` for an address that may not be registered.
    """
    webhook = ReportingWebhook(
        media_buy=buy,
        destination=_destination(principal or buy.principal, request.address, "reporting_webhook"),
        token=request.address.token,
        frequency=request.frequency,
        requested_metrics=list(request.metrics),
    )
    ReportingWebhook.objects.bulk_create(
        [webhook],
        update_conflicts=True,
        unique_fields=["media_buy"],
        update_fields=["destination", "token", "frequency", "requested_metrics", "updated_at"],
    )
    return webhook


def artifact_webhook_set(*, buy: MediaBuy, request: ArtifactRequest) -> ArtifactWebhook:
    """Send the content beside which the buy was shown where this says, instead of as before.

    Joins the caller's transaction; the caller holds the buy, or has just written it. Raises
    `InvalidRequest` at `artifact_webhook.url` for an address that may not be registered.
    """
    webhook = ArtifactWebhook(
        media_buy=buy,
        destination=_destination(buy.principal, request.address, "artifact_webhook"),
        token=request.address.token,
        delivery_mode=request.delivery_mode,
        batch_frequency=request.batch_frequency,
        sampling_rate=request.sampling_rate,
    )
    ArtifactWebhook.objects.bulk_create(
        [webhook],
        update_conflicts=True,
        unique_fields=["media_buy"],
        update_fields=[
            "destination",
            "token",
            "delivery_mode",
            "batch_frequency",
            "sampling_rate",
            "updated_at",
        ],
    )
    return webhook


def _destination(principal: Principal, address: WebhookAddress, field: str) -> Destination:
    return destination_register(
        principal=principal,
        url=address.url,
        scheme=address.scheme,
        credentials=address.credentials,
        field=field,
    )
