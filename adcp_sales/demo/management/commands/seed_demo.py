"""`manage.py seed_demo`: fills an empty database with the demo publisher."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adcp_sales.demo.seeding import NotTheDemo, Seeded, demo_seed


class Command(BaseCommand):
    help = "Fill an empty database with the demo publisher; a second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help="Print logins and tokens as JSON; tokens are shown by the first run only.",
        )
        parser.add_argument(
            "--random-passwords",
            action="store_true",
            help="Give the staff random passwords, for a database that others can reach.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            seeded = demo_seed(now=timezone.now(), random_passwords=options["random_passwords"])
        except NotTheDemo as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(
            json.dumps(asdict(seeded), indent=2) if options["json"] else _in_words(seeded)
        )


def _in_words(seeded: Seeded) -> str:
    if seeded.buyers[0]["token"] is None:
        return "The demo publisher is already there; nothing was changed."
    lines = [f"{person['username']} / {person['password']}" for person in seeded.staff]
    lines += [f"{buyer['name']}: {buyer['token']}" for buyer in seeded.buyers]
    return "\n".join(["The demo publisher is ready.", *lines])
