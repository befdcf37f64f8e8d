"""`python -m adcp_sales.launcher.prepare`: migrates and, where asked, seeds the demo once.

One process for both, because starting Django costs more than either when nothing is to be done.
"""

import argparse
import io
import json
import os
from pathlib import Path


def main() -> None:
    """Migrate; seed and keep the demo's tokens in a private file unless that file exists."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--demo-file", type=Path)
    parser.add_argument("--random-passwords", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adcp_sales.settings.base")

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    if options.demo_file is not None and not options.demo_file.exists():
        seed(options.demo_file, random_passwords=options.random_passwords)


def seed(demo_file: Path, *, random_passwords: bool) -> None:
    """Seed the demo publisher; its tokens exist in clear text only in the file.

    Failure policy: the file waits beside its name until the seeds are committed, so that a crash
    loses neither: a later start either seeds again or finds the tokens there.
    """
    from django.core.management import call_command
    from django.db import transaction

    from adcp_sales.launcher.datadir import write_private

    waiting = demo_file.with_suffix(".waiting")
    printed = io.StringIO()
    flags = ["--random-passwords"] if random_passwords else []
    with transaction.atomic():
        call_command("seed_demo", "--json", *flags, stdout=printed)
        if has_tokens(printed.getvalue()):
            write_private(waiting, printed.getvalue())
    if waiting.exists():
        waiting.replace(demo_file)
    else:
        write_private(demo_file, printed.getvalue())


def has_tokens(text: str) -> bool:
    """Return whether this was the seeding that issued the tokens."""
    return any(buyer.get("token") for buyer in json.loads(text)["buyers"])


if __name__ == "__main__":
    main()
