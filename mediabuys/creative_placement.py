"""Whether a creative may go on a package."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mediabuys.creative_deadlines import package_deadline
from mediabuys.creative_validation import package_takes
from mediabuys.errors import (
    CreativeNotFound,
    CreativeRejected,
    InvalidRequest,
    InvalidState,
    PackageNotFound,
    TradeError,
    UnsupportedFeature,
)
from mediabuys.models import Creative, Package
from mediabuys.pricing import from_wire
from mediabuys.requests import AssignmentRequest
from mediabuys.states import (
    LIVE_BUY_STATUSES,
    OFFLINE_CREATIVE_STATUSES,
    SERVICEABLE_CREATIVE_STATUSES,
    WIRE_BUY_STATUSES,
    CreativeStatus,
)

# What `CreativeAssignment.weight` keeps.
WEIGHT_STEP = Decimal("0.01")


@dataclass(frozen=True)
class AssignmentWish:
    """A creative that the buyer wants on a package; `creative` is None where there is none."""

    creative_id: str
    creative: Creative | None
    package_id: str
    weight: Decimal | None
    has_placements: bool
    path: str
    is_refused: bool = False


def placement_of(
    wish: AssignmentWish, *, packages: Mapping[str, Package], now: datetime
) -> tuple[Creative, Package]:
    """Return the creative and the package of a wish that can be granted, else raise TradeError.

    `packages` are the account's by their id, with product, formats and assignments.
    """
    creative = _creative(wish)
    package = _package(wish, packages)
    _check_fit(wish, creative, package, now)
    return creative, package


def _creative(wish: AssignmentWish) -> Creative:
    if wish.is_refused:
        raise InvalidRequest(
            "The creative was not synced.",
            code="VALIDATION_ERROR",
            field=f"{wish.path}.creative_id",
            suggestion="Correct the creative and assign it again.",
        )
    if wish.creative is None:
        raise CreativeNotFound(
            "There is no such creative.",
            field=f"{wish.path}.creative_id",
            suggestion="Check the creative_id with list_creatives, or sync the creative.",
        )
    if wish.has_placements:
        raise UnsupportedFeature(
            "Creatives are assigned to whole packages.",
            field=f"{wish.path}.placement_ids",
            suggestion="Leave placement_ids out.",
        )
    return wish.creative


def _package(wish: AssignmentWish, packages: Mapping[str, Package]) -> Package:
    """Return the package; unknown, another buyer's and a draft's read the same."""
    package = packages.get(wish.package_id)
    field_name = f"{wish.path}.package_id"
    if package is None or package.media_buy.status not in WIRE_BUY_STATUSES:
        raise PackageNotFound(
            "There is no such package.",
            field=field_name,
            suggestion="Use a package_id from get_media_buys.",
        )
    if package.media_buy.status not in LIVE_BUY_STATUSES or package.is_canceled:
        raise InvalidState(
            "The package has ended.",
            field=field_name,
            suggestion="Assign the creative to a package that still runs.",
        )
    return package


def _check_fit(wish: AssignmentWish, creative: Creative, package: Package, now: datetime) -> None:
    field_name = f"{wish.path}.creative_id"
    if creative.status == CreativeStatus.REJECTED:
        raise _rejected(field_name)
    if creative.status in (CreativeStatus.SUSPENDED, CreativeStatus.ARCHIVED):
        raise InvalidState(
            f"This creative is {creative.status}.",
            field=field_name,
            suggestion="Assign another one.",
        )
    if not package_takes(package, creative.format_key):
        raise wrong_format(field_name)
    standing = [row.creative for row in package.assignments.all()]
    if creative not in standing and is_closed(package, now):
        raise deadline_passed(f"{wish.path}.package_id")


def weight_of(assignment: Mapping[str, Any]) -> Decimal | None:
    """Return an assignment's weight as it is kept, to the hundredth; None where it has none."""
    asked = assignment.get("weight")
    return None if asked is None else from_wire(asked).quantize(WEIGHT_STEP)


def refuse_rejected(
    assignments: Iterable[AssignmentRequest], path: str, creatives: Mapping[str, Creative]
) -> None:
    """Refuse a rejected creative on a new package; one that is not synced yet is a promise.

    `path` is the package's own field, `creatives` are the account's by their id.
    """
    for index, wish in enumerate(assignments):
        creative = creatives.get(wish.creative_id)
        if creative is not None and creative.status == CreativeStatus.REJECTED:
            raise _rejected(f"{path}.creative_assignments[{index}].creative_id")


def _rejected(field_name: str) -> TradeError:
    return CreativeRejected(
        "This creative was rejected.",
        field=field_name,
        suggestion="Correct it with sync_creatives, or assign another one.",
    )


def wrong_format(field_name: str) -> TradeError:
    return InvalidRequest(
        "The package does not take this creative's format.",
        code="VALIDATION_ERROR",
        field=field_name,
        suggestion="Send a creative in one of the package's formats.",
    )


def is_closed(package: Package, now: datetime) -> bool:
    """Whether the creative deadline has passed for a package that needs no other creative.

    `package` comes with its buy and its assignments' creatives.

    Failure policy: a package of which nothing serves or is being reviewed, or of which something
    was rejected, still takes a late creative: a late start is better for both sides than a flight
    that never runs.
    """
    deadline = package_deadline(package, package.media_buy)
    if deadline is None or now <= deadline:
        return False
    standing = {row.creative.status for row in package.assignments.all() if row.creative}
    return not standing.isdisjoint(SERVICEABLE_CREATIVE_STATUSES) and standing.isdisjoint(
        OFFLINE_CREATIVE_STATUSES
    )


def deadline_passed(field_name: str) -> TradeError:
    """Return the refusal of a creative change that comes after the deadline."""
    return TradeError(
        "The creative deadline has passed.",
        code="CREATIVE_DEADLINE_EXCEEDED",
        field=field_name,
        suggestion="Leave what serves as it is, or ask the publisher to take it back for a change.",
    )
