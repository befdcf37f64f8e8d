"""A change of a buy, checked against the buy, the catalog and the clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mediabuys.change_flights import flight_after, refuse_left_out
from mediabuys.change_request import ChangeRequest, PackageChange
from mediabuys.creative_deadlines import deadline_of_start
from mediabuys.creative_placement import refuse_rejected
from mediabuys.errors import InvalidRequest
from mediabuys.models import Creative, MediaBuy, Package, Product
from mediabuys.order_fields import invoice_recipient
from mediabuys.package_changes import package_change
from mediabuys.package_validation import Catalog, Flight, package_from_request
from mediabuys.pricing import BUDGET_LIMIT, in_words
from mediabuys.reporting import reporting_request
from mediabuys.requests import Channel, PackageRequest, channel_fields
from mediabuys.states import PENDING_BUY_STATUSES, BuyStatus
from mediabuys.validation import PACKAGES_LIMIT, START_TOLERANCE

# Canceled packages stay with their buy for good, and each change of it reads them.
CANCELED_AND_LIVE_LIMIT = 1_000


def change_request(
    params: Mapping[str, Any],
    *,
    buy: MediaBuy,
    packages: Sequence[Package],
    catalog: Catalog,
    now: datetime,
    creatives: Mapping[str, Creative] | None = None,
    channel: Channel | None = None,
) -> ChangeRequest:
    """Return what a schema-valid `update_media_buy`, which was admitted, changes of the buy.

    `packages` are all of the buy, as `packages_to_change` reads them; `catalog` has the products of
    `new_packages`, `creatives` those of the account that the request assigns, and `channel` is the
    webhook that it registers for the buy. What is already as asked is left out of the answer.
    Raises a `TradeError` with the exact field of the first thing that cannot be done. Reads only
    what it is given.
    """
    if params.get("canceled"):
        return ChangeRequest(
            buy,
            tuple(packages),
            cancels=True,
            cancellation_reason=params.get("cancellation_reason") or "",
        )
    _refuse_other_money(params, buy)
    known = dict(creatives or {})
    flight = flight_after(params, buy=buy, now=now)
    changes = _package_changes(params, packages, flight, known, now)
    added = _new_packages(params, buy, catalog, flight, known, now)
    recipient, bank = invoice_recipient(params)
    if recipient == buy.invoice_recipient and not bank:
        recipient = None
    request = ChangeRequest(
        buy,
        tuple(packages),
        packages=changes,
        new_packages=added,
        creatives=known,
        pauses=_pauses(params, buy),
        start_time=None if flight.start == buy.start_time else flight.start,
        starts_asap=flight.asap,
        end_time=None if flight.end == buy.end_time else flight.end,
        creative_deadline=_deadline(flight, buy, now),
        invoice_recipient=recipient,
        invoice_bank=bank,
        reporting=reporting_request(params, products=_products(packages, added)),
        channel=_if_another(channel, buy),
    )
    _check_whole(request, flight)
    return request


def _refuse_other_money(params: Mapping[str, Any], buy: MediaBuy) -> None:
    """Refuse what looks as if it would change the money, and is none of the task's fields."""
    if "total_budget" in params:
        raise InvalidRequest(
            "total_budget is the sum of the packages' budgets.",
            field="total_budget",
            suggestion="Change the budgets of the packages.",
        )
    lines = {f"packages[{n}].": line for n, line in enumerate(params.get("packages") or [])}
    for path, line in {"": params, **lines}.items():
        if line.get("currency") not in (None, buy.currency):
            raise InvalidRequest(
                f"The media buy is in {buy.currency}, and stays so.",
                field=f"{path}currency",
                suggestion="Order another media buy for another currency.",
            )


def _package_changes(
    params: Mapping[str, Any],
    packages: Sequence[Package],
    flight: Flight,
    creatives: Mapping[str, Creative],
    now: datetime,
) -> tuple[PackageChange, ...]:
    by_id = {package.package_id: package for package in packages}
    return tuple(
        package_change(
            line,
            f"packages[{index}]",
            package=by_id[line["package_id"]],
            flight=flight,
            creatives=creatives,
            now=now,
        )
        for index, line in enumerate(params.get("packages") or [])
    )


def _new_packages(
    params: Mapping[str, Any],
    buy: MediaBuy,
    catalog: Catalog,
    flight: Flight,
    creatives: Mapping[str, Creative],
    now: datetime,
) -> tuple[PackageRequest, ...]:
    added = []
    for index, line in enumerate(params.get("new_packages") or []):
        path = f"new_packages[{index}]"
        package = package_from_request(line, path, catalog, flight, now)
        if package.pricing_option.currency != buy.currency:
            raise InvalidRequest(
                f"The media buy is in {buy.currency}, and all its packages are.",
                field=f"{path}.pricing_option_id",
                suggestion=f"Choose a pricing option in {buy.currency}, or order another buy.",
            )
        if package.start_time is not None and package.start_time < now - START_TOLERANCE:
            raise InvalidRequest(
                "The package would start in the past.",
                field=f"{path}.start_time",
                suggestion="Send a time in the future, or leave it out.",
            )
        refuse_rejected(package.assignments, path, creatives)
        added.append(package)
    return tuple(added)


def _pauses(params: Mapping[str, Any], buy: MediaBuy) -> bool | None:
    asked: bool | None = params.get("paused")
    if buy.status in PENDING_BUY_STATUSES:
        return None if asked == buy.is_held else asked
    return None if asked == (buy.status == BuyStatus.PAUSED) else asked


def _if_another(channel: Channel | None, buy: MediaBuy) -> Channel | None:
    fields = channel_fields(channel)
    return None if all(getattr(buy, name) == fields[name] for name in fields) else channel


def _deadline(flight: Flight, buy: MediaBuy, now: datetime) -> datetime | None:
    if flight.start == buy.start_time:
        return None
    lead_hours = buy.account.publisher.creative_deadline_hours
    return deadline_of_start(flight.start, lead_hours=lead_hours, now=now)


def _products(packages: Sequence[Package], added: Sequence[PackageRequest]) -> list[Product]:
    kept = [package.product for package in packages if not package.is_canceled]
    return kept + [line.product for line in added]


def _check_whole(request: ChangeRequest, flight: Flight) -> None:
    live = sum(not package.is_canceled for package in request.standing)
    if live + len(request.new_packages) > PACKAGES_LIMIT:
        raise InvalidRequest(
            f"A media buy has at most {PACKAGES_LIMIT} packages.",
            field="new_packages",
            suggestion="Order another media buy.",
        )
    if request.new_packages and len(request.standing) >= CANCELED_AND_LIVE_LIMIT:
        raise InvalidRequest(
            "Too many packages of this media buy were canceled to add another one.",
            field="new_packages",
            suggestion="Order another media buy.",
        )
    total = request.budget_after
    if total > request.buy.total_budget and total > BUDGET_LIMIT:
        raise InvalidRequest(
            f"The media buy would be of {in_words(total, request.buy.currency)}.",
            code="VALIDATION_ERROR",
            field="packages" if request.packages else "new_packages",
            suggestion="Ask for smaller budgets.",
        )
    if request.moves_dates:
        refuse_left_out(request.packages_after, buy=request.buy, flight=flight)
