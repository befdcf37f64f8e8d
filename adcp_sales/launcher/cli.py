"""The verbs of `./run`."""

import sys
from collections.abc import Callable

from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.testing import run_bench, run_tests

VERBS: dict[str, Callable[[list[str]], int]] = {
    "test": run_tests,
    "bench": run_bench,
}


def main(arguments: list[str]) -> int:
    """Run the verb that the first argument names and return the exit code."""
    verb = VERBS.get(arguments[0] if arguments else "")
    if verb is None:
        print("usage: ./run [test|bench]", file=sys.stderr)
        return 2
    try:
        return verb(arguments[1:])
    except LauncherError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
