"""What Celery needs to know about each broker; settings import it, so it imports nothing heavy.

The embedded broker is kombu's `pgmq://` on the same PostgreSQL: no second server. A broker only
carries wake-ups, so every setting here prefers a quick error to a long wait.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

# An unacknowledged wake-up comes back after this long: far above the longest task.
VISIBILITY_TIMEOUT_SECONDS = 1800
# A request that publishes a wake-up waits no longer than this for a broker that does not answer.
CONNECT_TIMEOUT_SECONDS = 1
SOCKET_TIMEOUT_SECONDS = 5
# psycopg's pool would let `delay()` block for 30 s while the database is away.
POOL_TIMEOUT_SECONDS = 3


def connection_string(database_url: str) -> str:
    """Return the libpq form of a `postgresql://` URL; pgmq's own parser loses socket directories.

    It keeps host, port, database, user and password only: pass other options, such as sslmode,
    in libpq's variables (PGSSLMODE).
    """
    parts = urlsplit(database_url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    found = {
        "host": query.get("host") or parts.hostname or "",
        "port": query.get("port") or str(parts.port or ""),
        "dbname": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
    return " ".join(f"{key}={quoted(value)}" for key, value in found.items() if value)


def quoted(value: str) -> str:
    """Return the value as libpq wants it between equals sign and blank."""
    if value and not set(value) & set(" '\\"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def embedded_options(database_url: str) -> dict[str, Any]:
    """Return kombu's transport options for the embedded broker."""
    return {
        "conn_string": connection_string(database_url),
        # The SQL is installed by the migration of `adcp_sales.broker`, not as an extension.
        "init_extension": False,
        "use_notify": True,
        "notify_throttle_interval_ms": 0,
        # Below one second kombu reads at once and then waits for NOTIFY; a longer read would hold
        # up the other queues.
        "wait_time_seconds": 0,
        "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "pool_size": 20,
    }


def broker_url(*, configured: str) -> str:
    """Return Celery's broker_url: the configured one, else the embedded broker."""
    return configured or "pgmq://localhost"


def transport_options(*, configured: str, database_url: str) -> dict[str, Any]:
    """Return Celery's broker_transport_options for the configured or the embedded broker."""
    scheme = urlsplit(broker_url(configured=configured)).scheme
    if scheme == "pgmq":
        return embedded_options(configured_database(configured) or database_url)
    if scheme in {"redis", "rediss", "valkey", "valkeys"}:
        return {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "max_retries": 1,
        }
    if scheme in {"amqp", "amqps", "pyamqp"}:
        return {"confirm_publish": True, "max_retries": 1}
    return {}


def configured_database(configured: str) -> str:
    """Return the database of a configured `pgmq://…` URL, or nothing where it names none."""
    if configured.startswith("pgmq://") and len(configured) > len("pgmq://"):
        return "postgresql" + configured.removeprefix("pgmq")
    return ""
