"""Giving rows the times of their story, where Django took them from the clock."""

from datetime import datetime

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from mediabuys.models import Booking, Event, InlineOrder, MediaBuy, Trafficking
from tasks_hitl.models import Task, TaskEvent


def history_dated(*, now: datetime) -> None:
    """Date every order, task and booking by its own history, in the caller's transaction.

    What the ad server must be told of it waits since `now`: none was connected before.
    """
    last_of_buy = Event.objects.filter(media_buy=OuterRef("pk")).order_by("-at").values("at")[:1]
    last_of_task = TaskEvent.objects.filter(task=OuterRef("pk")).order_by("-at").values("at")[:1]
    MediaBuy.objects.update(updated_at=Coalesce(Subquery(last_of_buy), F("created_at")))
    Task.objects.update(updated_at=Subquery(last_of_task))
    Booking.objects.update(queued_at=F("settled_at"))
    booked = Booking.objects.filter(media_buy__reference=OuterRef("reference")).values("settled_at")
    InlineOrder.objects.update(created_at=Subquery(booked[:1]), confirmed_at=Subquery(booked[:1]))
    Trafficking.objects.update(next_attempt_at=now, behind_since=now)
