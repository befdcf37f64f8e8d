"""`./run manage`: Django's manage.py on the data directory's database."""

import argparse
import subprocess
import sys

from adcp_sales.launcher import ad_server
from adcp_sales.launcher.bootstrap import ROOT
from adcp_sales.launcher.database import application_environment, database, is_external
from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.fingerprint import forget_prepared
from adcp_sales.launcher.options import add_data_directory


def run_manage(arguments: list[str]) -> int:
    """Run the management command on this terminal and return its exit code."""
    parser = argparse.ArgumentParser(prog="run manage", usage="./run manage [--data-dir DIR] ...")
    add_data_directory(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    data = DataDirectory(options.data_dir)
    data.make()
    forget_prepared(data)
    with database(data) as url:
        has_demo = not is_external()
        running = data.noted().get("ad_server_url", ad_server.url_of(ad_server.IDLE_PORT))
        environment = application_environment(
            data,
            url=url,
            has_demo=has_demo,
            ad_server_url=running if ad_server.is_wanted(has_demo=has_demo) else None,
        )
        command = [sys.executable, str(ROOT / "manage.py"), *options.command]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
