"""Which processes a deployment on one machine has."""

import os
import signal
import sys
from pathlib import Path

from adcp_sales.launcher import ad_server
from adcp_sales.launcher.datadir import DataDirectory
from adcp_sales.launcher.ports import HOST
from adcp_sales.launcher.supervisor import Service

QUEUES = "booking,webhooks,flights,default"
WORKER_THREADS = 16


def web_command(port: int) -> list[str]:
    """Return gunicorn's command line; everything else is in `adcp_sales.server`."""
    return [
        *(sys.executable, "-m", "gunicorn", "--config", "python:adcp_sales.server"),
        *("--bind", f"{HOST}:{port}", "adcp_sales.wsgi:application"),
    ]


def worker_command() -> list[str]:
    """Return the Celery worker's command line.

    Threads, because the work is short queries and other people's servers; the embedded broker
    has no remote control, so nothing that needs it is started.
    """
    return [
        *(sys.executable, "-m", "celery", "--app", "adcp_sales", "worker", "--pool", "threads"),
        *("--concurrency", str(WORKER_THREADS), "--queues", QUEUES, "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def beat_command() -> list[str]:
    """Return Celery beat's command line; it keeps no file of its own (`--pidfile=`)."""
    return [
        *(sys.executable, "-m", "celery", "--app", "adcp_sales", "beat"),
        *("--loglevel", "INFO", "--pidfile="),
    ]


def receiver_command(*, port: int, jwks_url: str, log: Path) -> list[str]:
    """Return the demo receiver's command line; it may not take time from what serves."""
    return [
        *("nice", "-n", "10"),
        *(sys.executable, "-m", "webhooks.receiver", "--port", str(port)),
        *("--jwks-url", jwks_url, "--log", str(log)),
    ]


def services(
    *,
    data: DataDirectory,
    environment: dict[str, str],
    web_port: int,
    receiver_port: int | None,
    ad_server_port: int | None,
) -> list[Service]:
    """Return the services; receiver and simulated ad server only where they have a port.

    Gunicorn is asked to end when we die, because it must end its workers; the others are killed,
    which loses nothing: rows are the truth.
    """
    commands = {"web": web_command(web_port), "worker": worker_command(), "beat": beat_command()}
    if receiver_port is not None:
        commands["receiver"] = receiver_command(
            port=receiver_port,
            jwks_url=f"http://{HOST}:{web_port}/.well-known/jwks.json",
            log=data.path / "received.jsonl",
        )
    if ad_server_port is not None:
        commands["ad-server"] = ad_server.command(data, port=ad_server_port)
    environment = application_settings(environment)
    return [
        Service(
            name=name,
            command=command,
            environment=environment,
            log=data.log_path(name),
            death_signal=signal.SIGTERM if name == "web" else signal.SIGKILL,
        )
        for name, command in commands.items()
    ]


def past_service(*, data: DataDirectory, environment: dict[str, str]) -> Service:
    """Return what runs once beside a new simulator, when everything answers."""
    return Service(
        name="demo-past",
        command=ad_server.past_command(),
        environment=application_settings(environment),
        log=data.log_path("demo-past"),
        is_once=True,
    )


def application_settings(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of the application's processes."""
    # Django's checks are made by the migration before and not twice more by worker and beat.
    environment = environment | {"CELERY_SKIP_CHECKS": "1"}
    # Celery warns at every start that it runs as root; in a container that is usual.
    return environment | ({"C_FORCE_ROOT": "1"} if os.geteuid() == 0 else {})
