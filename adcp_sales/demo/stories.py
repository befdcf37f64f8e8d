"""What happens to each order of the demo, by the same services that serve buyers and staff."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User

from adcp_sales.demo.creatives import CREATIVES, DemoCreative, creative_body
from adcp_sales.demo.orders import DemoChange, DemoOrder, Verdict
from adcp_sales.demo.orders_live import RUNNING, TO_COME
from adcp_sales.demo.orders_past import ENDED_EARLY, RAN
from adcp_sales.demo.orders_waiting import SENT_BACK, WAITING
from adcp_sales.demo.proposals import PROPOSALS, proposal_story
from adcp_sales.demo.requests import change_params, order_params
from adcp_sales.demo.timeline import Calendar, Story
from adcp_sales.protocol.usecases.create_media_buy import PlacedOrder, place_order
from adcp_sales.protocol.usecases.update_media_buy import place_change
from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import OrderDeclined
from mediabuys.adservers.requests import order_request
from mediabuys.locks import media_buy_locked
from mediabuys.models import Account, Booking, Creative, MediaBuy
from mediabuys.services.bookings import booking_claim
from mediabuys.services.clock import flights_activate, flights_complete
from mediabuys.services.creatives import creative_review, creatives_sync
from mediabuys.services.events import agent_actor
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import CanceledBy
from tasks_hitl.models import Task
from tasks_hitl.selectors import shown_digest
from tasks_hitl.services import decide, tasks_expire
from tasks_hitl.services.bookings import settle_booked, settle_declined, settle_failed
from tasks_hitl.services.events import actor_name
from tasks_hitl.states import Outcome

REVIEW_TAKES = timedelta(minutes=50)
BOOKING_TAKES = timedelta(seconds=40)
CANCELED_AT_HOUR = 15


@dataclass(frozen=True)
class Scene:
    """When, for whom and by whom the stories happen."""

    calendar: Calendar
    accounts: Mapping[str, Account]
    staff: Mapping[str, User]


def stories(scene: Scene) -> Iterator[Story]:
    """Return the story of every order, not yet begun."""
    for creative in CREATIVES:
        yield creative_story(creative, scene)
    for order in (*RAN, *RUNNING, *TO_COME, *ENDED_EARLY, *SENT_BACK, *WAITING):
        yield order_story(order, scene)
    for proposal in PROPOSALS:
        yield proposal_story(proposal, scene)


def creative_story(creative: DemoCreative, scene: Scene) -> Story:
    """Sync the creative as its buyer does, and review it as a rep does."""
    account = scene.accounts[creative.account]
    moment = creative.synced(scene.calendar)
    yield moment
    [synced] = creatives_sync(
        account=account,
        principal=account.owner,
        items=[creative_body(creative, account)],
        agent_url=settings.PUBLIC_URL,
        now=moment,
    )
    for error in synced.errors:
        raise error
    row = Creative.objects.filter(account=account, creative_id=creative.creative_id)
    row.update(created_at=moment, updated_at=moment)
    if not creative.is_reviewed:
        return
    moment += REVIEW_TAKES
    yield moment
    creative_review(
        creative_pk=row.get().pk,
        approve=not creative.rejection,
        reason=creative.rejection,
        reviewer=actor_name(scene.staff["rep"]),
        now=moment,
    )
    row.update(updated_at=moment)


def order_story(order: DemoOrder, scene: Scene) -> Story:
    """Place the order and take it as far as the moment until which the history is played."""
    moment = order.placed(scene.calendar)
    yield moment
    placed = order_place(order=order, scene=scene, moment=moment)
    if placed.task is not None and order.verdict is None:
        yield placed.task.expires_at
        tasks_expire(now=placed.task.expires_at)
        return
    if placed.task is not None and order.verdict is not None:
        moment += timedelta(minutes=order.verdict.minutes)
        yield moment
        decision_make(task=placed.task, verdict=order.verdict, scene=scene, moment=moment)
        if order.verdict.suggestion:
            yield from _unanswered(placed.task)
        if order.verdict.reason is not None:
            return
    moment += BOOKING_TAKES
    yield moment
    order_book(buy=placed.drafted.buy, order=order, scene=scene, moment=moment)
    yield from _flight(placed.drafted.buy, order, scene.calendar)


def _unanswered(task: Task) -> Story:
    task.refresh_from_db()
    yield task.expires_at
    tasks_expire(now=task.expires_at)


def _flight(buy: MediaBuy, order: DemoOrder, calendar: Calendar) -> Story:
    yield buy.start_time
    flights_activate(now=buy.start_time)
    if order.change is not None:
        yield (moment := order.change.asked(calendar))
        change_ask(buy=buy, change=order.change, moment=moment)
    if order.canceled_on is not None:
        moment = calendar.workday(order.canceled_on, CANCELED_AT_HOUR)
        yield moment
        media_buy_cancel(
            buy=media_buy_locked(buy.pk),
            actor=agent_actor(buy.principal),
            canceled_by=CanceledBy.BUYER,
            reason="The campaign was moved to next season.",
            now=moment,
        )
    yield buy.end_time
    flights_complete(now=buy.end_time)


def order_place(*, order: DemoOrder, scene: Scene, moment: datetime) -> PlacedOrder:
    """Place the order as its buyer's call would have, at that moment."""
    account = scene.accounts[order.account]
    placed = place_order(
        principal=account.owner,
        account=account,
        params=order_params(order, account, scene.calendar),
        now=moment,
    )
    # Django takes created_at from the clock, and the queue counts from it.
    MediaBuy.objects.filter(pk=placed.drafted.buy.pk).update(created_at=moment)
    if placed.task is not None:
        Task.objects.filter(pk=placed.task.pk).update(created_at=moment)
    return placed


def change_ask(*, buy: MediaBuy, change: DemoChange, moment: datetime) -> None:
    """Ask for the change as the buyer's call would have, at that moment; it waits for a person."""
    buy.refresh_from_db()
    placed = place_change(
        principal=buy.principal,
        account=buy.account,
        params=change_params(change, buy),
        now=moment,
    )
    if isinstance(placed, Task):
        Task.objects.filter(pk=placed.pk).update(created_at=moment)


def decision_make(*, task: Task, verdict: Verdict, scene: Scene, moment: datetime) -> None:
    """Decide as the person of the verdict does, on what the desk shows."""
    outcome = Outcome.REJECTED if verdict.reason else Outcome.APPROVED
    decide(
        task_id=task.task_id,
        outcome=Outcome.CHANGE_ASKED if verdict.suggestion else outcome,
        shown_digest=shown_digest(task),
        shown_version=task.version,
        form_token=uuid4(),
        actor=scene.staff[verdict.by],
        reason_code=verdict.reason or "",
        note=verdict.note,
        suggestion=verdict.suggestion,
        internal_note=verdict.internal_note,
        now=moment,
    )


def order_book(*, buy: MediaBuy, order: DemoOrder, scene: Scene, moment: datetime) -> None:
    """Book as the worker does, on the inline adapter and as of that moment.

    The adapter's own checks compare with the real clock, so they are not asked about the past.
    """
    booking = Booking.objects.get(media_buy=buy)
    claim = booking_claim(booking_id=booking.booking_id, now=moment)
    if claim is None:
        return  # A sandbox order was booked as it was placed.
    if isinstance(order.booking_error, OrderDeclined):
        settle_declined(claim=claim, error=order.booking_error, now=moment)
    elif order.booking_error is not None:
        settle_failed(claim=claim, error=order.booking_error, now=moment)
    else:
        server = InlineAdServer(scene.calendar.publisher.ad_server_name)
        wanted = order_request(buy)
        server.create_order(wanted)
        server.create_line_items(wanted)
        settle_booked(claim=claim, order=server.confirm(wanted.reference), now=moment)
