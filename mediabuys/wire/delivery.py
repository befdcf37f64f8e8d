"""What buys delivered, as the bodies of `get_media_buy_delivery` and of reporting webhooks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mediabuys.delivery_metrics import Metrics, summed
from mediabuys.delivery_periods import Period
from mediabuys.delivery_request import DeliveryRequest, Ranking
from mediabuys.pricing import to_wire
from mediabuys.reporting import measures_completion
from mediabuys.selectors.delivery import BuyDelivery, PackageDelivery
from mediabuys.snapshots import DeliveryStatus, Snapshot
from mediabuys.wire.buys import present

# ISO 3166 keeps it free for what is in no known country.
NO_COUNTRY = "ZZ"
# By these a breakdown can be ranked; the protocol has spend take the place of any other.
RANKED_BY = frozenset(
    {"impressions", "clicks", "ctr", "completed_views", "completion_rate", "cost_per_click"}
)


def delivery_body(found: BuyDelivery, *, asked: DeliveryRequest, with_days: bool) -> dict[str, Any]:
    """Return one entry of `media_buy_deliveries`.

    `with_days` is whether the buy's days are in it; those of its packages, and its windows, are
    there as they were asked for. A day without delivery is left out, a window never.
    """
    models = {one.package.pricing_option.pricing_model for one in found.packages}
    model = models.pop() if len(models) == 1 else None
    body: dict[str, Any] = {
        "media_buy_id": found.buy.media_buy_id,
        "status": found.buy.status,
        "totals": {
            **_together([(one, one.sums.total) for one in found.packages]),
            **_rates(effective_rate=found.total.effective_rate(model) if model else None),
        },
        "by_package": [_package_body(one, asked) for one in found.packages],
        **present(pricing_model=model),
        **_finality(found.final_at),
    }
    if any(one.restated_at for one in found.packages):
        body["is_adjusted"] = True
    if with_days:
        body["daily_breakdown"] = _days_body(_days_of(found))
    if asked.window:
        body["windows"] = [_window_body(found, asked.window, one) for one in _windows(found, asked)]
    return body


def aggregated_totals(found: Sequence[BuyDelivery]) -> dict[str, Any]:
    """Return the totals over buys of one currency."""
    packages = [(one, one.sums.total) for buy in found for one in buy.packages]
    together = _together(packages)
    kept = ("impressions", "spend", "clicks", "completed_views", "completion_rate")
    return {
        **{name: together[name] for name in kept if name in together},
        "media_buy_count": len(found),
    }


def period_body(period: Period) -> dict[str, str]:
    """Return the `reporting_period`."""
    return {"start": _moment(period.start), "end": _moment(period.end)}


def _package_body(found: PackageDelivery, asked: DeliveryRequest) -> dict[str, Any]:
    package, total = found.package, found.sums.total
    body = {
        "package_id": package.package_id,
        **_metrics_body(total, completes=_completes(found, total)),
        "pricing_model": package.pricing_option.pricing_model,
        "rate": to_wire(_rate(found)),
        "currency": package.currency,
        "paused": package.is_paused,
        **_standing(found),
        **_finality(found.final_at),
        "by_creative": [
            _creative_body(found, creative, metrics)
            for creative, metrics in _ranked(found.sums.by_creative, "spend")
            if creative
        ],
    }
    if asked.countries is not None:
        body |= _countries_body(found, asked.countries)
    if asked.package_days:
        body["daily_breakdown"] = _days_body(found.sums.by_day.items())
    return body


def _standing(found: PackageDelivery) -> dict[str, Any]:
    """Return pace and delivery status; that nothing is delivered has no word here."""
    standing = found.standing
    if not isinstance(standing, Snapshot):
        return {}
    fields: dict[str, Any] = _rates(pacing_index=standing.pacing_index)
    if standing.delivery_status not in (None, DeliveryStatus.NOT_DELIVERING):
        fields["delivery_status"] = str(standing.delivery_status)
    return fields


def _rate(found: PackageDelivery) -> Decimal:
    """Return the agreed price, or in an auction what it came to; a bid until there is such."""
    package, option = found.package, found.package.pricing_option
    if not option.is_fixed:
        effective = found.sums.total.effective_rate(option.pricing_model)
        if effective is not None:
            return effective
    return package.unit_price or option.list_price or Decimal(0)


def _creative_body(found: PackageDelivery, creative: str, metrics: Metrics) -> dict[str, Any]:
    body = {
        "creative_id": creative,
        **_metrics_body(metrics, completes=_completes(found, metrics)),
    }
    if found.sums.total.impressions:
        share = Decimal(metrics.impressions * 100) / found.sums.total.impressions
        body["weight"] = to_wire(share.quantize(Decimal("0.01")))
    return body


def _countries_body(found: PackageDelivery, ranking: Ranking) -> dict[str, Any]:
    ranked = _ranked(found.sums.by_country, ranking.metric)
    return {
        "by_geo": [
            {
                "geo_level": "country",
                "geo_code": country or NO_COUNTRY,
                **_metrics_body(metrics, completes=_completes(found, metrics)),
            }
            for country, metrics in ranked[: ranking.limit]
        ],
        "by_geo_truncated": len(ranked) > ranking.limit,
    }


def _ranked(rows: dict[str, Metrics], metric: str) -> list[tuple[str, Metrics]]:
    """Return the rows, highest first; what is equal, or has no such figure, by name."""
    name = metric if metric in RANKED_BY else "spend"
    return sorted(rows.items(), key=lambda row: (-(getattr(row[1], name) or 0), row[0]))


def _windows(found: BuyDelivery, asked: DeliveryRequest) -> Iterator[Period]:
    return found.period.windows(asked.window)


def _window_body(found: BuyDelivery, granularity: str, window: Period) -> dict[str, Any]:
    rows = [(one, one.within(window, granularity)) for one in found.packages]
    return {
        "window_start": _moment(window.start),
        "window_end": _moment(window.end),
        "totals": _together(rows),
        "by_package": [
            {
                "package_id": one.package.package_id,
                **_metrics_body(metrics, completes=_completes(one, metrics)),
            }
            for one, metrics in rows
        ],
        **present(is_final=found.final_at is not None or None),
    }


def _days_of(found: BuyDelivery) -> Iterator[tuple[date, Metrics]]:
    days = {day for one in found.packages for day in one.sums.by_day}
    for day in days:
        yield day, summed(one.sums.by_day.get(day, Metrics()) for one in found.packages)


def _days_body(days: Iterable[tuple[date, Metrics]]) -> list[dict[str, Any]]:
    return [
        {
            "date": day.isoformat(),
            "impressions": metrics.impressions,
            "spend": to_wire(metrics.spend),
        }
        for day, metrics in sorted(days, key=lambda row: row[0])
    ]


def _together(parts: Sequence[tuple[PackageDelivery, Metrics]]) -> dict[str, Any]:
    """Return the metrics of packages together.

    Their completed views are a number wherever one of them counts some, and a rate only where all
    do: the impressions of a banner complete nothing.
    """
    completes = [_completes(one, metrics) for one, metrics in parts]
    total = summed(metrics for _, metrics in parts)
    body = _metrics_body(total, completes=bool(completes) and all(completes))
    return {**body, "completed_views": total.completed_views} if any(completes) else body


def _completes(found: PackageDelivery, metrics: Metrics) -> bool:
    """Whether the package counts completed views."""
    return metrics.completed_views > 0 or measures_completion(found.package.product)


def _metrics_body(metrics: Metrics, *, completes: bool) -> dict[str, Any]:
    """Return the figures, zeros too, and those that follow from them where they can."""
    body: dict[str, Any] = {
        "impressions": metrics.impressions,
        "spend": to_wire(metrics.spend),
        "clicks": metrics.clicks,
        **_rates(ctr=metrics.ctr, cpm=metrics.cpm, cost_per_click=metrics.cost_per_click),
    }
    if completes:
        body["completed_views"] = metrics.completed_views
        body |= _rates(
            completion_rate=metrics.completion_rate,
            cost_per_completed_view=metrics.cost_per_completed_view,
        )
    return body


def _rates(**rates: Decimal | None) -> dict[str, Any]:
    return {name: to_wire(rate) for name, rate in rates.items() if rate is not None}


def _finality(final_at: datetime | None) -> dict[str, Any]:
    """Return that the figures are closed, and when; nothing while they may change."""
    if final_at is None:
        return {}
    return {"is_final": True, "finalized_at": _moment(final_at)}


def _moment(moment: datetime) -> str:
    return moment.isoformat()
