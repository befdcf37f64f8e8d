"""The words in which the engine speaks of a message and of its attempts."""

from django.db import models


class DestinationKind(models.TextChoices):
    SIGNED_HTTP = "signed_http", "Signed webhook"
    PLAIN_HTTP = "plain_http", "Plain HTTP (chat)"
    EMAIL = "email", "E-mail"


class Scheme(models.TextChoices):
    """How a webhook proves who sent it: our own signature, or a legacy scheme in its place."""

    NONE = "none", "RFC 9421 signature"
    BEARER = "bearer", "Bearer token (legacy)"
    HMAC_SHA256 = "hmac_sha256", "HMAC-SHA256 (legacy)"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Gave up"
    STOPPED = "stopped", "Stopped by the receiver"


# Everything but pending is final: a later replay is a new delivery.
DELIVERY_MOVES: dict[DeliveryStatus, frozenset[DeliveryStatus]] = {
    DeliveryStatus.PENDING: frozenset(
        {DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.STOPPED}
    ),
    DeliveryStatus.DELIVERED: frozenset(),
    DeliveryStatus.DEAD: frozenset(),
    DeliveryStatus.STOPPED: frozenset(),
}


class AttemptOutcome(models.TextChoices):
    PENDING = "pending", "In flight"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    TIMEOUT = "timeout", "Timed out"
    CONNECTION_ERROR = "connection_error", "No connection"
