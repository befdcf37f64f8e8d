"""`python -m mediabuys.adservers.simulated --port N --database FILE`: run in the foreground."""

import argparse
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from types import FrameType

from mediabuys.adservers.simulated.problems import Problem
from mediabuys.adservers.simulated.server import Server
from mediabuys.adservers.simulated.simulator import Defaults, Simulator, read_inventory


def main() -> int:
    """Serve until a signal; return the exit code."""
    options = _arguments().parse_args()
    try:
        token = _token(options.token_file)
        inventory = read_inventory(options.inventory) if options.inventory else {}
        defaults = Defaults(options.default_daily, options.review_delay, options.speed, inventory)
        simulator = Simulator(options.database, defaults)
        server = Server(options.port, simulator, token)
    except (OSError, ValueError, sqlite3.Error) as error:
        return _failed(str(error))
    except Problem as problem:
        return _failed(problem.message)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stdout.write(f"Simulated ad server on http://127.0.0.1:{server.server_port}/\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    simulator.faults.heal()
    server.server_close()
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mediabuys.adservers.simulated", description=__doc__)
    parser.add_argument("--port", type=int, default=8002, help="0 takes a free one")
    parser.add_argument("--database", type=Path, required=True, help="its SQLite file")
    parser.add_argument("--token-file", type=Path, help="else the environment's ADSERVER_TOKEN")
    parser.add_argument("--inventory", type=Path, help="a JSON file with products")
    parser.add_argument("--speed", type=float, help="simulated seconds in a real one")
    parser.add_argument(
        *("--default-daily",), type=int, default=100_000,
        help="impressions a day of products that are not in the inventory",
    )  # fmt: skip
    parser.add_argument(
        *("--review-delay",), type=float, default=20.0,
        help="seconds that the review of a creative takes, on its clock",
    )  # fmt: skip
    return parser


def _token(path: Path | None) -> str:
    token = path.read_text("utf-8") if path else os.environ.get("ADSERVER_TOKEN", "")
    if not token.strip():
        raise ValueError("a token is needed: --token-file, or ADSERVER_TOKEN")
    return token.strip()


def _failed(reason: str) -> int:
    sys.stderr.write(f"The simulated ad server cannot start: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
