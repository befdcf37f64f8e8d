"""The simulated ad server of a demo: its file and its token lie in the data directory.

It is a program of its own, and is told of nothing but its port, its file and its inventory.
"""

import os
import secrets
import sys
from pathlib import Path

from adcp_sales.launcher.bootstrap import ROOT
from adcp_sales.launcher.datadir import DataDirectory, write_private
from adcp_sales.launcher.ports import HOST

# Named by `./run manage` while nothing runs, and where nobody answers then.
IDLE_PORT = 8002
# Long enough to be seen under review, and short enough to wait for.
REVIEW_SECONDS = 5
INVENTORY = ROOT / "adcp_sales" / "demo" / "inventory.json"


def is_wanted(*, has_demo: bool) -> bool:
    """Return whether the demo books on the simulator: only where nobody named an ad server."""
    named = os.environ.get("ADSERVER") or os.environ.get("ADSERVER_FILE")
    return has_demo and not named


def url_of(port: int) -> str:
    """Return the address of the simulator on that port."""
    return f"http://{HOST}:{port}"


def token_file(data: DataDirectory) -> Path:
    """Return the file with the simulator's token, made at the first call."""
    path = data.secrets / "adserver_token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path


def settings(data: DataDirectory, *, url: str) -> dict[str, str]:
    """Return what the application's processes need to book on the simulator."""
    return {
        "ADSERVER": "simulated",
        "ADSERVER_URL": url,
        "ADSERVER_TOKEN_FILE": str(token_file(data)),
    }


def is_new(data: DataDirectory) -> bool:
    """Return whether the simulator has no file yet, and so none of the orders of the demo."""
    return not database_file(data).exists()


def database_file(data: DataDirectory) -> Path:
    """Return the simulator's own file."""
    return data.path / "ad-server.sqlite3"


def command(data: DataDirectory, *, port: int) -> list[str]:
    """Return the simulator's command line; it may not take time from what serves."""
    return [
        *("nice", "-n", "10"),
        *(sys.executable, "-m", "mediabuys.adservers.simulated", "--port", str(port)),
        *("--database", str(database_file(data))),
        *("--token-file", str(token_file(data)), "--inventory", str(INVENTORY)),
        *("--review-delay", str(REVIEW_SECONDS)),
    ]


def past_command() -> list[str]:
    """Return what has a new simulator live the weeks before the demo's first start."""
    return ["nice", "-n", "15", sys.executable, str(ROOT / "manage.py"), "live_demo_past"]
