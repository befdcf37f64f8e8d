"""What is sent about a running buy: what the publisher offers, and what a buyer may ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from mediabuys.adservers.profiles import publishers_profile
from mediabuys.delivery_periods import GRANULARITIES
from mediabuys.errors import InvalidRequest, UnsupportedFeature
from mediabuys.models import Product
from mediabuys.pricing import from_wire
from mediabuys.states import ArtifactMode

# The same of every product: what all ad servers tell of everything that is sold. Nothing pushes
# reports yet.
REPORTING_CAPABILITIES: dict[str, Any] = {
    "available_reporting_frequencies": ["daily"],
    "timezone": "UTC",
    "supports_webhooks": False,
    "available_metrics": ["impressions", "spend", "clicks", "ctr", "cpm", "cost_per_click"],
    "supports_creative_breakdown": True,
    "supports_geo_breakdown": {"country": True},
    "date_range_support": "date_range",
    "windowed_pull_granularities": list(GRANULARITIES),
}
COMPLETION_METRICS = ["completed_views", "completion_rate", "cost_per_completed_view"]
# On these channels there is something to watch or hear to its end.
COMPLETING_CHANNELS = frozenset({"olv", "ctv", "streaming_audio", "podcast"})
# Where the ad server tells no delivery, nothing better is known.
USUAL_DELAY = timedelta(hours=4)
TOKEN_LIMIT = 4096
SMALLEST_RATE = Decimal("0.0001")


@dataclass(frozen=True)
class WebhookAddress:
    """Where a buyer wants something sent, as its request says it; `scheme` is AdCP's word."""

    url: str
    scheme: str
    credentials: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class ReportingRequest:
    """The reports that a buyer asks for; no metrics means every one of the products."""

    address: WebhookAddress
    frequency: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class ArtifactRequest:
    """The content that a buyer asks for; `sampling_rate` is a share of the impressions."""

    address: WebhookAddress
    delivery_mode: str
    batch_frequency: str
    sampling_rate: Decimal


def reporting_capabilities(product: Product) -> dict[str, Any]:
    """Return which reports there are of a product, in the protocol's shape."""
    metrics = REPORTING_CAPABILITIES["available_metrics"]
    if measures_completion(product):
        metrics = [*metrics, *COMPLETION_METRICS]
    delivery = publishers_profile().delivery
    delay = delivery.staleness if delivery else USUAL_DELAY
    return {
        **REPORTING_CAPABILITIES,
        "available_metrics": metrics,
        "expected_delay_minutes": -(-delay // timedelta(minutes=1)),
    }


def measures_completion(product: Product) -> bool:
    """Whether completed views are counted: on channels where something ends."""
    return not COMPLETING_CHANNELS.isdisjoint(product.channels)


def reporting_request(
    params: Mapping[str, Any], *, products: Iterable[Product]
) -> ReportingRequest | None:
    """Return the reports that a schema-valid request asks for; None where it asks for none.

    Raises `UnsupportedFeature` at the frequency or the metric that one of the products lacks.
    """
    config = params.get("reporting_webhook")
    if not config:
        return None
    offers = [reporting_capabilities(product) for product in products]
    frequency, metrics = config["reporting_frequency"], config.get("requested_metrics") or []
    offered = _offered_by_all(offers, "available_reporting_frequencies")
    if frequency not in offered:
        raise UnsupportedFeature(
            "Not every product of the order is reported this often.",
            field="reporting_webhook.reporting_frequency",
            suggestion=f"Ask for: {', '.join(offered) or 'no reporting webhook'}.",
        )
    measured = _offered_by_all(offers, "available_metrics")
    for index, metric in enumerate(metrics):
        if metric not in measured:
            raise UnsupportedFeature(
                "Not every product of the order reports this metric.",
                field=f"reporting_webhook.requested_metrics[{index}]",
                suggestion=f"Ask for some of: {', '.join(measured)}.",
            )
    return ReportingRequest(_address(config, "reporting_webhook"), frequency, tuple(metrics))


def artifact_request(params: Mapping[str, Any]) -> ArtifactRequest | None:
    """Return the content that a schema-valid request asks for; None where it asks for none.

    In real time there are no batches, so that a `batch_frequency` says nothing there. Raises
    `InvalidRequest` where batches have no frequency.
    """
    config = params.get("artifact_webhook")
    if not config:
        return None
    batched = config["delivery_mode"] == ArtifactMode.BATCHED
    if batched and not config.get("batch_frequency"):
        raise InvalidRequest(
            "Batched delivery needs a batch_frequency.",
            field="artifact_webhook.batch_frequency",
            suggestion="Send hourly or daily, or ask for realtime delivery.",
        )
    return ArtifactRequest(
        address=_address(config, "artifact_webhook"),
        delivery_mode=config["delivery_mode"],
        batch_frequency=config["batch_frequency"] if batched else "",
        sampling_rate=_sampling_rate(config.get("sampling_rate", 1)),
    )


def _offered_by_all(offers: list[dict[str, Any]], name: str) -> list[str]:
    # A buy whose packages were all canceled has no product, and so no reports.
    words = offers[0][name] if offers else []
    return [word for word in words if all(word in offer[name] for offer in offers)]


def _address(config: Mapping[str, Any], path: str) -> WebhookAddress:
    authentication = config["authentication"]
    token = config.get("token", "")
    if len(token) > TOKEN_LIMIT:
        raise InvalidRequest(
            f"The token is longer than {TOKEN_LIMIT} characters.",
            field=f"{path}.token",
            suggestion="Shorten it.",
        )
    return WebhookAddress(
        url=config["url"],
        scheme=authentication["schemes"][0],
        credentials=authentication["credentials"],
        token=token,
    )


def _sampling_rate(asked: float) -> Decimal:
    """Return the rate with four decimals; a small sample is never rounded to none."""
    rate = from_wire(asked)
    return max(rate.quantize(SMALLEST_RATE), SMALLEST_RATE) if rate else Decimal(0)
