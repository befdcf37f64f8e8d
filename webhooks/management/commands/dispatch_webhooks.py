"""The dispatcher without a broker: one process that sends what is due until it is stopped."""

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from webhooks import signing
from webhooks.tasks import sweep


class Command(BaseCommand):
    help = "Sends due webhooks, chat messages and e-mails until stopped. Needs no broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due, then end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between looks")

    def handle(self, *, once: bool, interval: float, **_: Any) -> None:
        signing.warm_up()
        if once:
            self._sweep()
        else:
            self._sweep_until_stopped(interval)

    def _sweep_until_stopped(self, interval: float) -> None:
        stopped = threading.Event()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            stopped.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        while not stopped.is_set():
            self._sweep()
            stopped.wait(interval)

    def _sweep(self) -> None:
        try:
            sweep()
        except Error as error:
            # A restarting database is waited for; leases bring back what was in flight.
            connection.close()
            self.stderr.write(f"The database did not answer: {type(error).__name__}.")
