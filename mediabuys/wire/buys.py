"""Buys and packages as the protocol's bodies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mediabuys.actions import available_actions, valid_actions
from mediabuys.creative_deadlines import own_lead, package_deadline
from mediabuys.flights import flight_of
from mediabuys.models import Creative, CreativeAssignment, Event, MediaBuy, Package
from mediabuys.pricing import to_wire
from mediabuys.selectors.impairments import Impairment
from mediabuys.snapshots import Snapshot, Unavailable
from mediabuys.states import BuyStatus, CreativeStatus
from mediabuys.wire.formats import format_reference
from mediabuys.wire.impairments import health_fields
from mediabuys.wire.snapshots import snapshot_fields
from mediabuys.wire.webhook_activity import activity_body
from webhooks.activity import AttemptRecord

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
    Event.Action.BUDGET_UPDATED: "updated_budget",
    Event.Action.DATES_UPDATED: "updated_dates",
    Event.Action.PACKAGES_UPDATED: "updated_packages",
    Event.Action.DETAILS_UPDATED: "updated_packages",
    Event.Action.PACKAGE_CANCELED: "package_canceled",
    Event.Action.PACKAGE_PAUSED: "package_paused",
    Event.Action.PACKAGE_RESUMED: "package_resumed",
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
        "valid_actions": valid_actions(buy),
        "available_actions": available_actions(buy),
        **present(
            invoice_recipient=buy.invoice_recipient,
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
    buy: MediaBuy,
    *,
    account: dict[str, Any],
    agent_url: str,
    history: Sequence[Event] | None = None,
    activity: Sequence[AttemptRecord] | None = None,
    snapshots: Mapping[int, Snapshot | Unavailable] | None = None,
    impairments: Sequence[Impairment] = (),
) -> dict[str, Any]:
    """Return one entry of `get_media_buys`; packages and assignments are prefetched.

    What is None was not asked for, or is not shown to this caller, and is absent. `snapshots` is by
    package key.
    """
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
        **health_fields(impairments),
        "valid_actions": valid_actions(buy),
        "available_actions": available_actions(buy),
        "packages": [
            package_body(package, buy=buy, agent_url=agent_url, snapshots=snapshots)
            for package in buy.packages.all()
        ],
        **present(
            invoice_recipient=buy.invoice_recipient,
            creative_deadline=buy.creative_deadline.isoformat() if buy.creative_deadline else None,
            rejection_reason=buy.rejection_reason if buy.status == BuyStatus.REJECTED else None,
            cancellation=cancellation(buy) if buy.status == BuyStatus.CANCELED else None,
            context=buy.request_context,
            ext=buy.ext,
        ),
    }
    if history is not None:
        body["history"] = [history_entry(event) for event in history]
    if activity is not None:
        body["webhook_activity"] = [activity_body(record) for record in activity]
    return body


def package_body(
    package: Package,
    *,
    buy: MediaBuy,
    agent_url: str,
    snapshots: Mapping[int, Snapshot | Unavailable] | None = None,
) -> dict[str, Any]:
    """Return a package of `get_media_buys` with its creatives' approvals and its own deadline.

    Its flight is always there, its own or the buy's: a reader needs it to judge delivery.
    """
    assignments = list(package.assignments.all())
    approvals = [_approval(row.creative) for row in assignments if row.creative is not None]
    start, end = flight_of(package, buy)
    body = {
        **_package_core(package),
        "start_time": start.isoformat(),
        "end_time": end.isoformat(),
        "canceled": package.is_canceled,
        "creative_approvals": approvals,
        **present(
            cancellation=cancellation(package) if package.is_canceled else None,
            creative_deadline=_own_deadline(package, buy),
            format_ids=package.format_ids,
            format_ids_pending=formats_pending(package, assignments, agent_url=agent_url),
        ),
    }
    if snapshots is not None and package.pk in snapshots:
        body |= snapshot_fields(snapshots[package.pk], currency=package.currency)
    return body


def _approval(creative: Creative) -> dict[str, Any]:
    status = APPROVAL_STATUS[CreativeStatus(creative.status)]
    reason = creative.rejection_reason or "The creative is not available."
    return {
        "creative_id": creative.creative_id,
        "approval_status": status,
        **present(rejection_reason=reason if status == "rejected" else None),
    }


def _own_deadline(package: Package, buy: MediaBuy) -> str | None:
    """Return the package's deadline where it has its own; absent, the buy's applies."""
    if not own_lead(package, buy):
        return None
    deadline = package_deadline(package, buy)
    return deadline.isoformat() if deadline else None


def formats_pending(
    package: Package, assignments: Sequence[CreativeAssignment], *, agent_url: str
) -> list[dict[str, Any]]:
    """Return the formats that the package still has no uploaded creative in.

    They are those that the buyer chose. Where it chose none and uploaded nothing, they are the
    product's, and one of them is enough.
    """
    if package.is_canceled:
        return []
    uploaded = {row.creative.format_key for row in assignments if row.creative is not None}
    if package.format_ids:
        return [reference for reference in package.format_ids if reference["id"] not in uploaded]
    if uploaded:
        return []
    return [
        format_reference(accepted.format_id, agent_url=agent_url)
        for accepted in package.product.formats.all()
    ]


def cancellation(canceled: MediaBuy | Package) -> dict[str, Any] | None:
    """Return who canceled a buy or a package, when and why."""
    if canceled.canceled_at is None:
        return None
    return {
        "canceled_at": canceled.canceled_at.isoformat(),
        "canceled_by": canceled.canceled_by,
        **present(reason=canceled.cancellation_reason),
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
