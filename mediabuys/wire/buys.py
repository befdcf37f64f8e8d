"""Buys and packages as the protocol's bodies."""

from collections.abc import Iterable, Sequence
from typing import Any

from mediabuys.models import Creative, CreativeAssignment, Event, MediaBuy, Package
from mediabuys.pricing import to_wire
from mediabuys.states import BuyStatus, CreativeStatus

VALID_ACTIONS: dict[str, tuple[str, ...]] = {
    BuyStatus.PENDING_CREATIVES: ("sync_creatives",),
    BuyStatus.PENDING_START: ("sync_creatives",),
    BuyStatus.ACTIVE: ("sync_creatives",),
    BuyStatus.PAUSED: ("sync_creatives",),
    BuyStatus.COMPLETED: (),
    BuyStatus.REJECTED: (),
    BuyStatus.CANCELED: (),
}

# The three words of `creative_approvals`, for every state of a creative.
APPROVAL_STATUS = {
    CreativeStatus.PROCESSING: "pending_review",
    CreativeStatus.PENDING_REVIEW: "pending_review",
    CreativeStatus.APPROVED: "approved",
    CreativeStatus.REJECTED: "rejected",
    CreativeStatus.SUSPENDED: "rejected",
    CreativeStatus.ARCHIVED: "rejected",
}

# History entries that the protocol knows; the others stay in the desk.
HISTORY_ACTIONS = {
    Event.Action.CREATED: "created",
    Event.Action.CREATIVES_ASSIGNED: "updated_packages",
    Event.Action.MADE_READY: "updated_packages",
    Event.Action.ACTIVATED: "activated",
    Event.Action.PAUSED: "paused",
    Event.Action.RESUMED: "resumed",
    Event.Action.CANCELED: "canceled",
    Event.Action.REJECTED: "rejected",
    Event.Action.COMPLETED: "completed",
}


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: the wire leaves absent ones out, never null."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def create_success(
    buy: MediaBuy, packages: Iterable[Package], assignments: Iterable[CreativeAssignment]
) -> dict[str, Any]:
    """Return the success body of `create_media_buy`, without the envelope."""
    by_package: dict[int, list[CreativeAssignment]] = {}
    for assignment in assignments:
        by_package.setdefault(assignment.package_id, []).append(assignment)
    return {
        "media_buy_id": buy.media_buy_id,
        "media_buy_status": buy.status,
        "revision": buy.revision,
        "confirmed_at": buy.confirmed_at.isoformat() if buy.confirmed_at else None,
        "currency": buy.currency,
        "total_budget": to_wire(buy.total_budget),
        "packages": [
            package_created(package, by_package.get(package.pk, [])) for package in packages
        ],
        "valid_actions": list(VALID_ACTIONS[buy.status]),
        **present(
            creative_deadline=buy.creative_deadline.isoformat() if buy.creative_deadline else None,
            rejection_reason=buy.rejection_reason if buy.status == BuyStatus.REJECTED else None,
            sandbox=buy.account.sandbox or None,
        ),
    }


def package_created(package: Package, assignments: Sequence[CreativeAssignment]) -> dict[str, Any]:
    """Return a package as `create_media_buy` answers it: what was asked for, and its id."""
    return {
        **_package_core(package),
        "pricing_option_id": package.pricing_option.pricing_option_id,
        **present(
            pacing=package.pacing,
            format_ids_to_provide=package.format_ids if not assignments else None,
            creative_assignments=[
                {"creative_id": row.creative_ref, **present(weight=_weight(row))}
                for row in assignments
            ],
            agency_estimate_number=package.agency_estimate_number,
            **package.terms,
        ),
    }


def _weight(row: CreativeAssignment) -> int | float | None:
    return None if row.weight is None else to_wire(row.weight)


def _package_core(package: Package) -> dict[str, Any]:
    return {
        "package_id": package.package_id,
        "product_id": package.product.product_id,
        "budget": to_wire(package.budget),
        "currency": package.currency,
        "paused": package.is_paused,
        **present(
            bid_price=None if package.bid_price is None else to_wire(package.bid_price),
            impressions=package.impressions,
            targeting_overlay=package.targeting_overlay,
            start_time=package.start_time.isoformat() if package.start_time else None,
            end_time=package.end_time.isoformat() if package.end_time else None,
            context=package.request_context,
            ext=package.ext,
        ),
    }


def media_buy_body(
    buy: MediaBuy, *, account: dict[str, Any], history: Sequence[Event] | None = None
) -> dict[str, Any]:
    """Return one entry of `get_media_buys`; packages and assignments are prefetched."""
    body: dict[str, Any] = {
        "media_buy_id": buy.media_buy_id,
        "account": account,
        "status": buy.status,
        "currency": buy.currency,
        "total_budget": to_wire(buy.total_budget),
        "confirmed_at": buy.confirmed_at.isoformat() if buy.confirmed_at else None,
        "revision": buy.revision,
        "start_time": buy.start_time.isoformat(),
        "end_time": buy.end_time.isoformat(),
        "created_at": buy.created_at.isoformat(),
        "updated_at": buy.updated_at.isoformat(),
        "status_as_of": buy.updated_at.isoformat(),
        "valid_actions": list(VALID_ACTIONS[buy.status]),
        "packages": [package_body(package) for package in buy.packages.all()],
        **present(
            creative_deadline=buy.creative_deadline.isoformat() if buy.creative_deadline else None,
            rejection_reason=buy.rejection_reason if buy.status == BuyStatus.REJECTED else None,
            cancellation=_cancellation(buy),
            context=buy.request_context,
            ext=buy.ext,
        ),
    }
    if history is not None:
        body["history"] = [history_entry(event) for event in history]
    return body


def package_body(package: Package) -> dict[str, Any]:
    """Return a package of `get_media_buys` with its creatives' approvals."""
    assignments = list(package.assignments.all())
    approvals = [_approval(row.creative) for row in assignments if row.creative is not None]
    return {
        **_package_core(package),
        "canceled": package.is_canceled,
        "creative_approvals": approvals,
        **present(format_ids_pending=_formats_pending(package, assignments)),
    }


def _approval(creative: Creative) -> dict[str, Any]:
    status = APPROVAL_STATUS[CreativeStatus(creative.status)]
    reason = creative.rejection_reason or "The creative is not available."
    return {
        "creative_id": creative.creative_id,
        "approval_status": status,
        **present(rejection_reason=reason if status == "rejected" else None),
    }


def _formats_pending(
    package: Package, assignments: Sequence[CreativeAssignment]
) -> list[dict[str, Any]]:
    """Return the formats that the buyer chose and has not uploaded a creative for."""
    uploaded = {row.creative.format_key for row in assignments if row.creative is not None}
    return [reference for reference in package.format_ids if reference["id"] not in uploaded]


def _cancellation(buy: MediaBuy) -> dict[str, Any] | None:
    if buy.status != BuyStatus.CANCELED or buy.canceled_at is None:
        return None
    return {
        "canceled_at": buy.canceled_at.isoformat(),
        "canceled_by": buy.canceled_by,
        **present(reason=buy.cancellation_reason),
    }


def history_entry(event: Event) -> dict[str, Any]:
    """Return one entry of a buy's history."""
    return {
        "revision": event.revision,
        "timestamp": event.at.isoformat(),
        "action": HISTORY_ACTIONS[Event.Action(event.action)],
        "actor": event.actor,
        **present(summary=event.summary, package_id=event.package_id),
    }
