"""Whether we and the ad server hear each other: what is read from it, and what it must be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Count, F, Min, QuerySet

from mediabuys.adservers.profiles import publishers_profile
from mediabuys.models import AdServerFeed, StrayDelivery, Trafficking
from mediabuys.selectors.desk import CappedCount, creatives_passed_on
from mediabuys.states import StrayReason

# An outage: the desk says so on its first page, and the log once.
ALARM_AFTER = timedelta(minutes=5)
# How long a feed may go unread, several of its ticks, before nobody seems to read it.
LATEST: Mapping[str, timedelta] = {
    AdServerFeed.Name.DELIVERY: timedelta(minutes=5),
    AdServerFeed.Name.CREATIVES: timedelta(minutes=5),
    AdServerFeed.Name.INVENTORY: timedelta(minutes=30),
}
# Clocks of two machines are never nearer than that for long.
SAME_TIME_SECONDS = 2
LONG_SECONDS = 120
# More of what waits to be told is only counted.
SHOWN_ROWS = 5


class LinkState(StrEnum):
    """How the talk with the ad server goes; the worse the later."""

    OK = "ok"
    STALE = "stale"
    FAILING = "failing"


@dataclass(frozen=True)
class FeedState:
    """One feed, or None of it where it was never read; `state` is failing only after a while."""

    name: AdServerFeed.Name
    feed: AdServerFeed | None
    state: LinkState

    @property
    def clock(self) -> str:
        """How far the ad server's clock is off, in words; empty where it did not say."""
        if self.feed is None or self.feed.clock_skew_seconds is None:
            return ""
        seconds = round(self.feed.clock_skew_seconds)
        if abs(seconds) < SAME_TIME_SECONDS:
            return "on time"
        return f"{_span(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"


@dataclass(frozen=True)
class AdServerState:
    """The feeds that our ad server has, and what it is behind with.

    `behind` counts the orders and creatives that it must still be told, `behind_since` is the
    oldest; both may be fresh. `state` says whether that is trouble.
    """

    feeds: tuple[FeedState, ...]
    behind: CappedCount
    behind_since: datetime | None
    is_behind_for_long: bool

    @property
    def state(self) -> LinkState:
        """The worst of everything."""
        found = {feed.state for feed in self.feeds}
        if self.is_behind_for_long or LinkState.FAILING in found:
            return LinkState.FAILING
        return LinkState.STALE if LinkState.STALE in found else LinkState.OK

    @property
    def is_retried(self) -> bool:
        """Whether the last try to read something of it failed, for however short a time."""
        return any(row.feed and row.feed.failing_since for row in self.feeds)

    @property
    def troubled_feeds(self) -> list[FeedState]:
        """The feeds that are not well."""
        return [feed for feed in self.feeds if feed.state != LinkState.OK]


def ad_server_state(*, now: datetime) -> AdServerState:
    """Return how the talk with the publisher's ad server goes; two queries, and no network."""
    rows = {feed.name: feed for feed in AdServerFeed.objects.all()}
    behind = _behind().aggregate(number=Count("pk"), since=Min("behind_since"))
    since = behind["since"]
    return AdServerState(
        feeds=tuple(
            FeedState(name, rows.get(name), _feed_state(rows.get(name), now)) for name in _feeds()
        ),
        behind=CappedCount(behind["number"]),
        behind_since=since,
        is_behind_for_long=since is not None and now - since > ALARM_AFTER,
    )


def _span(seconds: int) -> str:
    if seconds < LONG_SECONDS:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _feeds() -> list[AdServerFeed.Name]:
    profile = publishers_profile()
    has = {
        AdServerFeed.Name.DELIVERY: profile.has_delivery,
        AdServerFeed.Name.CREATIVES: profile.reviews_creatives,
        AdServerFeed.Name.INVENTORY: profile.has_inventory,
    }
    return [name for name in AdServerFeed.Name if has[name]]


def _feed_state(feed: AdServerFeed | None, now: datetime) -> LinkState:
    if feed is None:
        return LinkState.OK
    if feed.failing_since is not None and now - feed.failing_since > ALARM_AFTER:
        return LinkState.FAILING
    if feed.failing_since is None and feed.read_at is not None:
        is_late = now - feed.read_at > LATEST[feed.name]
        return LinkState.STALE if is_late else LinkState.OK
    return LinkState.OK


def _behind() -> QuerySet[Trafficking]:
    # Of the index of what is due: a row that is behind always has its next attempt.
    return Trafficking.objects.filter(
        next_attempt_at__isnull=False, told__lt=F("wanted")
    ).order_by()


def most_behind() -> list[Trafficking]:
    """Return the first few of what waits longest to be told, with its order or creative."""
    rows = _behind().select_related("media_buy", "creative")
    return list(rows.order_by("behind_since", "pk")[:SHOWN_ROWS])


def strays_by_reason() -> list[tuple[StrayReason, int]]:
    """Return how many rows of the delivery report count nowhere yet, by why; one query."""
    counted = (
        StrayDelivery.objects.filter(settled_at=None)
        .order_by()
        .values_list("reason")
        .annotate(number=Count("pk"))
    )
    numbers = dict(counted)
    return [(reason, numbers[reason]) for reason in StrayReason if reason in numbers]


@dataclass(frozen=True)
class UnderReview:
    """The creatives that the ad server has for review, and since when the oldest."""

    count: CappedCount
    since: datetime | None


def creatives_under_review() -> UnderReview:
    """Return what the ad server still has to say of creatives; one query."""
    found = creatives_passed_on().aggregate(number=Count("pk"), since=Min("passed_on_at"))
    return UnderReview(CappedCount(found["number"]), found["since"])


def is_ad_server_connected() -> bool:
    """Whether orders go to an ad server that serves, and not only into our own table."""
    return publishers_profile().has_delivery


def adapter_name() -> str:
    """Return the name of the adapter that books, as the setting has it."""
    return str(settings.ADSERVER)
