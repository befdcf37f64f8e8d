"""What an agent was sent about the buys on a page."""

from collections.abc import Sequence

from django.db.models import Q

from mediabuys.models import MediaBuy, Principal
from webhooks.activity import AttemptRecord, activity_of

# The notification types of reports and of health; task results are not among them.
NOTIFICATION_TYPES = ("scheduled", "final", "delayed", "adjusted", "impairment")


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
    owner = principal.principal_id
    registered = MediaBuy.objects.filter(
        Q(destination__owner_key=owner) | Q(reporting_webhook__destination__owner_key=owner),
        pk__in=[buy.pk for buy in buys],
    )
    return set(registered.order_by().values_list("pk", flat=True))
