"""The Celery application: workers, beat and the sender of wake-ups."""

import os

from celery import Celery
from celery.signals import beat_init
from kombu import Exchange, Queue
from kombu.pools import producers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adcp_sales.settings.base")

QUEUES = ("booking", "webhooks", "flights", "default")

app = Celery("adcp_sales")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue="default",
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_routes={
        "webhooks.tasks.*": {"queue": "webhooks"},
        "tasks_hitl.tasks.book": {"queue": "booking"},
        "tasks_hitl.tasks.sweep_bookings": {"queue": "booking"},
        "tasks_hitl.tasks.traffic": {"queue": "booking"},
        "tasks_hitl.tasks.activate_flights": {"queue": "flights"},
        "tasks_hitl.tasks.complete_flights": {"queue": "flights"},
        "tasks_hitl.tasks.import_delivery": {"queue": "flights"},
        "tasks_hitl.tasks.import_inventory": {"queue": "flights"},
        "tasks_hitl.tasks.import_creative_reviews": {"queue": "flights"},
    },
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # Staff read in the admin when a job last ran: written at each run, not every three minutes.
    beat_sync_every=1,
    # Remote control does not work on the embedded broker, and we need none on the others.
    worker_enable_remote_control=False,
)
app.autodiscover_tasks()


@beat_init.connect
def show_first_sign_of_life(**_arguments: object) -> None:
    """Send the heartbeat as beat starts, so that a start is known to work before the first tick."""
    app.send_task("adcp_sales.protocol.tasks.heartbeat", retry=False, ignore_result=True)


# A wake-up's name is what happened; which task answers it is decided here alone.
WAKEUPS = {
    "webhooks.dispatch": "webhooks.tasks.dispatch",
    "tasks_hitl.book": "tasks_hitl.tasks.book",
    "mediabuys.traffic": "tasks_hitl.tasks.traffic",
}


# A request waits a second at most for a broker that is away; a worker may wait longer.
PUBLISHER_OPTIONS = {"max_retries": 0, "interval_start": 0, "socket_timeout": 1}


def send_wakeup(name: str, *args: str) -> None:
    """Publish one wake-up; the row that it speaks of is already committed.

    Never retries: a lost wake-up is found by the sweep.
    """
    connection = app.connection_for_write()
    connection.transport_options = {**(connection.transport_options or {}), **PUBLISHER_OPTIONS}
    with producers[connection].acquire(block=True, timeout=1) as producer:
        app.send_task(WAKEUPS[name], args=args, retry=False, ignore_result=True, producer=producer)
