"""However `./run` ends, nothing is left behind, and the next start finds its data."""

import shutil
import signal
import time
from collections.abc import Iterator

import pytest

from tests.launcher.conftest import open_place
from tests.launcher.support import Deployment, alive, run_launcher, wait_until_gone

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def ended() -> Iterator[Deployment]:
    """A deployment whose data each test starts anew and ends in its own way."""
    place = open_place()
    found = Deployment(place / "data")
    yield found
    found.stop()
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize(
    ("number", "code", "seconds"),
    [
        pytest.param(signal.SIGINT, 0, 12, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 0, 12, id="SIGTERM"),
        pytest.param(signal.SIGKILL, -9, 12, id="SIGKILL"),
    ],
)
def test_one_signal_leaves_nothing(
    ended: Deployment, number: signal.Signals, code: int, seconds: int
) -> None:
    ended.start()
    ended.wait_until_ready()
    family = ended.family()
    assert len(family) >= 8

    ended.signal(number)

    assert ended.process is not None
    assert ended.process.wait(seconds) == code
    assert wait_until_gone(family, seconds=seconds) == []
    assert ended.ready_file.exists() == (number == signal.SIGKILL)


def test_a_signal_during_the_start_leaves_nothing(ended: Deployment) -> None:
    ended.start()
    deadline = time.monotonic() + 20
    while len(ended.family()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    family = ended.family()

    ended.signal(signal.SIGINT)

    assert ended.process is not None
    assert ended.process.wait(15) == 0
    assert wait_until_gone(family, seconds=2) == []
    assert not ended.ready_file.exists()


def test_a_second_start_waits_for_the_first_to_stop_and_keeps_its_data(ended: Deployment) -> None:
    # Given a deployment that has just been told to stop
    ended.start()
    first = ended.wait_until_ready()
    family = ended.family()
    ended.signal(signal.SIGINT)

    # When it is started again at once
    again = Deployment(ended.data_directory)
    again.port = ended.port
    began = time.monotonic()
    again.start()
    try:
        assert ended.process is not None
        ended.process.wait(15)
        second = again.wait_until_ready()

        # Then it is ready in seconds, with the same logins and tokens, and the first is gone
        assert time.monotonic() - began < 30
        assert {key: second[key] for key in ("buyers", "staff")} == {
            key: first[key] for key in ("buyers", "staff")
        }
        assert alive(family) == []
    finally:
        again.stop()


def test_postgres_dying_stops_everything_with_a_line(ended: Deployment) -> None:
    ended.start()
    ended.wait_until_ready()
    family = ended.family()
    postgres = next(process for process in family if process.name() == "postgres")

    postgres.kill()

    assert ended.process is not None
    assert ended.process.wait(20) == 1
    assert wait_until_gone(family, seconds=5) == []
    assert ended.printed().splitlines()[-1] == (
        "run: PostgreSQL ended (exit code -9), stopping everything: "
        f"see {ended.data_directory / 'logs' / 'postgres.log'}"
    )


def test_backup_and_restore_bring_everything_back(ended: Deployment) -> None:
    # Given a backup of a deployment that stands still
    place = ended.data_directory.parent
    file = place / "backup.tar"
    count = ("manage", "--data-dir", None, "shell", "-v0", "-c", COUNT)
    written = run_launcher("backup", file, "--data-dir", ended.data_directory)
    assert written.returncode == 0, written.stderr
    assert file.stat().st_mode & 0o777 == 0o600

    # When it is restored elsewhere
    restored = place / "restored"
    finished = run_launcher("restore", file, "--data-dir", restored)
    assert finished.returncode == 0, finished.stderr

    # Then rows, secrets and tokens are the same
    rows = [
        run_launcher(*(directory if part is None else part for part in count)).stdout
        for directory in (ended.data_directory, restored)
    ]
    assert rows[0] == rows[1]
    assert int(rows[0]) > 100
    for name in ("secrets/secret_key", "secrets/field_encryption_keys", "demo.json"):
        assert (restored / name).read_bytes() == (ended.data_directory / name).read_bytes()
        assert (restored / name).stat().st_mode & 0o777 == 0o600


COUNT = """
from django.apps import apps
print(sum(m.objects.count() for m in apps.get_models() if m._meta.managed))
"""


def test_restore_never_overwrites(ended: Deployment) -> None:
    file = ended.data_directory.parent / "backup.tar"
    run_launcher("backup", file, "--data-dir", ended.data_directory)
    before = (ended.data_directory / "secrets" / "secret_key").read_bytes()

    finished = run_launcher("restore", file, "--data-dir", ended.data_directory)

    assert finished.returncode == 1
    assert finished.stderr == (
        f"run: {ended.data_directory} already holds a database: restore into another --data-dir.\n"
    )
    assert (ended.data_directory / "secrets" / "secret_key").read_bytes() == before
