"""The verbs of `./run`."""

import sys
from collections.abc import Callable

from adcp_sales.launcher.backups import run_backup, run_restore
from adcp_sales.launcher.check import run_check
from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.lock import run_lock
from adcp_sales.launcher.manage import run_manage
from adcp_sales.launcher.serve import serve
from adcp_sales.launcher.testing import run_bench, run_faults, run_tests

VERBS: dict[str, Callable[[list[str]], int]] = {
    "test": run_tests,
    "check": run_check,
    "bench": run_bench,
    "faults": run_faults,
    "manage": run_manage,
    "backup": run_backup,
    "restore": run_restore,
    "lock": run_lock,
}
INTERRUPTED = 130


def run_verb(arguments: list[str]) -> int:
    """Run the verb that the first argument names; flags without a verb serve."""
    if not arguments or arguments[0].startswith("-"):
        return serve(arguments)
    verb = VERBS.get(arguments[0])
    if verb is None:
        raise LauncherError(f"there is no verb {arguments[0]}: ./run --help lists them.")
    return verb(arguments[1:])


def main(arguments: list[str]) -> int:
    """Run what was asked and return the exit code; a failure is one line."""
    try:
        return run_verb(arguments)
    except LauncherError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
