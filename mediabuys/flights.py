"""When a buy may move: the pure questions that its clock and its creatives answer."""

from collections.abc import Iterable

from mediabuys.models import CreativeAssignment, Package
from mediabuys.states import CreativeStatus


def package_is_ready(package: Package, assignments: Iterable[CreativeAssignment]) -> bool:
    """Whether a package could serve: canceled ones need nothing, others an approved creative."""
    return package.is_canceled or any(
        assignment.creative is not None and assignment.creative.status == CreativeStatus.APPROVED
        for assignment in assignments
    )
