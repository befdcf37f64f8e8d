"""One real deployment, started by `./run` itself, for the walks of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.launcher.conftest import open_place
from tests.launcher.support import Deployment


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    """The ready file of a fresh deployment, and its ad server's token; it is stopped afterwards."""
    running = Deployment(open_place() / "data")
    running.start()
    try:
        found = running.wait_until_ready()
        token = (running.data_directory / "secrets" / "adserver_token").read_text()
        yield found | {"ad_server_token": token}
    finally:
        running.stop()
