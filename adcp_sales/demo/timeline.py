"""Playing the demo's history in order: each story waits until a moment and then goes on."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from mediabuys.models import Publisher
from tasks_hitl.calendar import business_time_add

# A story yields the moment at which it goes on; between two moments it acts.
Story = Iterator[datetime]

SATURDAY = 5


def play(stories: Iterable[Story], *, until: datetime) -> None:
    """Run all stories together in the order of their moments; what lies after `until` is left."""
    waiting = [
        (moment, position, story)
        for position, story in enumerate(stories)
        for moment in [next(story)]
    ]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] <= until:
        _, position, story = waiting[0]
        following = next(story, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following, position, story))


class Calendar:
    """Moments around `now` in the publisher's own zone and working hours."""

    def __init__(self, *, publisher: Publisher, now: datetime) -> None:
        self.publisher = publisher
        self.now = now
        self.zone = ZoneInfo(publisher.timezone)

    def midnight(self, days: int) -> datetime:
        """Return the start of the day that many days from today."""
        day = self.now.astimezone(self.zone).date() + timedelta(days=days)
        return datetime.combine(day, time(), tzinfo=self.zone)

    def workday(self, days: int, hours: float) -> datetime:
        """Return a time of day on that day, or on the last working day before it."""
        moment = self.midnight(days)
        while moment.weekday() >= SATURDAY:
            moment -= timedelta(days=1)
        return moment + timedelta(hours=hours)

    def overdue_since(self, hours: int) -> datetime:
        """Return when a request came in whose answer is that many business hours late."""
        allowed = self.publisher.approval_due_business_hours + hours
        moment = self.now
        while business_time_add(moment, allowed, self.publisher) > self.now:
            moment -= timedelta(minutes=15)
        return moment
