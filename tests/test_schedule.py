"""The schedule in code and the one that staff see."""

from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from adcp_sales.celery import QUEUES, app
from adcp_sales.schedule import schedule_sync

pytestmark = pytest.mark.django_db


def test_every_job_is_there_after_migrating() -> None:
    names = set(PeriodicTask.objects.values_list("name", flat=True))

    assert set(settings.BEAT_JOBS) <= names
    assert isinstance(PeriodicTask.objects.get(name="Activate flights").crontab, CrontabSchedule)
    assert PeriodicTask.objects.get(name="Activate flights").crontab.minute == "*"


@pytest.mark.parametrize("name", settings.BEAT_JOBS)
def test_every_job_names_a_task_and_a_queue_that_exist(name: str) -> None:
    job = settings.BEAT_JOBS[name]

    assert import_string(str(job["task"])).name in app.tasks
    assert job["queue"] in QUEUES


def test_what_staff_changed_stays() -> None:
    job = PeriodicTask.objects.get(name="Sweep bookings")
    job.enabled = False
    job.description = "Somebody's words"
    job.save()

    schedule_sync()

    job.refresh_from_db()
    assert job.enabled is False
    assert job.description == settings.BEAT_JOBS["Sweep bookings"]["description"]


def test_synchronising_twice_changes_nothing() -> None:
    schedule_sync()
    before: list[dict[str, Any]] = list(PeriodicTask.objects.order_by("pk").values())

    schedule_sync()

    assert list(PeriodicTask.objects.order_by("pk").values()) == before
