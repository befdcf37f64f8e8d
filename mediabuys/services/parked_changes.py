"""Changes that wait for a person: parked, applied, refused, outdated."""

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from mediabuys.change_creatives import creative_ids_of
from mediabuys.change_gates import change_admit
from mediabuys.change_request import ChangeRequest
from mediabuys.change_validation import change_request
from mediabuys.change_words import differences_in_words
from mediabuys.errors import ChangeStale, Conflict, TradeError
from mediabuys.locks import creatives_locked, media_buy_locked
from mediabuys.models import Event, MediaBuy, MediaBuyChange, Principal
from mediabuys.requests import Channel, channel_fields
from mediabuys.selectors.changes import catalog_of_change, packages_to_change, waiting_change
from mediabuys.services.changes import AppliedChange, change_apply

PATCH_FIELDS = ("paused", "start_time", "end_time", "packages", "new_packages")
# Who is invoiced may come with bank details, and a webhook with its secret.
SEALED_FIELDS = ("invoice_recipient", "reporting_webhook")


def change_patch(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a schema-valid request that change the buy and hold no secret."""
    return {name: deepcopy(params[name]) for name in PATCH_FIELDS if name in params}


def change_park(
    *,
    buy: MediaBuy,
    principal: Principal,
    request: ChangeRequest,
    params: Mapping[str, Any],
    policy: dict[str, Any],
) -> MediaBuyChange:
    """Keep a checked change until somebody decides; the buy stays as it is.

    `params` is the schema-valid request, `policy` the rules' trace. Secrets of the request are
    kept encrypted. Raises `Conflict` while another change of the buy waits. The caller holds the
    buy's row.
    """
    if waiting_change(buy) is not None:
        raise Conflict(
            "Another change of this media buy waits for the publisher's answer.",
            field="media_buy_id",
            suggestion="Wait for its answer, then send this change again.",
        )
    sealed = {name: params[name] for name in SEALED_FIELDS if name in params}
    if request.channel is not None:
        sealed["channel"] = channel_fields(request.channel)
    change = MediaBuyChange(
        media_buy=buy,
        principal=principal,
        base_revision=buy.revision,
        patch=change_patch(params),
        sealed=json.dumps(sealed) if sealed else "",
        differences=differences_in_words(request),
        policy=policy,
        budget_after=request.budget_after,
    )
    change.save(force_insert=True)
    return change


def change_apply_parked(*, change: MediaBuyChange, now: datetime) -> AppliedChange:
    """Apply a waiting change to its buy, as it was shown, or refuse it as a whole.

    Raises `ChangeStale` before anything is written: the buy has moved on since, or what was asked
    cannot be done any more, or would not be what was shown. Locks the creatives that it assigns
    and the buy, in the transaction of the caller, who holds the change's task.
    """
    with transaction.atomic(savepoint=False):
        asked = _asked(change)
        creatives = creatives_locked(
            account=change.media_buy.account, creative_ids=creative_ids_of(asked)
        )
        buy = media_buy_locked(change.media_buy_id)
        stale = staleness_of(change=change, buy=buy)
        if stale is not None:
            raise stale
        request = _request(asked, change, buy, {one.creative_id: one for one in creatives}, now)
        applied = change_apply(buy=buy, request=request, principal=change.principal, now=now)
        change.apply()
        change.applied_revision = applied.revision
        _settle(change, now)
        return applied


def _asked(change: MediaBuyChange) -> dict[str, Any]:
    sealed = json.loads(change.sealed) if change.sealed else {}
    return {**change.patch, **{name: sealed[name] for name in SEALED_FIELDS if name in sealed}}


def _channel(change: MediaBuyChange) -> Channel | None:
    sealed = json.loads(change.sealed) if change.sealed else {}
    return Channel(**sealed["channel"]) if "channel" in sealed else None


def staleness_of(*, change: MediaBuyChange, buy: MediaBuy) -> ChangeStale | None:
    """Return what moved of the buy since the change was asked for; None while nothing did."""
    if buy.revision == change.base_revision:
        return None
    since = Event.objects.filter(media_buy=buy, revision__gt=change.base_revision).order_by("pk")
    return ChangeStale(
        *(event.summary or event.get_action_display() for event in since),
        details=_versions(change, buy),
    )


def _versions(change: MediaBuyChange, buy: MediaBuy) -> dict[str, Any]:
    return {
        "resource_id": buy.media_buy_id,
        "expected_version": change.base_revision,
        "current_version": buy.revision,
    }


def _request(
    asked: Mapping[str, Any],
    change: MediaBuyChange,
    buy: MediaBuy,
    creatives: Mapping[str, Any],
    now: datetime,
) -> ChangeRequest:
    packages = packages_to_change(buy, with_formats=bool(creatives))
    catalog = catalog_of_change(asked, agent_url=settings.PUBLIC_URL)
    try:
        change_admit(asked, buy=buy, packages=packages)
        request = change_request(
            asked,
            buy=buy,
            packages=packages,
            catalog=catalog,
            now=now,
            creatives=creatives,
            channel=_channel(change),
        )
    except TradeError as error:
        raise ChangeStale(error.message, details=_versions(change, buy)) from error
    if differences_in_words(request) != change.differences:
        raise ChangeStale(
            "What was asked for would not be what was shown: prices or packages have changed.",
            details=_versions(change, buy),
        )
    return request


def change_refuse(*, change: MediaBuyChange, now: datetime) -> None:
    """End a waiting change that was declined or expired; the buy stays as it is."""
    change.refuse()
    _settle(change, now)


def change_outdate(*, change: MediaBuyChange, now: datetime) -> None:
    """End a waiting change that is stale; the buy stays as it is."""
    change.outdate()
    _settle(change, now)


def _settle(change: MediaBuyChange, now: datetime) -> None:
    """Save a change that waits no longer, whichever way it went, without its secrets."""
    change.settled_at, change.sealed = now, ""
    change.save(update_fields=["status", "applied_revision", "settled_at", "sealed"])
