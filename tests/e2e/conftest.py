"""One real deployment, started by `./run` itself, for the walks of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.launcher.conftest import open_place
from tests.launcher.support import Deployment


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    """The ready file of a fresh deployment; it is stopped afterwards."""
    running = Deployment(open_place() / "data")
    running.start()
    try:
        yield running.wait_until_ready()
    finally:
        running.stop()
