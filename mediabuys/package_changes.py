"""What a change does to one package, checked field by field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from mediabuys.change_creatives import assignments_after
from mediabuys.change_flights import package_dates
from mediabuys.change_request import PackageChange
from mediabuys.keywords import CHANGING_FIELDS, overlay_after
from mediabuys.models import Creative, Package
from mediabuys.package_validation import (
    UNSUPPORTED_PACKAGE_FIELDS,
    Flight,
    bid_of,
    budget_of,
    check_countries,
    impressions_of,
    refuse_unsupported,
)

UNSUPPORTED_CHANGES = {
    name: suggestion
    for name, suggestion in UNSUPPORTED_PACKAGE_FIELDS.items()
    if name in ("creatives", "catalogs", "optimization_goals", "committed_metrics")
}

Value = TypeVar("Value")


def package_change(
    line: Mapping[str, Any],
    path: str,
    *,
    package: Package,
    flight: Flight,
    creatives: Mapping[str, Creative],
    now: datetime,
) -> PackageChange:
    """Return what a schema-valid package update changes of `package`; `path` is its own field.

    `flight` is the buy's after the change, `creatives` are the account's by their id. The package
    comes with its buy, product, pricing option and assignments. Raises a `TradeError` with the
    exact field of the first thing that cannot be sold. To cancel wins over everything else.
    """
    if line.get("canceled"):
        reason = line.get("cancellation_reason") or ""
        return PackageChange(package, cancels=True, cancellation_reason=reason)
    refuse_unsupported(line, UNSUPPORTED_CHANGES, prefix=f"{path}.")
    option = package.pricing_option
    budget = budget_of(line, path, option) if "budget" in line else None
    bid = _if_new(bid_of(line, path, option), package.bid_price)
    dates = package_dates(line, path, package=package, flight=flight, now=now)
    return PackageChange(
        package,
        budget=_if_new(budget, package.budget),
        bid_price=bid,
        unit_price=bid,
        impressions=_if_new(impressions_of(line, path), package.impressions),
        pacing=_if_new(line.get("pacing"), package.pacing),
        start_time=_if_new(dates.start, package.start_time),
        end_time=_if_new(dates.end, package.end_time),
        is_paused=_if_new(line.get("paused"), package.is_paused),
        targeting_overlay=_targeting(line, path, package),
        request_context=_if_new(line.get("context"), package.request_context),
        ext=_if_new(line.get("ext"), package.ext),
        assignments=assignments_after(line, path, package=package, creatives=creatives, now=now),
    )


def _if_new(asked: Value | None, present: Value | None) -> Value | None:
    return None if asked == present else asked


def _targeting(line: Mapping[str, Any], path: str, package: Package) -> dict[str, Any] | None:
    if all(line.get(name) is None for name in ("targeting_overlay", *CHANGING_FIELDS)):
        return None
    after = overlay_after(line, path, package.targeting_overlay)
    check_countries({"targeting_overlay": after}, path, package.product)
    return None if after == (package.targeting_overlay or {}) else after
