"""`python -m webhooks.receiver --port N`: start the receiver in the foreground."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from webhooks.receiver.records import Inbox
from webhooks.receiver.server import Receiver

# The verifier takes seconds of processor time to import, which a start needs for itself.
WARM_UP_AFTER_SECONDS = 10


def main() -> int:
    options = _arguments().parse_args()
    inbox = Inbox(options.log, options.status_script)
    address = (options.host, options.port)
    try:
        receiver = Receiver(address, inbox, options.jwks_url, options.hmac_secret)
    except OSError as error:
        sys.stderr.write(f"The receiver cannot listen on {options.host}:{options.port}: {error}\n")
        return 1
    warming = threading.Timer(WARM_UP_AFTER_SECONDS, _warm_up)
    warming.daemon = True
    warming.start()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=receiver.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stdout.write(f"Receiving on http://{options.host}:{receiver.server_port}/\n")
    sys.stdout.flush()
    receiver.serve_forever()
    receiver.server_close()
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webhooks.receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--jwks-url", default="", help="where the sender publishes its keys")
    parser.add_argument("--hmac-secret", default="", help="to check the legacy HMAC scheme")
    parser.add_argument("--log", type=Path, help="append every POST to this file as a JSON line")
    parser.add_argument(
        "--status-script",
        type=lambda text: [int(status) for status in text.split(",") if status],
        default=[],
        help="what to answer in turn, such as 503,503,200; afterwards 200",
    )
    return parser


def _warm_up() -> None:
    """Import the SDK's verifier (seconds) before the first message needs it."""
    import adcp.signing.webhook_verifier  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
