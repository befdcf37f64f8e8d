"""`manage.py live_demo_past`: what the demo's orders have delivered before its first start."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adcp_sales.demo.past import past_live


class Command(BaseCommand):
    """Started by `./run` beside a simulator whose file is new; harmful a second time."""

    help = "Have the simulated ad server live the weeks before the demo's first start, once."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run it, and say how it went."""
        if not past_live(now=timezone.now()):
            raise CommandError("The demo's orders did not reach the ad server in time.")
        self.stdout.write("The ad server has delivered what ran before.")
