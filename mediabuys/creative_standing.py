"""What may still be decided on a creative as it stands, by people and by the ad server."""

from mediabuys.adservers.port import ReviewState
from mediabuys.adservers.profiles import profile_of
from mediabuys.models import Creative
from mediabuys.states import CREATIVE_MOVES, CreativeStatus


def may_be_approved(creative: Creative) -> bool:
    """Whether a person may approve it: not while the ad server has it for review."""
    is_open = creative.status in CREATIVE_MOVES["approve"].sources
    return is_open and not (creative.is_passed_on and _is_reviewed_again(creative))


def may_be_refused(creative: Creative) -> bool:
    """Whether a person may reject or revoke it."""
    return creative.status in CREATIVE_MOVES["reject"].sources


def is_passed_on_when_approved(creative: Creative) -> bool:
    """Whether our approval only hands it to the ad server, which has the last word."""
    return creative.status == CreativeStatus.PENDING_REVIEW and _is_reviewed_again(creative)


def is_moved_by(creative: Creative, review: ReviewState) -> bool:
    """Whether the ad server's word on its present revision moves it.

    Approved counts where the creative waits for it, or where the ad server itself refused it
    before; rejected also where it serves. What a person refused, or has not seen yet, stays.
    """
    if review == ReviewState.APPROVED:
        waited_for = (CreativeStatus.PENDING_REVIEW, CreativeStatus.REJECTED)
        return creative.passed_on_at is not None and creative.status in waited_for
    if review == ReviewState.REJECTED:
        return creative.is_passed_on or creative.status == CreativeStatus.APPROVED
    return False


def _is_reviewed_again(creative: Creative) -> bool:
    return profile_of(creative.account).reviews_creatives
