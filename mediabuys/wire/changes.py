"""Changes of buys as the protocol's bodies."""

from collections.abc import Iterable
from typing import Any

from mediabuys.actions import available_actions, valid_actions
from mediabuys.models import MediaBuy, Package
from mediabuys.pricing import to_wire
from mediabuys.wire.buys import cancellation, package_created, present


def update_success(buy: MediaBuy, affected: Iterable[Package]) -> dict[str, Any]:
    """Return the success body of `update_media_buy`, without the envelope.

    `affected` come with product, price and assignments, complete as they are after the change. A
    change of a buy that the ad server does not have yet is not implemented: its date is null.
    """
    implemented = buy.updated_at if buy.confirmed_at is not None else None
    return {
        "media_buy_id": buy.media_buy_id,
        "media_buy_status": buy.status,
        "revision": buy.revision,
        "currency": buy.currency,
        "total_budget": to_wire(buy.total_budget),
        "implementation_date": implemented.isoformat() if implemented else None,
        "affected_packages": [package_changed(package) for package in affected],
        "valid_actions": valid_actions(buy),
        "available_actions": available_actions(buy),
        **present(invoice_recipient=buy.invoice_recipient, sandbox=buy.account.sandbox or None),
    }


def package_changed(package: Package) -> dict[str, Any]:
    """Return a package in full as it is after a change."""
    return {
        **package_created(package, list(package.assignments.all())),
        **present(
            canceled=package.is_canceled or None,
            cancellation=cancellation(package) if package.is_canceled else None,
        ),
    }
