"""Ports on the loopback interface: free or not, and whether somebody answers."""

import http.client
import json
import socket
import time
from collections.abc import Container
from typing import Any

from adcp_sales.launcher.errors import LauncherError

HOST = "127.0.0.1"
# The processes of a launcher that was killed give up their port a moment after it is gone.
PATIENCE_SECONDS = 2.0


def is_free(port: int) -> bool:
    """Return whether we could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, *, flag: str) -> None:
    """Wait a moment for the port to be free.

    Raises LauncherError, with the flag that chooses another port, when it is not.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            raise LauncherError(
                f"port {port} is in use by another program: stop it, or choose another with {flag}."
            )
        time.sleep(0.1)


def choose_port(*, asked: int | None, usual: int, flag: str, taken: Container[int] = ()) -> int:
    """Return the asked port, else the usual one where it is free and not taken, else any free one.

    Raises LauncherError, with the flag that asked for it, when the asked one is in use.
    """
    if asked is not None:
        require_free(asked, flag=flag)
        return asked
    if usual not in taken and is_free(usual):
        return usual
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, Any]:
    """Return status and JSON body (None where it is not JSON); status 0 when nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, None
