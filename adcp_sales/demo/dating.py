"""Giving rows the times of their story, where Django took them from the clock."""

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from mediabuys.models import Booking, Event, InlineOrder, MediaBuy
from tasks_hitl.models import Task, TaskEvent


def history_dated() -> None:
    """Date every order, task and booking by its own history, in the caller's transaction."""
    last_of_buy = Event.objects.filter(media_buy=OuterRef("pk")).order_by("-at").values("at")[:1]
    last_of_task = TaskEvent.objects.filter(task=OuterRef("pk")).order_by("-at").values("at")[:1]
    MediaBuy.objects.update(updated_at=Coalesce(Subquery(last_of_buy), F("created_at")))
    Task.objects.update(updated_at=Subquery(last_of_task))
    Booking.objects.update(queued_at=F("settled_at"))
    booked = Booking.objects.filter(media_buy__reference=OuterRef("reference")).values("settled_at")
    InlineOrder.objects.update(created_at=Subquery(booked[:1]), confirmed_at=Subquery(booked[:1]))
