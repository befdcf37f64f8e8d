"""`python -m tests.faults`, started by `./run faults` with an empty PostgreSQL."""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

import django
from django.core.management import call_command

ROUNDS = 200
# Healed and checked every so often, so that a failure is near the round that made it.
ROUNDS_BETWEEN_CHECKS = 20


def main() -> int:
    """Kill a worker in each round, heal, check; 1 with the seed where something does not hold."""
    options = _options()
    os.environ["DJANGO_SETTINGS_MODULE"] = "adcp_sales.settings.test"
    django.setup()
    call_command("migrate", verbosity=0)
    print(f"{options.rounds} rounds, seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="adcp-faults-") as folder:
        try:
            _play(options.rounds, options.seed, Path(folder))
        except AssertionError as error:
            print(f"seed {options.seed}: {error}", file=sys.stderr)
            return 1
    print(f"all hold after {time.monotonic() - began:.0f} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="repeats what a run drew"
    )
    return parser.parse_args()


def _play(rounds: int, seed: int, folder: Path) -> None:
    from tests.faults.campaigns import campaign, finish

    with campaign(seed, folder) as running:
        for number in range(1, rounds + 1):
            running.play(number)
            if number % ROUNDS_BETWEEN_CHECKS == 0 or number == rounds:
                finish(running, folder)
                print(f"{number} rounds, {len(running.orders)} orders: all hold", flush=True)
        for death, count in sorted(running.deaths.items()):
            print(f"{count:4} {death}")


if __name__ == "__main__":
    raise SystemExit(main())
