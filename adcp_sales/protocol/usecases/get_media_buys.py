"""get_media_buys: where each buy stands, what is missing, what happened, who was told."""

from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.registry import READING, Call, Reply, TaskSpec
from mediabuys.models import MediaBuy
from mediabuys.selectors.buys import BuyPage, history_of, known_ids, media_buy_page
from mediabuys.selectors.impairments import impairments_of
from mediabuys.selectors.snapshots import snapshots_of
from mediabuys.selectors.webhook_activity import webhook_activity_of
from mediabuys.states import BuyStatus
from mediabuys.wire.accounts import account_body
from mediabuys.wire.buys import media_buy_body
from mediabuys.wire.legacy import legacy_advisories
from webhooks.activity import AttemptRecord

DEFAULT_STATUSES = (BuyStatus.ACTIVE.value,)
ACTIVITY_LIMIT = 50


def get_media_buys(call: Call) -> Reply:
    """Return one page of the buys that the agent may see, and an error for each unknown id."""
    page = media_buy_page(
        principal=call.require_principal(),
        account=call.account,
        media_buy_ids=call.params.get("media_buy_ids"),
        statuses=asked_statuses(call.params),
        after=page_after(call),
        limit=page_size(call.params),
    )
    body: dict[str, Any] = {
        "media_buys": buy_bodies(page.buys, call),
        "pagination": page_info(call, page),
    }
    if errors := [*legacy_advisories(call.params), *unknown_ids(call, page)]:
        body["errors"] = errors
    if call.account is not None and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def asked_statuses(params: dict[str, Any]) -> list[str] | None:
    """Return the statuses that a read of buys is about; None is every one."""
    asked = params.get("status_filter")
    if asked is None:
        return None if params.get("media_buy_ids") is not None else list(DEFAULT_STATUSES)
    return [asked] if isinstance(asked, str) else list(asked)


def page_after(call: Call) -> int | None:
    """Return the last buy's key of the page before, from the cursor."""
    position = cursor_decode(call)
    return None if position is None else int(position)


def page_info(call: Call, page: BuyPage) -> dict[str, Any]:
    """Return the `pagination` of an answer."""
    if page.next_after is not None:
        return {"has_more": True, "cursor": cursor_encode(call, page.next_after)}
    # Of a walk's last page only the length of the page is known, unless it is the first one too.
    counted = {} if page_after(call) is not None else {"total_count": len(page.buys)}
    return {"has_more": False, **counted}


def buy_bodies(buys: list[MediaBuy], call: Call) -> list[dict[str, Any]]:
    """Return the page's entries with the parts that were asked for, each read once for all."""
    params, principal = call.params, call.require_principal()
    entries = params.get("include_history") or 0
    history = history_of(buys, limit=entries) if entries and buys else {}
    activity: dict[int, list[AttemptRecord]] = {}
    if params.get("include_webhook_activity"):
        limit = params.get("webhook_activity_limit", ACTIVITY_LIMIT)
        activity = webhook_activity_of(buys, principal=principal, limit=limit)
    snapshots = None
    if params.get("include_snapshot"):
        snapshots = snapshots_of(buys, principal=principal, now=call.now)
    impairments = impairments_of(buys, now=call.now)
    return [
        media_buy_body(
            buy,
            account=account_body(buy.account),
            agent_url=settings.PUBLIC_URL,
            history=history.get(buy.pk),
            activity=activity.get(buy.pk),
            snapshots=snapshots,
            impairments=impairments.get(buy.pk, ()),
        )
        for buy in buys
    ]


def unknown_ids(call: Call, page: BuyPage) -> list[dict[str, Any]]:
    """Name the ids that are nobody's or somebody else's; both read the same."""
    ids = call.params.get("media_buy_ids")
    if ids is None:
        return []
    found = {buy.media_buy_id for buy in page.buys}
    if len(found) < len(set(ids)):
        found |= known_ids(principal=call.require_principal(), media_buy_ids=ids)
    return not_found("media_buy_id", ids, found, "There is no such media buy.")


def not_found(
    name: str, asked: Sequence[str], found: Collection[str | None], message: str
) -> list[dict[str, Any]]:
    """Return an error for each of the list `<name>s` that was asked for and not found."""
    return [
        {
            "code": "MEDIA_BUY_NOT_FOUND",
            "message": message,
            "field": f"{name}s[{index}]",
            "suggestion": f"Check the {name}.",
            "recovery": "correctable",
        }
        for index, value in enumerate(asked)
        if value not in found
    ]


TASKS = [
    TaskSpec(
        name="get_media_buys",
        run=get_media_buys,
        access="read",
        summary="Read media buys by id or by status, with packages, creatives and history.",
        schema="get_media_buys",
        account="optional",
        account_statuses=READING,
        example={"status_filter": ["pending_creatives", "pending_start", "active"]},
    )
]
