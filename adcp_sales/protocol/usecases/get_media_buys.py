"""get_media_buys: where each buy stands, what is missing, what happened."""

from typing import Any

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.registry import READING, Call, Reply, TaskSpec
from mediabuys.models import MediaBuy
from mediabuys.selectors.buys import BuyPage, history_of, known_ids, media_buy_page
from mediabuys.states import BuyStatus
from mediabuys.wire.accounts import account_body
from mediabuys.wire.buys import media_buy_body

DEFAULT_STATUSES = (BuyStatus.ACTIVE.value,)
NO_SNAPSHOT = "SNAPSHOT_UNSUPPORTED"


def get_media_buys(call: Call) -> Reply:
    """Return one page of the buys that the agent may see, and an error for each unknown id."""
    page = media_buy_page(
        principal=call.require_principal(),
        account=call.account,
        media_buy_ids=call.params.get("media_buy_ids"),
        statuses=_statuses(call.params),
        after=_after(call),
        limit=page_size(call.params),
    )
    body: dict[str, Any] = {
        "media_buys": _bodies(page.buys, call.params),
        "pagination": _pagination(call, page),
    }
    if unknown := _unknown(call, page):
        body["errors"] = unknown
    if call.account is not None and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _statuses(params: dict[str, Any]) -> list[str] | None:
    asked = params.get("status_filter")
    if asked is None:
        return None if params.get("media_buy_ids") is not None else list(DEFAULT_STATUSES)
    return [asked] if isinstance(asked, str) else list(asked)


def _after(call: Call) -> int | None:
    position = cursor_decode(call)
    return None if position is None else int(position)


def _pagination(call: Call, page: BuyPage) -> dict[str, Any]:
    if page.next_after is None:
        return {"has_more": False}
    return {"has_more": True, "cursor": cursor_encode(call, page.next_after)}


def _bodies(buys: list[MediaBuy], params: dict[str, Any]) -> list[dict[str, Any]]:
    entries = params.get("include_history") or 0
    history = history_of(buys, limit=entries) if entries and buys else {}
    bodies = [
        media_buy_body(buy, account=account_body(buy.account), history=history.get(buy.pk))
        for buy in buys
    ]
    if params.get("include_snapshot"):
        for package in (package for body in bodies for package in body["packages"]):
            package["snapshot_unavailable_reason"] = NO_SNAPSHOT
    return bodies


def _unknown(call: Call, page: BuyPage) -> list[dict[str, Any]]:
    """Name the ids that are nobody's or somebody else's; both read the same."""
    ids = call.params.get("media_buy_ids")
    if ids is None:
        return []
    found = {buy.media_buy_id for buy in page.buys}
    if len(found) < len(set(ids)):
        found |= known_ids(principal=call.require_principal(), media_buy_ids=ids)
    return [
        {
            "code": "MEDIA_BUY_NOT_FOUND",
            "message": "There is no such media buy.",
            "field": f"media_buy_ids[{index}]",
            "suggestion": "Check the media_buy_id.",
            "recovery": "correctable",
        }
        for index, media_buy_id in enumerate(ids)
        if media_buy_id not in found
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
