"""Places and deployments for the launcher's tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.support import Deployment


def open_place() -> Path:
    """Make a directory that PostgreSQL's user may pass through; pytest's own are closed to it."""
    place = Path(tempfile.mkdtemp(prefix="adcp-launcher-"))
    place.chmod(0o711)
    return place


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of this test's own."""
    found = open_place()
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """One running deployment, shared by the tests that leave it running."""
    found = open_place()
    running = Deployment(found / "data")
    running.start()
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()
        shutil.rmtree(found, ignore_errors=True)
