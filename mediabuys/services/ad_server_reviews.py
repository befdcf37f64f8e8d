"""What the ad server's own review says of creatives, read and applied."""

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from mediabuys.adservers.port import (
    AdServer,
    AdServerError,
    AdServerUnavailable,
    CreativePage,
    CreativeState,
    ReviewState,
)
from mediabuys.adservers.profiles import publishers_profile
from mediabuys.adservers.registry import publishers_ad_server
from mediabuys.creative_standing import is_moved_by
from mediabuys.models import AdServerFeed, Creative, Publisher
from mediabuys.selectors.ad_server_creatives import creative_named, creatives_named
from mediabuys.services.creative_outcomes import creative_approve, creative_refuse
from mediabuys.services.feeds import (
    FeedClaim,
    feed_advance,
    feed_claim,
    feed_failed,
    feed_locked,
    feed_release,
)
from mediabuys.states import CreativeStatus

logger = logging.getLogger(__name__)

# Their slowest calls fit into the lease of the feed; what is left is read at the next tick.
PAGES_A_TICK = 3
NO_REASON = "The ad server refused it without a reason."


def creative_reviews_import(*, now: datetime) -> int:
    """Read the reviews that changed at the ad server, and apply them; return how many moved one.

    Nothing where the publisher's ad server does not review, or another worker reads. Each state is
    applied in a transaction of its own, the cursor moves after the last one of its page.
    Failure policy: what cannot be read or written is read again at the next tick, because to apply
    a state twice changes nothing, and to skip one would leave a buyer waiting for good.
    """
    publisher = Publisher.objects.first()
    if publisher is None or not publishers_profile().reviews_creatives:
        return 0
    claim = feed_claim(name=AdServerFeed.Name.CREATIVES, now=now)
    if claim is None:
        return 0
    try:
        return _read(claim, publishers_ad_server(publisher), now)
    except AdServerError as error:
        feed_failed(claim=claim, error=error, now=now)
    except DatabaseError:
        logger.warning("A creative's review could not be written.", exc_info=True)
        busy = AdServerUnavailable("A review could not be written; it is read again.")
        feed_failed(claim=claim, error=busy, now=now)
    except Exception:
        logger.exception("The ad server's reviews met an error that the adapter did not name.")
        unclear = AdServerUnavailable("The ad server's answer was not understood.")
        feed_failed(claim=claim, error=unclear, now=now)
    return 0


def _read(claim: FeedClaim, server: AdServer, now: datetime) -> int:
    cursor, moved = claim.cursor, 0
    for _ in range(PAGES_A_TICK):
        page = server.creative_states(cursor)
        if page.more and page.cursor == cursor:
            raise AdServerUnavailable("The ad server says that there is more and tells the same.")
        moved += _apply_page(claim, page, now)
        if not _advance(claim, page, now) or not page.more:
            return moved
        cursor = page.cursor
    feed_release(claim=claim)
    return moved


def _apply_page(claim: FeedClaim, page: CreativePage, now: datetime) -> int:
    """Apply what is news, each under the claim: a reader that was taken for dead changes nothing.

    Of several states of one creative the last one counts.
    """
    latest = {state.reference: state for state in page.states}
    known = creatives_named(latest)
    if len(known) < len(latest):
        logger.warning(
            "The ad server reviews %s creatives that nobody sent.", len(latest) - len(known)
        )
    moved = 0
    for reference, creative in known.items():
        state = latest[reference]
        if not _is_news(creative, state):
            continue
        with transaction.atomic():
            if feed_locked(claim=claim) is None:
                return moved
            moved += creative_state_apply(state=state, now=now)
    return moved


def _advance(claim: FeedClaim, page: CreativePage, now: datetime) -> bool:
    """Move the cursor past the page; False when the claim was lost."""
    with transaction.atomic():
        feed = feed_locked(claim=claim)
        if feed is None:
            return False
        feed_advance(feed=feed, cursor=page.cursor, now=now, more=page.more)
        return True


def creative_state_apply(*, state: CreativeState, now: datetime, is_answer: bool = False) -> bool:
    """Do what the ad server says of one revision of a creative; return whether that moved it.

    Approved: it serves, and the buys that waited for it move. Rejected: it does not, or no longer,
    and the buyer reads why. What is said of another revision, of an unknown creative, or of one
    that is ours to review or that a person refused, changes nothing. `is_answer` is for the answer
    to a push, which may arrive after newer news: it only settles what waits for the ad server.
    Doing it twice changes nothing. In the caller's transaction; locks the creative, then its buys.
    """
    creative = creative_named(state.reference).select_for_update(of=("self",)).first()
    if creative is None or not _is_news(creative, state):
        return False
    if is_answer and not creative.is_passed_on:
        return False
    reviewer = f"ad-server:{creative.account.publisher.ad_server_name}"
    creative.passed_on_at = creative.passed_on_at or now
    if state.review == ReviewState.REJECTED:
        reason = " ".join(state.reason.split())[:500] or NO_REASON
        creative_refuse(creative=creative, reason=reason, reviewer=reviewer, now=now)
        return True
    if creative.status == CreativeStatus.REJECTED:
        creative.submit()
    creative_approve(creative=creative, reviewer=reviewer, now=now)
    return True


def _is_news(creative: Creative, state: CreativeState) -> bool:
    return creative.revision == state.revision and is_moved_by(creative, state.review)
