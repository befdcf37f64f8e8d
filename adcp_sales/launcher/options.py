"""The flags of `./run`."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from adcp_sales.launcher.bootstrap import ROOT

EPILOG = """verbs:
  test [pytest arguments]     run the tests on a throw-away PostgreSQL and a real browser
  check                       formatting, lint, types, layers, migrations, deployment settings
  bench [arguments]           measure, print a table and write build/bench.json
  faults [--rounds N]         kill workers while they book, heal, and check what is left
  manage COMMAND ...          Django's manage.py on the data directory's database
  backup FILE                 write database and secrets into one file
  restore FILE                read such a file into a data directory that holds no database
  lock                        refresh deploy/requirements from pyproject.toml

With DATABASE_URL or CELERY_BROKER_URL set, that database or broker replaces the embedded one.
"""
HIGHEST_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What `./run` without a verb was asked to do."""

    port: int
    receiver_port: int | None
    ad_server_port: int | None
    data_directory: Path
    ready_file: Path | None
    demo: bool


def port_number(text: str) -> int:
    """Return a port number that can be listened on."""
    number = int(text)
    if not 1 <= number <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{number} is no port")
    return number


def default_data_directory() -> Path:
    """Return ADCP_DATA_DIR, else `.data` in the checkout."""
    return Path(os.environ.get("ADCP_DATA_DIR") or ROOT / ".data")


def add_data_directory(parser: argparse.ArgumentParser) -> None:
    """Add --data-dir, which every verb that touches the database takes."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=default_data_directory(),
        metavar="DIR",
        help="where database, secrets and logs lie (default .data)",
    )


def serve_parser() -> argparse.ArgumentParser:
    """Return the parser of `./run` without a verb; its help names the verbs too."""
    parser = argparse.ArgumentParser(
        prog="run",
        usage="./run [--port N] [--data-dir DIR] [--ready-file PATH] [--demo] | ./run VERB ...",
        description="Serve the sales agent: web, worker, beat, PostgreSQL, and for the demo a "
        "receiver and a simulated ad server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=port_number, default=8000, help="of the web server")
    parser.add_argument(
        "--receiver-port", type=port_number, help="of the demo receiver (default: the next one)"
    )
    parser.add_argument(
        "--ad-server-port",
        type=port_number,
        help="of the simulated ad server (default: the one after the receiver's)",
    )
    add_data_directory(parser)
    parser.add_argument(
        "--ready-file", type=Path, metavar="PATH", help="JSON written once everything answers"
    )
    parser.add_argument(
        "--demo", action="store_true", help="seed the demo into an external database too"
    )
    return parser


def parse_serve(arguments: list[str]) -> ServeOptions:
    """Parse the flags; wrong ones end the program with argparse's usual line."""
    found = serve_parser().parse_args(arguments)
    return ServeOptions(
        port=found.port,
        receiver_port=found.receiver_port,
        ad_server_port=found.ad_server_port,
        data_directory=found.data_dir,
        ready_file=found.ready_file,
        demo=found.demo,
    )
