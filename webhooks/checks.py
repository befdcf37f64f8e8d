"""Settings with which the engine would be unsafe or would break its promises."""

from collections.abc import Iterator, Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from webhooks import conf, signing
from webhooks.encryption import encrypt

WEEK_SECONDS = 7 * conf.DAY_SECONDS


@register("webhooks")
def settings_are_safe(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django passes it by name
    **_: object,
) -> list[CheckMessage]:
    """Refuse unsafe numbers always, and unsafe secrets and destinations in production."""
    return [*_unsafe_numbers(), *(_unsafe_in_production() if settings.PRODUCTION else ())]


def _unsafe_numbers() -> Iterator[CheckMessage]:
    limits = conf.delivery_limits()
    if conf.lease().total_seconds() <= limits.connect_seconds + limits.total_seconds:
        yield Error(
            "A delivery's lease ends before its request must have ended.",
            hint="Raise WEBHOOK_LEASE_SECONDS, or lower WEBHOOK_TOTAL_SECONDS.",
            id="webhooks.E003",
        )
    if not conf.DAY_SECONDS <= conf.horizon().total_seconds() <= WEEK_SECONDS:
        yield Error(
            "The retry horizon must lie between 24 hours and 7 days.",
            hint="Change WEBHOOK_RETRY_HORIZON_SECONDS.",
            id="webhooks.E005",
        )


def _unsafe_in_production() -> Iterator[CheckMessage]:
    if conf.private_destinations_allowed():
        yield Error(
            "Counterparties could make this server call private addresses.",
            hint="Unset ALLOW_PRIVATE_DESTINATIONS.",
            id="webhooks.E006",
        )
    try:
        signing.key_id()
    except ImproperlyConfigured as error:
        yield Error(
            f"Webhooks cannot be signed: {error}",
            hint="Set WEBHOOK_SIGNING_KEY to an Ed25519 private key (PKCS8 PEM).",
            id="webhooks.E008",
        )
    try:
        encrypt("probe")
    except (ImproperlyConfigured, ValueError) as error:
        yield Error(
            f"Secrets cannot be encrypted: {error}",
            hint="Set FIELD_ENCRYPTION_KEYS to one or more Fernet keys.",
            id="webhooks.E009",
        )
