"""System checks: each unsafe combination of settings has an id."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution

from mediabuys.adservers.registry import ADAPTERS
from mediabuys.rollups import precedence_faults
from webhooks.addresses import parse
from webhooks.errors import DestinationRefused

DEVELOPMENT_KEY_MARK = "development-only"
SECRET_KEY_CHARACTERS = 50


@register(Tags.security)
def production_is_safe(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 (Django's signature)
    **kwargs: Any,  # noqa: ARG001
) -> list[CheckMessage]:
    """Refuse settings unsafe in public; `webhooks.checks` looks at the keys of its own."""
    if not settings.PRODUCTION:
        return []
    findings = [
        (_is_weak(settings.SECRET_KEY), "E001", "Set SECRET_KEY to 50 random characters."),
        (
            not settings.PUBLIC_URL.startswith("https://"),
            "E002",
            "Set PUBLIC_URL to the https address that buyers use.",
        ),
        (settings.DEBUG, "E003", "DEBUG shows internals to buyers."),
        ("*" in settings.ALLOWED_HOSTS, "E004", "Name the hosts in ALLOWED_HOSTS."),
    ]
    return [Error(message, id=f"adcp.{number}") for found, number, message in findings if found]


@register(Tags.compatibility)
def rollup_tables_are_whole(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 (Django's signature)
    **kwargs: Any,  # noqa: ARG001
) -> list[CheckMessage]:
    """Refuse a rollup table in which a status is missing, unknown or twice."""
    hint = "Name each status once in INTERCHANGE_PRECEDENCE and OPERATIONAL_STATUS_PRECEDENCE."
    return [
        Error(f"ROLLUP_PRECEDENCE, {fault}", hint=hint, id="adcp.E005")
        for fault in precedence_faults(settings.ROLLUP_PRECEDENCE)
    ]


@register(Tags.compatibility)
def ad_server_is_set_up(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 (Django's signature)
    **kwargs: Any,  # noqa: ARG001
) -> list[CheckMessage]:
    """Refuse an ad server that cannot be called, and warn where orders would go nowhere."""
    if settings.ADSERVER not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        return [Error("ADSERVER names no adapter.", hint=f"Choose of {known}.", id="adcp.E006")]
    if settings.ADSERVER == "inline":
        return [_serves_nothing()] if settings.PRODUCTION else []
    findings = [
        (not _is_address(settings.ADSERVER_URL), "E007", "Set ADSERVER_URL to its http address."),
        (not settings.ADSERVER_TOKEN, "E008", "Set ADSERVER_TOKEN to what it knows us by."),
    ]
    return [Error(message, id=f"adcp.{number}") for found, number, message in findings if found]


def _serves_nothing() -> CheckMessage:
    return Caution(
        "ADSERVER=inline keeps orders in a table and serves nothing.",
        hint="Name the ad server that books orders in ADSERVER.",
        id="adcp.W001",
    )


def _is_address(url: str) -> bool:
    try:
        return bool(parse(url))
    except DestinationRefused:
        return False


def _is_weak(secret: str) -> bool:
    return len(secret) < SECRET_KEY_CHARACTERS or DEVELOPMENT_KEY_MARK in secret
