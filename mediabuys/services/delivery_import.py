"""Reading delivery from the ad server: page by page, each written whole or not at all."""

import logging
import time
from datetime import datetime, timedelta

from django.db import transaction

from mediabuys.adservers.port import AdServer, AdServerError, AdServerUnavailable, DeliveryPage
from mediabuys.adservers.profiles import publishers_profile
from mediabuys.adservers.registry import publishers_ad_server
from mediabuys.models import AdServerFeed, Publisher
from mediabuys.services.completion import buys_complete
from mediabuys.services.delivered_hours import hours_write
from mediabuys.services.feeds import (
    FeedClaim,
    feed_advance,
    feed_claim,
    feed_failed,
    feed_locked,
    feed_release,
)
from mediabuys.services.stray_delivery import strays_keep, strays_retry

logger = logging.getLogger(__name__)

# One import reads this much and leaves the rest to the next, so that its worker does other things.
PAGES = 50
CURSOR_CHARACTERS = 500
NOT_STORED = "What it tells of delivery cannot be read or stored; the log says why."


def delivery_import(*, now: datetime) -> int:
    """Read what the ad server has delivered since the last time; return how many rows came.

    Then the buys that have reached their goals are completed. Does nothing where the ad server
    tells no delivery, or while another worker reads. Each page is a transaction of its own; the ad
    server is asked outside of them.

    Failure policy: what cannot be read or written is written down on the feed, which is read again
    from the same place by the next import; snapshots go stale, and say so.
    """
    publisher = Publisher.objects.first()
    if publisher is None or not publishers_profile().has_delivery:
        return 0
    claim = feed_claim(name=AdServerFeed.Name.DELIVERY, now=now)
    if claim is None:
        return 0
    reader = _Reader(publishers_ad_server(publisher), claim, now)
    try:
        reader.read()
    except AdServerError as error:
        feed_failed(claim=claim, error=error, now=reader.now)
    except Exception:
        logger.exception("What the ad server tells of delivery cannot be read or stored.")
        feed_failed(claim=claim, error=AdServerUnavailable(NOT_STORED), now=reader.now)
    buys_complete(now=reader.now)
    return reader.row_count


class _Reader:
    """One import: the claimed feed, and our clock while it is read."""

    def __init__(self, ad_server: AdServer, claim: FeedClaim, now: datetime) -> None:
        self.ad_server = ad_server
        self.claim = claim
        self.row_count = 0
        self._began_at = now
        self._began = time.monotonic()

    @property
    def now(self) -> datetime:
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)

    def read(self) -> None:
        strays_retry(claim=self.claim, now=self.now)
        skew = self._clock_skew()
        cursor, seen = self.claim.cursor, {self.claim.cursor}
        for _ in range(PAGES):
            page = self.ad_server.delivery(cursor)
            _require_way_on(page, seen)
            if not self._write(page, skew):
                return
            self.row_count += len(page.rows) + len(page.unreadable)
            if not page.more:
                return
            cursor = page.cursor
            seen.add(cursor)
        feed_release(claim=self.claim)

    def _clock_skew(self) -> timedelta:
        """Return how far the ad server's clock is ahead of ours, negative where it is behind."""
        before = self.now
        its_now = self.ad_server.health().now
        return its_now - (before + (self.now - before) / 2)

    def _write(self, page: DeliveryPage, skew: timedelta) -> bool:
        """Write a page and move the cursor, all or nothing; False when the claim was lost."""
        now = self.now
        as_of = min(page.as_of - skew, now)
        with transaction.atomic():
            feed = feed_locked(claim=self.claim)
            if feed is None:
                return False
            told_until = feed.as_of or as_of
            strays = hours_write(rows=page.rows, told_until=told_until, as_of=as_of, now=now)
            strays_keep(strays=strays, unreadable=page.unreadable, now=now)
            feed_advance(
                feed=feed,
                cursor=page.cursor,
                now=now,
                more=page.more,
                as_of=as_of,
                clock_skew_seconds=skew.total_seconds(),
            )
            return True


def _require_way_on(page: DeliveryPage, seen: set[str]) -> None:
    if len(page.cursor) > CURSOR_CHARACTERS or not page.cursor.isprintable():
        raise AdServerUnavailable("The place that it says to go on from makes no sense.")
    if page.more and page.cursor in seen:
        raise AdServerUnavailable("It says that there is more, and tells the same again.")
