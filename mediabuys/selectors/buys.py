"""Reading buys: everything outside the desk reads through `accepted_media_buys`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet, Window
from django.db.models.functions import RowNumber

from mediabuys.models import (
    Account,
    CreativeAssignment,
    Event,
    MediaBuy,
    Package,
    Principal,
    Product,
)
from mediabuys.states import WIRE_BUY_STATUSES
from mediabuys.wire.buys import HISTORY_ACTIONS


@dataclass(frozen=True)
class BuyPage:
    """One page of buys, newest first; `next_after` continues it where there is more."""

    buys: list[MediaBuy]
    next_after: int | None


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
    """Return one page with packages, assignments and creatives, in five queries.

    `after` is the last buy's key of the page before; `statuses` None means every status.
    """
    buys = accepted_media_buys(principal).defer("policy", "push_token").order_by("-pk")
    if account is not None:
        buys = buys.filter(account=account)
    if media_buy_ids is not None:
        buys = buys.filter(media_buy_id__in=media_buy_ids)
    if statuses is not None:
        buys = buys.filter(status__in=list(statuses))
    if after is not None:
        buys = buys.filter(pk__lt=after)
    rows = list(buys.prefetch_related("account", _packages())[: limit + 1])
    more = len(rows) > limit
    return BuyPage(rows[:limit], rows[limit - 1].pk if more else None)


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
    packages = Package.objects.order_by("position").prefetch_related(
        Prefetch("product", Product.objects.only("product_id")),
        Prefetch("assignments", assignments.order_by("pk")),
    )
    return Prefetch("packages", packages)


def known_ids(*, principal: Principal, media_buy_ids: Sequence[str]) -> set[str | None]:
    """Return which of these ids name a buy that the agent may see, whatever its page or status."""
    buys = accepted_media_buys(principal).filter(media_buy_id__in=media_buy_ids)
    return set(buys.values_list("media_buy_id", flat=True))


def history_of(buys: Sequence[MediaBuy], *, limit: int) -> dict[int, list[Event]]:
    """Return the last `limit` history entries of each buy, newest first, in one query."""
    ranked = (
        Event.objects.filter(media_buy__in=[buy.pk for buy in buys], action__in=HISTORY_ACTIONS)
        .annotate(rank=Window(RowNumber(), partition_by="media_buy", order_by="-pk"))
        .filter(rank__lte=limit)
        .order_by("media_buy", "-pk")
    )
    history: dict[int, list[Event]] = {buy.pk: [] for buy in buys}
    for event in ranked:
        history[event.media_buy_id].append(event)
    return history
