"""`./run backup` and `./run restore`: database, secrets and demo tokens in one private file.

The secrets are in it because a database whose encryption keys are lost cannot be read.
"""

import argparse
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from adcp_sales.launcher.database import database, is_external, running_url
from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.options import add_data_directory
from adcp_sales.launcher.postgres import find_binaries

DUMP = "database.dump"
SECRETS = "secrets"
DEMO = "demo.json"


def program(name: str) -> str:
    """Return pg_dump or pg_restore of the PostgreSQL that we run.

    Raises LauncherError where that installation has none.
    """
    path = find_binaries().program(name)
    if not path.exists():
        raise LauncherError(f"{path.parent} has no {name}: install PostgreSQL's client programs.")
    return str(path)


def parse(verb: str, arguments: list[str]) -> tuple[Path, DataDirectory]:
    """Return the backup's file and the data directory."""
    parser = argparse.ArgumentParser(prog=f"run {verb}")
    parser.add_argument("file", type=Path)
    add_data_directory(parser)
    options = parser.parse_args(arguments)
    return options.file, DataDirectory(options.data_dir)


def run_client(command: list[str], *, purpose: str) -> None:
    """Run a client program; raises LauncherError with its last line when it fails."""
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        last_line = (finished.stderr.strip().splitlines() or ["no output"])[-1]
        raise LauncherError(f"{purpose} failed: {last_line}")


def run_backup(arguments: list[str]) -> int:
    """Write the backup while the system runs or stands; the file is the owner's alone."""
    file, data = parse("backup", arguments)
    if not is_external() and not data.postgres.exists():
        raise LauncherError(f"{data.path} holds no database: nothing to back up.")
    data.make()
    with tempfile.TemporaryDirectory() as place, database(data) as url:
        dump = Path(place) / DUMP
        run_client(
            [program("pg_dump"), "--format=custom", "--no-owner", f"--file={dump}", url],
            purpose="the backup",
        )
        pack(file, dump=dump, data=data)
    print(f"wrote {file}: it contains the secrets, keep it as you keep a password")
    return 0


def pack(file: Path, *, dump: Path, data: DataDirectory) -> None:
    """Write the archive atomically, readable by its owner alone."""
    descriptor, temporary = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}-")
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
        archive.add(dump, arcname=DUMP)
        archive.add(data.secrets, arcname=SECRETS)
        if data.demo_file.exists():
            archive.add(data.demo_file, arcname=DEMO)
    Path(temporary).replace(file)


def run_restore(arguments: list[str]) -> int:
    """Make a data directory from a backup.

    Raises LauncherError where it already holds a database: nothing is ever overwritten.
    """
    file, data = parse("restore", arguments)
    if is_external():
        raise LauncherError("restore works on the embedded database: use pg_restore for yours.")
    if not file.exists():
        raise LauncherError(f"there is no file {file}.")
    if running_url(data) is not None or data.postgres.exists():
        raise LauncherError(
            f"{data.path} already holds a database: restore into another --data-dir."
        )
    with tempfile.TemporaryDirectory() as place:
        unpack(file, Path(place))
        restore_files(Path(place), data)
        try:
            with database(data) as url:
                restore_database(Path(place) / DUMP, url)
        except LauncherError:
            shutil.rmtree(data.postgres, ignore_errors=True)
            raise
    print(f"restored {file} into {data.path}")
    return 0


def unpack(file: Path, place: Path) -> None:
    """Unpack the archive; raises LauncherError when it is none of ours."""
    try:
        with tarfile.open(file) as archive:
            archive.extractall(place, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise LauncherError(f"{file} is no backup: {error}") from error
    if not (place / DUMP).exists():
        raise LauncherError(f"{file} is no backup: it has no {DUMP}.")


def restore_files(place: Path, data: DataDirectory) -> None:
    """Put secrets and demo tokens where they were."""
    data.make()
    for secret in sorted((place / SECRETS).iterdir()):
        shutil.copy(secret, data.secrets / secret.name)
        (data.secrets / secret.name).chmod(0o600)
    if (place / DEMO).exists():
        shutil.copy(place / DEMO, data.demo_file)
        data.demo_file.chmod(0o600)


def restore_database(dump: Path, url: str) -> None:
    """Load the dump in one transaction."""
    options = ["--no-owner", "--exit-on-error", "--single-transaction"]
    run_client(
        [program("pg_restore"), *options, f"--dbname={url}", str(dump)], purpose="the restore"
    )
