"""Telling the ad server everything anew, after it lost its data or another took its place."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from mediabuys.services.trafficking import all_tell_again


class Command(BaseCommand):
    help = (
        "Has the ad server told anew of every order that runs or will run, with its creatives,"
        " places those that it never had, and reads its reports from their beginning. For an ad"
        " server that lost its data, or that took another's place."
    )

    def handle(self, **_: Any) -> None:
        count = all_tell_again(now=timezone.now())
        self.stdout.write(f"{count} order{'s are' if count != 1 else ' is'} told by the worker.")
