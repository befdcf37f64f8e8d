"""Writing the packages of a changed buy, in as many statements for a hundred as for one."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mediabuys.change_request import ChangeRequest, PackageChange
from mediabuys.models import CreativeAssignment, MediaBuy, Package
from mediabuys.requests import AssignmentRequest
from mediabuys.services.drafts import package_row
from mediabuys.states import CanceledBy

CANCEL_COLUMNS = ("is_canceled", "canceled_at", "canceled_by", "cancellation_reason")


def packages_add(*, buy: MediaBuy, request: ChangeRequest) -> list[Package]:
    """Add the new packages behind those that stand, with the assignments still to come."""
    first = max((package.position for package in request.standing), default=-1) + 1
    return Package.objects.bulk_create(
        package_row(buy, first + offset, line) for offset, line in enumerate(request.new_packages)
    )


def packages_write(*, request: ChangeRequest, now: datetime) -> None:
    """Write what changes of the named packages; a canceled one keeps its budget as it was."""
    columns: set[str] = set()
    for change in request.packages:
        columns.update(_written(change, now))
    changed = [change.package for change in request.packages if not change.is_empty]
    if columns:
        Package.objects.bulk_update(changed, sorted(columns))


def _written(change: PackageChange, now: datetime) -> Sequence[str]:
    package = change.package
    if change.cancels:
        package.is_canceled, package.canceled_at = True, now
        package.canceled_by = CanceledBy.BUYER
        package.cancellation_reason = change.cancellation_reason
        return CANCEL_COLUMNS
    for name in change.columns:
        setattr(package, name, getattr(change, name))
    return change.columns


def assignments_replace(*, request: ChangeRequest, added: Sequence[Package]) -> bool:
    """Put the creatives asked for in the place of those that stand; whether anything was written.

    A canceled package gives its creatives back to the library.
    """
    replaced = [
        change for change in request.packages if change.cancels or change.assignments is not None
    ]
    if replaced:
        packages = [change.package for change in replaced]
        CreativeAssignment.objects.filter(package__in=packages).delete()
    rows = [
        CreativeAssignment(
            package=package,
            creative_ref=wish.creative_id,
            creative=request.creatives.get(wish.creative_id),
            weight=wish.weight,
        )
        for package, wish in _wishes(request, added)
    ]
    CreativeAssignment.objects.bulk_create(rows)
    return bool(replaced or added)


def _wishes(
    request: ChangeRequest, added: Sequence[Package]
) -> Iterator[tuple[Package, AssignmentRequest]]:
    for change in request.packages:
        for wish in change.assignments or ():
            yield change.package, wish
    for package, line in zip(added, request.new_packages, strict=True):
        for wish in line.assignments:
            yield package, wish
