"""Celery's thin doors: fetch nothing, call one service."""

from celery import shared_task
from django.utils import timezone

from mediabuys.services.ad_server_reviews import creative_reviews_import
from mediabuys.services.bookings import bookings_due
from mediabuys.services.clock import flights_activate, flights_complete
from mediabuys.services.delivery_import import delivery_import
from mediabuys.services.inventory_import import inventory_import
from mediabuys.services.telling import trafficking_drain
from tasks_hitl import services


@shared_task
def book(booking_id: str) -> None:
    """Book one order."""
    services.book(booking_id=booking_id)


@shared_task
def sweep_bookings() -> None:
    """Book every order whose wake-up was lost or whose worker died."""
    for booking_id in bookings_due(now=timezone.now()):
        services.book(booking_id=booking_id)


@shared_task
def traffic() -> None:
    """Tell the ad server what orders and creatives have become."""
    trafficking_drain()


@shared_task
def activate_flights() -> None:
    """Start the flights that are due."""
    flights_activate(now=timezone.now())


@shared_task
def complete_flights() -> None:
    """End the flights that are over."""
    flights_complete(now=timezone.now())


@shared_task
def expire_tasks() -> None:
    """Fail the approvals that nobody answered, and the changes of buys that have moved on."""
    services.tasks_expire(now=timezone.now())
    services.stale_changes_end(now=timezone.now())


@shared_task
def measure_approvals() -> None:
    """Measure how long approvals take."""
    services.approval_estimate_refresh(now=timezone.now())


@shared_task
def import_creative_reviews() -> None:
    """Read what the ad server's own review says of creatives."""
    creative_reviews_import(now=timezone.now())


@shared_task
def import_inventory() -> None:
    """Read what the ad server can deliver."""
    inventory_import(now=timezone.now())


@shared_task
def import_delivery() -> None:
    """Read what the ad server has delivered."""
    delivery_import(now=timezone.now())
