"""Importing what takes long while the database is made, because a first start has two cores.

The services then find their bytecode, and the web server the SDK's schemas.
"""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.processes import start_child, stop_child

# Whoever makes the database goes first.
NICENESS = 5
MODULES = (
    "celery.bin.celery",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "adcp_sales.urls",
)


@contextmanager
def imports_warmed(data: DataDirectory) -> Iterator[None]:
    """Import in a child for as long as the block takes.

    Failure policy: whatever happens to the child, the services import for themselves.
    """
    with data.log_path("warming").open("wb") as output:
        child = start_child(
            [sys.executable, "-m", "adcp_sales.launcher.warming"],
            death_signal=signal.SIGKILL,
            output=output,
        )
    try:
        yield
    finally:
        stop_child(child, stop_signal=signal.SIGKILL, grace_seconds=1)


def main() -> None:
    """Import what the services will, in the order in which they do."""
    os.nice(NICENESS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adcp_sales.settings.base")

    import django

    django.setup()

    for module in MODULES:
        importlib.import_module(module)

    from adcp_sales.protocol.schemas import compile_all

    compile_all()


if __name__ == "__main__":
    main()
