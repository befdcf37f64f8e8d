"""When a buy may move: the pure questions that its clock and its creatives answer."""

from collections.abc import Iterable
from datetime import datetime

from mediabuys.models import CreativeAssignment, MediaBuy, Package
from mediabuys.requests import OrderRequest, PackageRequest
from mediabuys.states import CreativeStatus


def flight_of(
    package: Package | PackageRequest, order: MediaBuy | OrderRequest
) -> tuple[datetime, datetime]:
    """Return when a package of the order begins and ends: its own times, else the order's."""
    return package.start_time or order.start_time, package.end_time or order.end_time


def package_is_ready(package: Package, assignments: Iterable[CreativeAssignment]) -> bool:
    """Whether a package could serve: canceled ones need nothing, others an approved creative."""
    return package.is_canceled or any(
        assignment.creative is not None and assignment.creative.status == CreativeStatus.APPROVED
        for assignment in assignments
    )
