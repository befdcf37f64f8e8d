"""Reading buys: everything outside the desk reads through `accepted_media_buys`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.db.models.expressions import RawSQL

from mediabuys.models import (
    Account,
    CreativeAssignment,
    CreativeFormat,
    Event,
    MediaBuy,
    Package,
    Principal,
    Product,
)
from mediabuys.selectors.handwritten import columns, rows
from mediabuys.states import WIRE_BUY_STATUSES
from mediabuys.wire.buys import HISTORY_ACTIONS


@dataclass(frozen=True)
class BuyPage:
    """One page of buys, newest first; `next_after` continues it where there is more."""

    buys: list[MediaBuy]
    next_after: int | None


# The newest buys of each account and status come off the end of the index `media_buy_page`, so
# that the last page of a million buys costs what the first one costs. The internal statuses are
# named because that index leaves them out.
_PAGE_KEYS = """
    SELECT newest.id
    FROM mediabuys_accountaccess access
    CROSS JOIN unnest(%s::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT buy.id FROM mediabuys_mediabuy buy
        WHERE buy.account_id = access.account_id AND buy.status = wanted.status
            AND buy.status NOT IN ('draft', 'declined') AND buy.id < %s
        ORDER BY buy.id DESC LIMIT %s
    ) newest
    WHERE access.principal_id = %s AND access.account_id = coalesce(%s, access.account_id)
    ORDER BY newest.id DESC LIMIT %s
"""
BEFORE_ALL = 2**63 - 1


def accepted_media_buys(principal: Principal) -> QuerySet[MediaBuy]:
    """Return the buys that a buyer's agent may see: accepted ones, of accounts that it may use.

    Scope is the account's ownership, however the buy was made.
    """
    return MediaBuy.objects.filter(
        account__accesses__principal=principal, status__in=WIRE_BUY_STATUSES
    )


def media_buy_page(
    *,
    principal: Principal,
    account: Account | None,
    media_buy_ids: Sequence[str] | None,
    statuses: Iterable[str] | None,
    after: int | None,
    limit: int,
) -> BuyPage:
    """Return one page with packages, assignments and creatives, in six queries.

    `after` is the last buy's key of the page before; `statuses` None means every status.
    """
    buys = media_buys_matching(
        principal=principal,
        account=account,
        media_buy_ids=media_buy_ids,
        statuses=statuses,
        after=after,
        limit=limit,
    )
    return page_of(buys, limit=limit)


def media_buys_matching(
    *,
    principal: Principal,
    account: Account | None,
    media_buy_ids: Sequence[str] | None,
    statuses: Iterable[str] | None,
    after: int | None,
    limit: int,
) -> QuerySet[MediaBuy]:
    """Return the buys of a page, unordered; without ids no more than one over `limit`."""
    if media_buy_ids is None:
        return MediaBuy.objects.filter(
            pk__in=_newest(principal, account, statuses, after, limit + 1)
        )
    named = accepted_media_buys(principal).filter(media_buy_id__in=media_buy_ids)
    return narrowed(named, account=account, statuses=statuses, after=after)


def page_of(buys: QuerySet[MediaBuy], *, limit: int) -> BuyPage:
    """Return the first `limit` of these buys, newest first, with all that a buyer is shown."""
    shown = buys.defer("policy", "push_token", "invoice_bank", "io_acceptance").order_by("-pk")
    found = list(shown.prefetch_related("account", _packages())[: limit + 1])
    more = len(found) > limit
    return BuyPage(found[:limit], found[limit - 1].pk if more else None)


def _newest(
    principal: Principal,
    account: Account | None,
    statuses: Iterable[str] | None,
    after: int | None,
    number: int,
) -> RawSQL:
    wanted = WIRE_BUY_STATUSES if statuses is None else statuses
    before = BEFORE_ALL if after is None else after
    return RawSQL(  # noqa: S611 (the text is constant)
        _PAGE_KEYS,
        (
            sorted({str(status) for status in wanted}),
            before,
            number,
            principal.pk,
            account.pk if account else None,
            number,
        ),
    )


def narrowed(
    buys: QuerySet[MediaBuy],
    *,
    account: Account | None,
    statuses: Iterable[str] | None,
    after: int | None,
) -> QuerySet[MediaBuy]:
    """Return those of the buys that a page's filters leave; None is no filter."""
    if account is not None:
        buys = buys.filter(account=account)
    if statuses is not None:
        buys = buys.filter(status__in=list(statuses))
    if after is not None:
        buys = buys.filter(pk__lt=after)
    return buys


def _packages() -> "Prefetch[Any]":
    """Read packages with no more of their products and creatives than a buyer is shown.

    Accounts and products repeat all over a page, so that each is read once and not joined.
    """
    assignments = CreativeAssignment.objects.select_related("creative").only(
        "package",
        "creative",
        "creative_ref",
        "weight",
        "creative__creative_id",
        "creative__status",
        "creative__rejection_reason",
        "creative__format_key",
    )
    formats = Prefetch("formats", CreativeFormat.objects.only("format_id").order_by("format_id"))
    products = Product.objects.only("product_id").prefetch_related(formats)
    packages = Package.objects.order_by("position").prefetch_related(
        Prefetch("product", products),
        Prefetch("assignments", assignments.order_by("pk")),
    )
    return Prefetch("packages", packages)


def known_ids(*, principal: Principal, media_buy_ids: Sequence[str]) -> set[str | None]:
    """Return which of these ids name a buy that the agent may see, whatever its page or status."""
    buys = accepted_media_buys(principal).filter(media_buy_id__in=media_buy_ids)
    return set(buys.values_list("media_buy_id", flat=True))


# The index `event_history` gives each buy's newest entries, however long its history is.
_HISTORY = f"""
    SELECT {columns(Event, "event")}
    FROM unnest(%s::bigint[]) AS buy (id)
    CROSS JOIN LATERAL (
        SELECT * FROM mediabuys_event
        WHERE media_buy_id = buy.id AND action = ANY(%s)
        ORDER BY id DESC LIMIT %s
    ) event
    ORDER BY event.media_buy_id, event.id DESC
"""  # noqa: S608 (made of column names)


def history_of(buys: Sequence[MediaBuy], *, limit: int) -> dict[int, list[Event]]:
    """Return the last `limit` history entries of each buy, newest first, in one query."""
    history: dict[int, list[Event]] = {buy.pk: [] for buy in buys}
    wanted = [list(history), [action.value for action in HISTORY_ACTIONS], limit]
    for (event,) in rows(_HISTORY, wanted, Event):
        history[event.media_buy_id].append(event)
    return history
