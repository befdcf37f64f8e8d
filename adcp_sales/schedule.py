"""Beat's schedule: declared in settings, synchronised with the database after each migrate."""

from collections.abc import Mapping
from typing import Any

from celery.schedules import crontab
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


def schedule_sync(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Add the jobs that are missing, and correct what the code owns of the others.

    Staff own whether a job is enabled and when it runs: neither is touched once the job exists.
    Doing it twice changes nothing.
    """
    jobs = PeriodicTask.objects.using(using)
    for name, job in settings.BEAT_JOBS.items():
        owned = {
            "task": job["task"],
            "queue": job["queue"],
            "expire_seconds": job["expires"],
            "description": job["description"],
        }
        current = jobs.filter(name=name).first()
        if current is None:
            jobs.create(name=name, **owned, **_schedule(job, using))
        elif any(getattr(current, field) != value for field, value in owned.items()):
            for field, value in owned.items():
                setattr(current, field, value)
            current.save(using=using)


def _schedule(job: Mapping[str, Any], using: str) -> dict[str, Any]:
    if isinstance(job["schedule"], crontab):
        parts = CrontabSchedule.from_schedule(job["schedule"])
        found, _ = CrontabSchedule.objects.using(using).get_or_create(
            minute=parts.minute,
            hour=parts.hour,
            day_of_week=parts.day_of_week,
            day_of_month=parts.day_of_month,
            month_of_year=parts.month_of_year,
            timezone=settings.TIME_ZONE,
        )
        return {"crontab": found}
    interval, _ = IntervalSchedule.objects.using(using).get_or_create(
        every=job["schedule"], period=IntervalSchedule.SECONDS
    )
    return {"interval": interval}
