"""Makes `.venv` and goes on inside it; standard library only, imported by `run` as a file.

Failure policy: whatever cannot be put right here ends in one line that says what to do.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = Path(os.environ.get("ADCP_VENV", ROOT / ".venv"))
REQUIREMENTS = ROOT / "deploy" / "requirements"
DEVELOPMENT_VERBS = {"test", "check", "bench", "faults", "lock"}
UV = "uv==0.13.8"


def leave(line: str) -> NoReturn:
    """End with one line on standard error."""
    sys.exit(f"run: {line}")


@contextmanager
def sole_installer() -> Iterator[None]:
    """Let one process at a time install; the lock is the checkout's directory itself."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def digest(lock_file: Path) -> str:
    """Return what the installed packages depend on: the lock file and the Python."""
    version = ".".join(str(part) for part in sys.version_info[:2])
    return hashlib.sha256(lock_file.read_bytes() + version.encode()).hexdigest()


def stamp(group: str) -> Path:
    """Return the file that remembers which lock file was installed."""
    return VENV / f".installed-{group}"


def is_installed(group: str) -> bool:
    """Return whether the environment holds exactly what the group's lock file says."""
    try:
        noted = stamp(group).read_text(encoding="ascii")
        return (VENV / "bin" / "python").exists() and noted == digest(REQUIREMENTS / f"{group}.txt")
    except OSError:
        return False


def make_environment() -> None:
    """Create the virtual environment, or say which package is missing."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            leave(
                f"this Python has no module {module}: install the package python{version}-venv "
                f"(Debian, Ubuntu: apt-get install python{version}-venv), then start again."
            )
    import venv

    print(f"run: making {VENV}", file=sys.stderr)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True, clear=True).create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        leave(f"could not make {VENV}: {error}")


def install(group: str) -> None:
    """Install the pinned packages with uv, or with pip where uv cannot.

    uv takes seconds where pip takes half a minute, but does not read pip's configuration, so a
    machine that reaches its registry only through pip.conf still works.
    """
    python, lock_file = str(VENV / "bin" / "python"), REQUIREMENTS / f"{group}.txt"
    quiet = ["-qq", "--disable-pip-version-check"]
    print(f"run: installing the packages of {lock_file.relative_to(ROOT)}", file=sys.stderr)
    pip_install = [python, "-m", "pip", "install", *quiet]
    subprocess.run([*pip_install, UV], check=False, stdin=subprocess.DEVNULL)
    attempts = [
        [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", python],
        pip_install,
    ]
    for command in attempts:
        try:
            finished = subprocess.run(
                [*command, "-r", str(lock_file)], check=False, stdin=subprocess.DEVNULL
            )
        except OSError:
            continue
        if finished.returncode == 0:
            # The development packages contain the others, in the same versions.
            for installed in {group, "base"}:
                found = digest(REQUIREMENTS / f"{installed}.txt")
                stamp(installed).write_text(found, encoding="ascii")
            return
    leave("could not install the packages; the lines above say why. Start again when it is fixed.")


def is_whole() -> bool:
    """Return whether the environment has a Python that runs, and of this version."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    program = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run(
            [VENV / "bin" / "python", "-c", program], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return found.stdout.strip() == version


def prepare(group: str) -> None:
    """Make the environment hold the group's packages; does nothing when it already does."""
    if is_installed(group):
        return
    with sole_installer():
        if is_installed(group):
            return
        if not is_whole():
            make_environment()
        install(group)


def enter(arguments: list[str]) -> NoReturn:
    """Prepare the environment and become the launcher inside it."""
    if os.name != "posix":
        leave("needs Linux or macOS; on Windows, start it inside WSL.")
    prepare("dev" if arguments[:1] and arguments[0] in DEVELOPMENT_VERBS else "base")
    python = str(VENV / "bin" / "python")
    environment = dict(os.environ)
    # A PYTHONHOME or an activated other environment must not leak into ours.
    environment.pop("PYTHONHOME", None)
    environment["VIRTUAL_ENV"] = str(VENV)
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment["PYTHONPATH"] = str(ROOT)
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Who sets it wants a clean checkout, not seconds of compiling in every process of ours.
        environment["PYTHONPYCACHEPREFIX"] = str(VENV / "bytecode")
    command = [python, "-m", "adcp_sales.launcher", *arguments]
    os.execve(python, command, environment)  # noqa: S606 (our own interpreter, no shell wanted)
