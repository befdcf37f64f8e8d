"""Id 16: how long the whole test suite takes."""

import json
import subprocess
import sys

from tests.bench.rows import BUILD, Row
from tests.launcher.support import ROOT, clean_environment

LIMIT_SECONDS = 600
RECORD = BUILD / "suite.json"


def measure(*, afresh: bool) -> list[Row]:
    """Return the last whole run of the suite; runs it when asked to, or when there is none."""
    if afresh or not RECORD.exists():
        RECORD.unlink(missing_ok=True)
        subprocess.run([sys.executable, ROOT / "run", "test", "-q"], env=clean_environment())
    found = json.loads(RECORD.read_text(encoding="utf-8"))
    return [
        Row(
            id=16,
            name="the whole test suite, seconds",
            value=found["seconds"],
            goal=f"< {LIMIT_SECONDS}",
            holds=found["seconds"] < LIMIT_SECONDS and not found["failed"],
            detail=f"{found['passed']} passed, {found['failed']} failed, {found['finished_at']}",
        )
    ]
