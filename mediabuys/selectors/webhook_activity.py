"""What an agent was sent about the buys on a page."""

from collections.abc import Sequence

from django.db import connection

from mediabuys.models import MediaBuy, Principal
from webhooks.activity import AttemptRecord, activity_of

# The notification types of reports and of health; task results are not among them.
NOTIFICATION_TYPES = ("scheduled", "final", "delayed", "adjusted", "impairment")

_REGISTERED = """
    SELECT buy.id FROM mediabuys_mediabuy buy
    JOIN webhooks_destination destination ON destination.id = buy.destination_id
    WHERE buy.id = ANY(%(buys)s) AND destination.owner_key = %(owner)s
    UNION
    SELECT report.media_buy_id FROM mediabuys_reportingwebhook report
    JOIN webhooks_destination destination ON destination.id = report.destination_id
    WHERE report.media_buy_id = ANY(%(buys)s) AND destination.owner_key = %(owner)s
"""


def webhook_activity_of(
    buys: Sequence[MediaBuy], *, principal: Principal, limit: int
) -> dict[int, list[AttemptRecord]]:
    """Return, by the buy's key, the agent's last `limit` attempts, newest first; two queries.

    A buy is absent when the agent has no endpoint registered for it and was never sent anything,
    whatever other agents of the account have.
    """
    if not buys:
        return {}
    subjects = {f"media_buy:{buy.reference}": buy.pk for buy in buys}
    found = activity_of(
        owner_key=principal.principal_id,
        subject_keys=list(subjects),
        kinds=NOTIFICATION_TYPES,
        limit=limit,
    )
    registered = _registered(buys, principal)
    return {
        key: found[subject]
        for subject, key in subjects.items()
        if found[subject] or key in registered
    }


def _registered(buys: Sequence[MediaBuy], principal: Principal) -> set[int]:
    """Return the buys for which the agent has a push channel or a reporting webhook."""
    keys = [buy.pk for buy in buys]
    with connection.cursor() as cursor:
        cursor.execute(_REGISTERED, {"buys": keys, "owner": principal.principal_id})
        return {key for (key,) in cursor.fetchall()}
