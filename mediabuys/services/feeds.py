"""Reading what the ad server has to tell, page by page: one reader at a time, no page skipped.

A reader claims the feed (a transaction), asks the ad server (none), and then writes the page and
moves the cursor in one transaction that begins with `feed_locked`.
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from mediabuys.adservers.port import CALL_SECONDS, AdServerError
from mediabuys.models import AdServerFeed
from mediabuys.selectors.ad_server_state import ALARM_AFTER

logger = logging.getLogger(__name__)

# Longer than the slowest call and the writing of its page.
LEASE = timedelta(seconds=CALL_SECONDS + 60)


@dataclass(frozen=True)
class FeedClaim:
    """The right to read a feed on from `cursor`, until the lease ends."""

    name: str
    cursor: str
    lease_token: uuid.UUID


def feed_claim(*, name: str, now: datetime) -> FeedClaim | None:
    """Take the feed under a lease; None while another worker reads it. One transaction."""
    with transaction.atomic():
        AdServerFeed.objects.get_or_create(name=name)
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        feed = (
            AdServerFeed.objects.select_for_update(skip_locked=True).filter(free, name=name).first()
        )
        if feed is None:
            return None
        feed.lease_token, feed.leased_until = uuid.uuid4(), now + LEASE
        feed.save(update_fields=["lease_token", "leased_until"])
        return FeedClaim(name, feed.cursor, feed.lease_token)


def feed_locked(*, claim: FeedClaim) -> AdServerFeed | None:
    """Return the claimed feed, locked until the transaction ends; None when the claim was lost.

    The caller writes its page, sets `cursor` and calls `feed_advance` in the same transaction.
    """
    return (
        AdServerFeed.objects.select_for_update()
        .filter(name=claim.name, lease_token=claim.lease_token)
        .first()
    )


def feed_advance(
    *,
    feed: AdServerFeed,
    cursor: str,
    now: datetime,
    more: bool,
    as_of: datetime | None = None,
    clock_skew_seconds: float | None = None,
    is_well: bool = True,
) -> None:
    """Move a locked feed on; while there is `more` the lease is kept for the next page.

    `is_well` is False for a part that was read beside others that failed: the failure stands.
    """
    feed.cursor = cursor
    if is_well:
        if _is_outage(feed.failing_since, now):
            logger.warning("The ad server's %s can be read again.", feed.name)
        feed.failure_count, feed.error_message, feed.failing_since = 0, "", None
    feed.leased_until = now + LEASE if more else None
    if not more:
        feed.lease_token, feed.read_at = None, now
        feed.as_of = as_of if as_of is not None else feed.as_of
    if clock_skew_seconds is not None:
        feed.clock_skew_seconds = clock_skew_seconds
    feed.save()


def feed_release(*, claim: FeedClaim) -> None:
    """Give the feed back with pages still to read; the next reader goes on where this one was."""
    AdServerFeed.objects.filter(name=claim.name, lease_token=claim.lease_token).update(
        lease_token=None, leased_until=None
    )


def feed_failed(
    *, claim: FeedClaim, error: AdServerError, now: datetime, cursor: str | None = None
) -> None:
    """Write down that the feed could not be read, and let the next tick try again.

    It tries from where the feed was, or from `cursor` where what failed may be passed over.
    The first failure past `ALARM_AFTER` is logged as an error, once in each outage.
    """
    with transaction.atomic():
        feed = feed_locked(claim=claim)
        if feed is None:
            return
        is_known = _is_outage(feed.failing_since, feed.failed_at)
        feed.failing_since = feed.failing_since or now
        feed.failed_at, feed.failure_count = now, feed.failure_count + 1
        feed.error_message = error.message[:500]
        feed.cursor = feed.cursor if cursor is None else cursor
        feed.lease_token, feed.leased_until = None, None
        feed.save()
        if _is_outage(feed.failing_since, now) and not is_known:
            logger.error(
                "The ad server's %s cannot be read since %s: %s",
                feed.name,
                feed.failing_since.isoformat(timespec="seconds"),
                feed.error_message,
            )


def _is_outage(failing_since: datetime | None, at: datetime | None) -> bool:
    return failing_since is not None and at is not None and at - failing_since >= ALARM_AFTER
