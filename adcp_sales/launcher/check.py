"""`./run check`: every static check; all run, so that one start shows everything to put right."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adcp_sales.launcher.bootstrap import ROOT
from adcp_sales.launcher.datadir import new_encryption_key, new_signing_key

PYTHON = sys.executable
TOOLS = Path(sys.executable).parent
CHECKS: dict[str, list[str]] = {
    "format": [str(TOOLS / "ruff"), "format", "--check", ".", "run"],
    "lint": [str(TOOLS / "ruff"), "check", ".", "run"],
    "types": [str(TOOLS / "mypy")],
    "layers": [str(TOOLS / "lint-imports")],
    # No database is reached, which makemigrations would warn of.
    "migrations": [
        *(PYTHON, "-W", "ignore:Got an error checking:RuntimeWarning"),
        *("manage.py", "makemigrations", "--check", "--dry-run"),
    ],
    "deployment": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}


def production_environment(directory: Path) -> dict[str, str]:
    """Return a complete production configuration with secrets made for this check alone."""
    secrets = {
        "SECRET_KEY": os.urandom(48).hex(),
        "WEBHOOK_SIGNING_KEY": new_signing_key(),
        "FIELD_ENCRYPTION_KEYS": new_encryption_key(),
        "ADSERVER_TOKEN": os.urandom(24).hex(),
    }
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ADCP_")
    }
    environment |= {
        "DJANGO_SETTINGS_MODULE": "adcp_sales.settings.production",
        "PUBLIC_URL": "https://sales.publisher.example",
        "ALLOWED_HOSTS": "sales.publisher.example",
        # None is reached: these checks read the configuration only.
        "DATABASE_URL": "postgresql://sales@database.publisher.example/sales",
        "CELERY_BROKER_URL": "amqp://broker.publisher.example",
        "ADSERVER": "simulated",
        "ADSERVER_URL": "https://adserver.publisher.example",
    }
    for name, value in secrets.items():
        path = directory / name.lower()
        path.write_text(value, encoding="utf-8")
        environment[f"{name}_FILE"] = str(path)
    return environment


def run_check(arguments: list[str]) -> int:
    """Run all checks, or those named, and return 1 when one of them fails."""
    names = arguments or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"run: check knows {', '.join(CHECKS)}, not {', '.join(unknown)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        production = production_environment(Path(directory))
        failed = [name for name in names if not passes(name, production)]
    print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all passed'}", flush=True)
    return 1 if failed else 0


def passes(name: str, production: dict[str, str]) -> bool:
    """Run one check, its output on the terminal, and return whether it passed."""
    environment = dict(os.environ) if name in {"format", "lint", "types", "layers"} else production
    started = time.monotonic()
    print(f"── {name}", flush=True)
    finished = subprocess.run(
        CHECKS[name], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    result = "passed" if finished.returncode == 0 else "FAILED"
    print(f"── {name} {result} in {time.monotonic() - started:.1f} s", flush=True)
    return finished.returncode == 0
