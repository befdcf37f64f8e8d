"""Every exception as an AdcpError; what nobody foresaw is logged and says nothing."""

import logging
import secrets

from django.db.utils import DatabaseError, InterfaceError, OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from adcp_sales.protocol.errors import AdcpError
from mediabuys.errors import TradeError

logger = logging.getLogger(__name__)

LOCK_RETRY_SECONDS = 1
OUTAGE_RETRY_SECONDS = 5
CONTENTION = (LockNotAvailable, DeadlockDetected, SerializationFailure)


def as_adcp_error(error: Exception) -> AdcpError:
    """Return what the buyer is told about `error`.

    Failure policy: refusals of the apps keep their code; contention and a database that is down
    are transient; anything else is SERVICE_UNAVAILABLE with a correlation id that the log has too.
    """
    if isinstance(error, AdcpError):
        return error
    if isinstance(error, TradeError):
        return AdcpError(
            error.code,
            error.message,
            field=error.field,
            suggestion=error.suggestion,
            details=error.details,
            recovery=error.recovery,
        )
    if isinstance(error, DatabaseError | InterfaceError):
        return _database_error(error)
    return _unexpected(error)


def _database_error(error: Exception) -> AdcpError:
    if isinstance(error.__cause__, CONTENTION):
        return AdcpError(
            "CONFLICT",
            "Another call is changing the same thing right now.",
            suggestion="Send the same request again, with the same idempotency_key.",
            retry_after=LOCK_RETRY_SECONDS,
        )
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database does not answer.", exc_info=error)
        return AdcpError(
            "SERVICE_UNAVAILABLE",
            "The service cannot reach its database right now.",
            retry_after=OUTAGE_RETRY_SECONDS,
        )
    return _unexpected(error)


def _unexpected(error: Exception) -> AdcpError:
    correlation_id = secrets.token_hex(8)
    logger.error("Unexpected failure %s", correlation_id, exc_info=error)
    return AdcpError(
        "SERVICE_UNAVAILABLE",
        "Something went wrong on our side; nothing was changed.",
        suggestion="Retry later; if it happens again, quote the correlation id to the publisher.",
        details={"correlation_id": correlation_id},
    )
