import importlib

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProtocolConfig(AppConfig):
    name = "adcp_sales.protocol"
    label = "protocol"
    verbose_name = "Buyers' access"

    def ready(self) -> None:
        """Register the system checks, and our Celery application for every `shared_task`."""
        for module in ("adcp_sales.checks", "adcp_sales.celery"):
            importlib.import_module(module)
        schedule = importlib.import_module("adcp_sales.schedule")
        post_migrate.connect(
            schedule.schedule_sync, sender=self, dispatch_uid="adcp_sales.schedule"
        )
