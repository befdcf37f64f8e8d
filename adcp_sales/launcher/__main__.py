"""`python -m adcp_sales.launcher`: what `run` becomes inside the virtual environment."""

import sys

from adcp_sales.launcher.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
