"""`python -m tests.bench [ids] [--suite]`, started by `./run bench` with an empty PostgreSQL."""

import argparse
import os
from collections.abc import Callable

import django

from tests.bench.rows import Row, write_report

IDS = (1, 3, 4, 5, 8, 13, 15, 16)


def main() -> int:
    """Measure the rows that were asked for, all by default; 1 when one misses its goal."""
    options = _options()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    measures = _measures(afresh=options.suite)
    rows: list[Row] = []
    for number in options.ids or IDS:
        print(f"measuring {number} ...", flush=True)
        rows += measures[number]()
    print()
    write_report(rows)
    return 0 if all(row.holds for row in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("ids", nargs="*", type=int, choices=IDS, help="which rows (default: all)")
    parser.add_argument("--suite", action="store_true", help="run the test suite for row 16")
    return parser.parse_args()


def _measures(*, afresh: bool) -> dict[int, Callable[[], list[Row]]]:
    from tests.bench import (
        decisions,
        deep_pages,
        delivery,
        orders,
        pages,
        polling,
        scenery,
        startup,
        suite,
    )

    scenery.prepare()
    return {
        1: polling.measure,
        3: pages.measure,
        4: orders.measure,
        5: deep_pages.measure,
        8: decisions.measure,
        13: delivery.measure,
        15: startup.measure,
        16: lambda: suite.measure(afresh=afresh),
    }


if __name__ == "__main__":
    raise SystemExit(main())
