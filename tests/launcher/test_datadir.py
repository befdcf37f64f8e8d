"""The data directory: secrets, and one launcher at a time."""

import fcntl
import json
import os
import threading
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.errors import LauncherError

NAMES = ("SECRET_KEY", "WEBHOOK_SIGNING_KEY", "FIELD_ENCRYPTION_KEYS")


@pytest.fixture
def data(place: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    found = DataDirectory(place / "data")
    found.make()
    return found


def test_secrets_are_made_once_and_private(data: DataDirectory) -> None:
    environment = data.secret_environment()

    assert sorted(environment) == sorted(f"{name}_FILE" for name in NAMES)
    contents = {name: Path(path).read_bytes() for name, path in environment.items()}
    assert len(contents["SECRET_KEY_FILE"]) == 64
    key = load_pem_private_key(contents["WEBHOOK_SIGNING_KEY_FILE"], password=None)
    assert isinstance(key, Ed25519PrivateKey)
    Fernet(contents["FIELD_ENCRYPTION_KEYS_FILE"])
    assert {Path(path).stat().st_mode & 0o777 for path in environment.values()} == {0o600}
    assert data.secrets.stat().st_mode & 0o777 == 0o700

    # A later start finds the same ones.
    assert data.secret_environment() == environment
    assert {name: Path(path).read_bytes() for name, path in environment.items()} == contents


def test_an_operators_secret_is_left_alone(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "from-the-environment")

    assert "SECRET_KEY_FILE" not in data.secret_environment()
    assert not (data.secrets / "secret_key").exists()


def hold(data: DataDirectory, facts: dict[str, object]) -> int:
    """Hold the directory as another launcher does, and say so."""
    descriptor = os.open(data.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    data.state_file.write_text(json.dumps(facts))
    return descriptor


def test_a_second_launcher_is_refused_in_one_line(data: DataDirectory) -> None:
    facts = {"process": 4711, "state": "running", "url": "http://127.0.0.1:8000"}
    descriptor = hold(data, facts)

    with pytest.raises(LauncherError) as refused, data.locked():
        pytest.fail("both hold the directory")

    assert str(refused.value) == (
        f"already running at http://127.0.0.1:8000 on {data.path} (process 4711): "
        "stop it first, or use another --data-dir and --port."
    )
    assert json.loads(data.state_file.read_text()) == facts
    os.close(descriptor)


def test_a_second_launcher_waits_for_one_that_stops(
    data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a launcher that stops for longer than a running one would be waited for
    descriptor = hold(data, {"process": 4711, "state": "stopping"})
    threading.Timer(2.5, os.close, [descriptor]).start()
    started = time.monotonic()

    with data.locked():
        waited = time.monotonic() - started
        assert data.noted() == {"process": os.getpid(), "state": "running"}

    assert 2.4 < waited < 4
    assert capsys.readouterr().err == "run: waiting for the earlier ./run to stop\n"
    assert data.noted() == {}


def test_an_unusable_place_is_one_line(place: Path) -> None:
    (place / "file").write_text("not a directory")

    with pytest.raises(LauncherError) as refused:
        DataDirectory(place / "file").make()

    assert str(refused.value).startswith(f"cannot use the data directory {place / 'file'}: ")
    assert "\n" not in str(refused.value)
