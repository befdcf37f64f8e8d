"""What is asked of a change before its fields are read, in the contract's order."""

from collections.abc import Mapping, Sequence
from typing import Any

from mediabuys.actions import attempted_actions, available_actions, open_actions
from mediabuys.errors import (
    ActionNotAllowed,
    Conflict,
    InvalidRequest,
    InvalidState,
    NotCancellable,
    PackageNotFound,
)
from mediabuys.models import MediaBuy, Package
from mediabuys.states import TERMINAL_BUY_STATUSES, BuyStatus


def change_admit(params: Mapping[str, Any], *, buy: MediaBuy, packages: Sequence[Package]) -> None:
    """Refuse a schema-valid `update_media_buy` that cannot be asked of this buy now.

    Raises, in this order: `PackageNotFound`, `Conflict` for another revision, `NotCancellable` or
    `InvalidState` for what has ended, `ActionNotAllowed`. `packages` are all of the buy, which the
    caller holds; reads only what it is given.
    """
    by_id = {package.package_id: package for package in packages}
    _refuse_unknown_packages(params, by_id)
    _refuse_other_revision(params, buy)
    _refuse_ended_buy(params, buy)
    if not params.get("canceled"):
        _refuse_ended_packages(params, by_id)
        _refuse_actions(params, buy, by_id)


def _refuse_unknown_packages(params: Mapping[str, Any], by_id: Mapping[str, Package]) -> None:
    seen: set[str] = set()
    for index, line in enumerate(params.get("packages") or []):
        field = f"packages[{index}].package_id"
        if line["package_id"] not in by_id:
            raise PackageNotFound(
                "There is no such package.",
                field=field,
                suggestion="Use a package_id of this media buy from get_media_buys.",
            )
        if line["package_id"] in seen:
            raise InvalidRequest(
                "This package is named twice.",
                field=field,
                suggestion="Send all changes of a package in one entry.",
            )
        seen.add(line["package_id"])


def _refuse_other_revision(params: Mapping[str, Any], buy: MediaBuy) -> None:
    expected = params.get("revision")
    if expected is None or expected == buy.revision:
        return
    raise Conflict(
        "The media buy has changed since this revision.",
        field="revision",
        suggestion="Read the media buy with get_media_buys and send its revision.",
        details={
            "resource_id": buy.media_buy_id,
            "expected_version": expected,
            "current_version": buy.revision,
        },
    )


def _refuse_ended_buy(params: Mapping[str, Any], buy: MediaBuy) -> None:
    if buy.status not in TERMINAL_BUY_STATUSES:
        return
    if params.get("canceled") and buy.status == BuyStatus.CANCELED:
        raise NotCancellable(
            "The media buy is canceled already.",
            field="canceled",
            suggestion="Nothing is left to do.",
        )
    raise InvalidState(
        f"The media buy is {buy.status} and does not change any more.",
        field="media_buy_id",
        suggestion="Order a new media buy with create_media_buy.",
    )


def _refuse_ended_packages(params: Mapping[str, Any], by_id: Mapping[str, Package]) -> None:
    for index, line in enumerate(params.get("packages") or []):
        if not by_id[line["package_id"]].is_canceled:
            continue
        if line.get("canceled"):
            raise NotCancellable(
                "The package is canceled already.",
                field=f"packages[{index}].canceled",
                suggestion="Send the other packages without it.",
            )
        raise InvalidState(
            "The package is canceled and does not change any more.",
            field=f"packages[{index}].package_id",
            suggestion="Add a new package with new_packages.",
        )


def _refuse_actions(params: Mapping[str, Any], buy: MediaBuy, by_id: Mapping[str, Package]) -> None:
    open_now = open_actions(buy)
    for action, field in attempted_actions(params, buy=buy, packages=by_id):
        if action not in open_now:
            raise ActionNotAllowed(
                "The order is still being booked, so only pausing, canceling and creatives go.",
                field=field,
                suggestion="Send the change again once confirmed_at is there.",
                details={
                    "attempted_action": action,
                    "reason": "wrong_status",
                    "currently_available_actions": available_actions(buy),
                },
            )
