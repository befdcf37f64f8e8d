"""The webhook that a call registers for its own outcome."""

from collections.abc import Mapping
from typing import Any

from mediabuys.models import Principal
from mediabuys.requests import Channel
from mediabuys.services.destinations import destination_register


def buyer_channel(*, principal: Principal, params: Mapping[str, Any]) -> Channel | None:
    """Store the webhook that the request registers; None where it registers none.

    One statement in the caller's transaction. Raises `InvalidRequest` at the URL or credentials.
    """
    config = params.get("push_notification_config")
    if not config:
        return None
    authentication = config.get("authentication") or {}
    schemes = authentication.get("schemes") or [""]
    destination = destination_register(
        principal=principal,
        url=config["url"],
        scheme=schemes[0],
        credentials=authentication.get("credentials", ""),
        field="push_notification_config",
    )
    return Channel(
        destination_id=destination.pk,
        operation_id=config.get("operation_id", ""),
        push_token=config.get("token", ""),
    )
