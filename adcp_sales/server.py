"""Gunicorn's configuration (`gunicorn --config python:adcp_sales.server adcp_sales.wsgi`).

The application is loaded once in the master and frozen before the fork, so that the workers share
its memory, the compiled validators above all.
"""

import gc
import os

from gunicorn.arbiter import Arbiter

# While the application loads, nothing that it makes is garbage; looking for some takes a tenth.
gc.disable()

MOST_WORKERS = 8

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS") or min(os.cpu_count() or 1, MOST_WORKERS))
threads = int(os.environ.get("WEB_THREADS") or 8)
preload_app = True

# A request that takes longer is stuck: every wait inside has a shorter limit of its own.
timeout = 60
graceful_timeout = 5
keepalive = 75
backlog = 512

# gunicorn writes its signs of life to a file; a disk that stalls would look like a dead worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
control_socket_disable = True
forwarded_allow_ips = os.environ.get("TRUSTED_PROXIES", "127.0.0.1")
proc_name = "adcp-sales-web"
loglevel = "info"
limit_request_line = 4094
limit_request_fields = 64


def when_ready(server: Arbiter) -> None:
    """Compile in the master what every worker needs, and keep the collector's hands off it."""
    from django.db import connections

    from adcp_sales.protocol.schemas import compile_all

    compile_all()
    # A connection opened before the fork would be used by several workers at once.
    connections.close_all()
    gc.collect()
    gc.freeze()
    gc.enable()
    server.log.info("validators compiled, forking %s workers", workers)
